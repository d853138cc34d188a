//! The two processes that this same program is for a running stack.

use std::process::ExitCode;

use camino::Utf8PathBuf;
use gantry_keeper::guard::{self, GuardConfig};

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

/// Be the supervisor: the one that thinks.
pub(crate) fn supervisor(_dir: Utf8PathBuf) -> Result<u8, Error> {
    Ok(1)
}
