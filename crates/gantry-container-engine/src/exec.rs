//! Commands inside a container.

mod end;

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use futures::StreamExt as _;
use gantry_core::ExitStatus;
use gantry_driver::{DriverError, JobOutcome};
use smol_str::format_smolstr;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::trouble;

pub(crate) use end::Guard;

/// The codes with which engines say that a program could not be run at all.
const NOT_RUN: [i32; 2] = [126, 127];

/// The signal that ends what has not ended.
const KILLED: i32 = 9;

/// What is to be run.
#[derive(Debug)]
pub struct Command<'a> {
    /// Program and arguments.
    pub words: &'a [String],
    /// Variables on top of the container's, as `NAME=value`.
    pub env: Vec<String>,
    /// The working folder, if not the container's.
    pub folder: Option<String>,
    /// After so long it is killed.
    pub time_limit: Duration,
    /// Bytes that are kept of each of its outputs.
    pub capture: usize,
}

impl<'a> Command<'a> {
    /// As the container has it, with the last KiB of its output.
    pub fn plain(words: &'a [String], time_limit: Duration) -> Self {
        Self {
            words,
            env: Vec::new(),
            folder: None,
            time_limit,
            capture: 4096,
        }
    }
}

/// Runs it, and waits for its end. After its time it is killed, and so it is when nobody waits any more.
pub async fn run(
    engine: &Engine,
    id: &str,
    command: Command<'_>,
) -> Result<JobOutcome, DriverError> {
    let begun = Instant::now();
    let api = &engine.api;
    let failed = |error: &bollard::errors::Error| trouble::of("exec", error);
    let config = ExecConfig {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        env: Some(command.env),
        cmd: Some(command.words.to_vec()),
        working_dir: command.folder,
        ..ExecConfig::default()
    };
    let made = api.create_exec(id, config).await;
    let made = made.map_err(|error| failed(&error))?;
    let mut guard = Guard::new(engine, id, &made.id);
    let attached = api.start_exec(&made.id, None).await;
    let StartExecResults::Attached { mut output, .. } = attached.map_err(|error| failed(&error))?
    else {
        return Err(DriverError::permanent("exec", "its output was not given"));
    };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut incomplete = false;
    let read = async {
        while let Some(piece) = output.next().await {
            let (kept, bytes) = match piece {
                Ok(LogOutput::StdErr { message }) => (&mut stderr, message),
                Ok(other) => (&mut stdout, other.into_bytes()),
                Err(error) => return Err(failed(&error)),
            };
            let room = command.capture.saturating_sub(kept.len());
            incomplete |= bytes.len() > room;
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        Ok(())
    };
    let timed_out = match tokio::time::timeout(command.time_limit, read).await {
        Ok(read) => {
            read?;
            false
        }
        Err(_) => true,
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let (stdout, stderr) = (text(stdout), text(stderr));
    let exit = if timed_out {
        match guard.end().await {
            Ok(()) => ExitStatus::Signal(KILLED),
            Err(error) => ExitStatus::Unknown(format_smolstr!(
                "it had not ended in its time, and cannot be killed: {error}"
            )),
        }
    } else {
        guard.is_over();
        let seen = api.inspect_exec(&made.id).await;
        let code = seen.map_err(|error| failed(&error))?.exit_code;
        match code.and_then(|code| i32::try_from(code).ok()) {
            Some(code) if NOT_RUN.contains(&code) && said_by_engine(&stdout, &stderr) => {
                let reason = format!("{} cannot be run in its container", command.words[0]);
                let said = if stderr.is_empty() { stdout } else { stderr };
                return Err(DriverError::permanent("exec", reason).with_evidence(said.trim()));
            }
            Some(code) => ExitStatus::Code(code),
            None => ExitStatus::Unknown("the engine does not tell it".into()),
        }
    };
    Ok(JobOutcome {
        exit,
        timed_out,
        duration: begun.elapsed(),
        stdout,
        stderr,
        incomplete,
    })
}

/// Runs a short one whose output nobody wants.
async fn quietly(engine: &Engine, id: &str, command: &Command<'_>) -> Result<(), DriverError> {
    let failed = |error: &bollard::errors::Error| trouble::of("exec", error);
    let config = ExecConfig {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(command.words.to_vec()),
        ..ExecConfig::default()
    };
    let made = engine.api.create_exec(id, config).await;
    let made = made.map_err(|error| failed(&error))?.id;
    let started = engine.api.start_exec(&made, None).await;
    if let StartExecResults::Attached { output, .. } = started.map_err(|error| failed(&error))? {
        let all = output.for_each(|_| std::future::ready(()));
        let _ = tokio::time::timeout(command.time_limit, all).await;
    }
    let seen = engine.api.inspect_exec(&made).await;
    match seen.map_err(|error| failed(&error))?.exit_code {
        Some(0) => Ok(()),
        code => {
            let reason = format!("`kill` in its container ended with {code:?}");
            Err(DriverError::transient("exec", reason))
        }
    }
}

/// Whether what was printed is the engine's own complaint, and not the program's.
fn said_by_engine(stdout: &str, stderr: &str) -> bool {
    [stdout, stderr].iter().any(|text| {
        let text = text.to_lowercase();
        text.contains("exec failed") || text.contains("oci runtime")
    })
}
