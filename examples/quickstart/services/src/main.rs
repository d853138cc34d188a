//! The small programs that the quickstart stack runs: one binary, one subcommand each.
//!
//! They are written the way ordinary services are: configured by environment variables, logging
//! to standard output, dying with a message and a non-zero exit code. None of them knows gantry.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a service's log is its output"
)]

use std::error::Error;
use std::process::ExitCode;

mod api;
mod client;
mod gateway;
mod http;
mod migrate;
mod settings;
mod store;
mod worker;

/// What every subcommand gives back: nothing, or why it ended.
type Outcome = Result<(), Box<dyn Error>>;

const USAGE: &str = "usage: quickstart store|migrate|api|worker|gateway|ping";

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let outcome = match name.as_str() {
        "store" => store::run(),
        "migrate" => migrate::run(),
        "api" => api::run(),
        "worker" => worker::run(),
        "gateway" => gateway::run(),
        "ping" => client::ping(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
