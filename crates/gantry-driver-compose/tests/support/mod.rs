//! Commands on this machine, without a keeper.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::future::BoxFuture;
use gantry_core::ExitStatus;
use gantry_driver::{DriverError, HostJobs, JobOutcome, JobRequest};

/// Runs them itself: two of one name one after the other.
#[derive(Default)]
pub(crate) struct Commands {
    names: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl HostJobs for Commands {
    fn run(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        Box::pin(async move {
            let lock = {
                let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(names.entry(job.name.to_string()).or_default())
            };
            let _one_at_a_time = lock.lock().await;
            let begun = Instant::now();
            let mut command = tokio::process::Command::new(&job.command[0]);
            command
                .args(&job.command[1..])
                .envs(job.env)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true);
            if let Some(folder) = &job.folder {
                command.current_dir(folder);
            }
            let failed = |error: std::io::Error| DriverError::permanent("job", error.to_string());
            let child = command.spawn().map_err(failed)?;
            let ended = tokio::time::timeout(job.time_limit, child.wait_with_output()).await;
            let (exit, stdout, stderr) = match ended {
                Err(_) => (
                    ExitStatus::Unknown("too late".into()),
                    Vec::new(),
                    Vec::new(),
                ),
                Ok(output) => {
                    let output = output.map_err(failed)?;
                    let code = output.status.code().unwrap_or(-1);
                    (ExitStatus::Code(code), output.stdout, output.stderr)
                }
            };
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            Ok(JobOutcome {
                timed_out: matches!(exit, ExitStatus::Unknown(_)),
                exit,
                duration: begun.elapsed(),
                stdout: text(stdout),
                stderr: text(stderr),
                incomplete: false,
            })
        })
    }
}
