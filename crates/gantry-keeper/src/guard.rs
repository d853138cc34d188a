//! The guard: root of a running stack.

use std::process::ExitCode;

use camino::Utf8PathBuf;

/// What a guard needs to know.
#[derive(Debug, Clone)]
pub struct GuardConfig {
    /// The stack's folder. It must exist.
    pub dir: Utf8PathBuf,
    /// The supervisor's program and arguments. Its standard output and error go to `supervisor.log`.
    pub supervisor_command: Vec<String>,
}

/// Be the guard, until the keeper was told to shut down. Must be called by a process that has no
/// other threads, early.
pub fn run(config: GuardConfig) -> ExitCode {
    drop(config);
    ExitCode::FAILURE
}
