//! The two processes that this same program is for a running stack.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_api::home::{GantryHome, StackDir};
use gantry_driver::Driver as _;
use gantry_driver_process::ProcessDriver;
use gantry_engine::supervisor::{self, Ended, SupervisorConfig};
use gantry_keeper::guard::{self, GuardConfig};
use tracing_subscriber::EnvFilter;

use crate::error::Error;

/// Be the guard: parent of everything that runs, and of the supervisor.
pub(crate) fn guard(dir: Utf8PathBuf) -> Result<u8, Error> {
    let program = std::env::current_exe()
        .map_err(|source| Error::io("find the program that runs", source))?;
    let program = program.to_string_lossy().into_owned();
    let supervisor_command = vec![program, "__supervisor".to_owned(), dir.to_string()];
    let ended = guard::run(GuardConfig {
        dir,
        supervisor_command,
    });
    Ok(u8::from(ended != ExitCode::SUCCESS))
}

/// Be the supervisor of the stack in this folder, until the stack is down.
pub(crate) fn supervisor(dir: Utf8PathBuf) -> Result<u8, Error> {
    let log = EnvFilter::try_from_env("GANTRY_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_env_filter(log)
        .with_ansi(false)
        .init();
    let home = match dir.parent().and_then(Utf8Path::parent) {
        Some(home) => GantryHome::at(home),
        None => GantryHome::from_env()?,
    };
    let text = |name: OsString| name.into_string().ok();
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
        .collect();
    let driver = ProcessDriver::new();
    let ended = supervisor::run(SupervisorConfig {
        home,
        dir: StackDir::at(dir),
        host_mode: Some(driver.mode()),
        drivers: vec![Arc::new(driver)],
        environment,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    match ended {
        Ok(Ended::Down) => Ok(0),
        // Asked to end by a signal: the guard starts another one for what runs.
        Ok(Ended::Left) => Ok(1),
        Err(error) => Err(Error::io("keep the stack", io::Error::other(error))),
    }
}
