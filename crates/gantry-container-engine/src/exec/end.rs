//! Ending a command inside a container: engines have no word for that.
//!
//! An engine of this machine tells the command's process here, which leads a session of its own. Who may signal it
//! does; who may not has the container's own `kill` do it, by the number that the process has there.

use std::fs;

use gantry_driver::DriverError;
use rustix::process::{Pid, Signal, kill_process_group};

use super::{Command, quietly};
use crate::engine::Engine;
use crate::trouble;

/// A command that is ended unless it has ended.
#[derive(Debug)]
pub(crate) struct Guard {
    engine: Engine,
    container: String,
    exec: String,
    over: bool,
}

impl Guard {
    pub(crate) fn new(engine: &Engine, container: &str, exec: &str) -> Self {
        Self {
            engine: engine.clone(),
            container: container.to_owned(),
            exec: exec.to_owned(),
            over: false,
        }
    }

    /// It has ended by itself.
    pub(crate) fn is_over(&mut self) {
        self.over = true;
    }

    /// Ends it now.
    pub(crate) async fn end(mut self) -> Result<(), DriverError> {
        self.over = true;
        end(&self.engine, &self.container, &self.exec).await
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let (engine, container, exec) = (
            self.engine.clone(),
            self.container.clone(),
            self.exec.clone(),
        );
        // Without a runtime all ends anyway.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = end(&engine, &container, &exec).await {
                    tracing::warn!(container, %error, "a command inside goes on");
                }
            });
        }
    }
}

async fn end(engine: &Engine, container: &str, exec: &str) -> Result<(), DriverError> {
    let failed = |reason: String| DriverError::transient("exec", reason);
    let seen = match engine.api.inspect_exec(exec).await {
        Ok(seen) => seen,
        // It is gone, and its container too.
        Err(error) if trouble::is_not_found(&error) => return Ok(()),
        Err(error) => return Err(trouble::of("exec", &error)),
    };
    if seen.running != Some(true) {
        return Ok(());
    }
    if !engine.place.is_local() {
        return Err(failed("it runs on another machine".into()));
    }
    let number = seen.pid.and_then(|pid| i32::try_from(pid).ok());
    let Some(number) = number.filter(|number| *number > 1) else {
        return Err(failed("the engine does not tell its process".into()));
    };
    let Some(process) = Pid::from_raw(number) else {
        return Ok(());
    };
    match kill_process_group(process, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(rustix::io::Errno::PERM) => {
            let inside =
                number_inside(number).ok_or_else(|| failed("it cannot be signalled".into()))?;
            let words = ["kill", "-KILL", "--", &format!("-{inside}")].map(str::to_owned);
            quietly(engine, container, &Command::plain(&words, KILLED)).await
        }
        Err(error) => Err(failed(format!("it cannot be signalled: {error}"))),
    }
}

/// How long a container's own `kill` may take.
const KILLED: std::time::Duration = std::time::Duration::from_secs(5);

/// The number that a process has in the innermost of its namespaces.
fn number_inside(number: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{number}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))?;
    line.split_whitespace().last()?.parse().ok()
}
