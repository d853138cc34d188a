//! The `gantry` command.

mod cli;
mod context;
mod error;
mod guard;
mod host;
mod humane;
mod interrupts;
mod log_feed;
mod operate;
mod output;
mod runtime;
mod stack_file;
mod stack_status;
mod style;
mod timeline;
mod verbs;
mod view;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;

use crate::cli::{Cli, Format};
use crate::error::Error;
use crate::output::Output;
use crate::verbs::roles::Role;

/// Large stack files are many small allocations; the reason in numbers is in the root manifest.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Some(code) = complete() {
        return code;
    }
    if let Some(role) = Role::asked() {
        return end(&Output::new(Format::Table), role.play());
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let output = Output::new(cli.output);
    let ended = verbs::run(cli, &output);
    end(&output, ended)
}

fn end(output: &Output, ended: Result<u8, Error>) -> ExitCode {
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            error.show(output);
            ExitCode::from(error.exit_code())
        }
    }
}

/// What a shell asks for when someone presses the tabulator key.
fn complete() -> Option<ExitCode> {
    let here = std::env::current_dir().ok();
    let asked = CompleteEnv::with_factory(Cli::command)
        .bin("gantry")
        .try_complete(std::env::args_os(), here.as_deref());
    match asked {
        Ok(false) => None,
        Ok(true) => Some(ExitCode::SUCCESS),
        Err(error) => Some(refuse(&error)),
    }
}

/// Help, the version, or what is wrong with what was typed.
fn refuse(error: &clap::Error) -> ExitCode {
    let output = Output::new(Format::Table);
    let text = error.render();
    let stream = if error.use_stderr() {
        &output.notes
    } else {
        &output.results
    };
    let text = if stream.colour() {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    stream.bytes(text.as_bytes());
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}
