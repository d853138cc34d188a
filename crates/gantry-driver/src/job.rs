//! Short commands that run beside or inside an instance: command probes, stop commands, commands
//! that give secrets.

use std::time::Duration;

use camino::Utf8PathBuf;
use futures::future::BoxFuture;
use gantry_core::{ExitStatus, Generation, InstanceId, Millis};
use smol_str::SmolStr;

use crate::{DriverError, Recorded};

/// One short command.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRequest {
    /// Its name. A job of the same name that still runs is not started again; its outcome is awaited.
    pub name: SmolStr,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Variables on top of those of its place.
    pub env: Vec<(String, String)>,
    /// The working folder, if not that of its place.
    pub folder: Option<Utf8PathBuf>,
    /// After so long it is killed, with all that it started.
    pub time_limit: Duration,
    /// Bytes that are kept of each of its outputs.
    pub capture: u64,
    /// Whether the end of a job of this name that nobody was told of counts as this one's, also one of
    /// an earlier session. Its end is then kept until [`Session::job_taken`](crate::Session::job_taken).
    pub once: bool,
    /// Where it runs.
    pub place: JobPlace,
    /// If it runs with an instance, what the lines of its output begin with in that instance's log. Nothing
    /// keeps them out of it. Only for backends whose logs are ours to write.
    pub log_as: Option<SmolStr>,
    /// What it reads as its input; nothing without it. It is kept in memory, whatever is in it.
    pub input: Option<Vec<u8>>,
    /// How long it has to end by itself, after a polite signal, when its time is over or it is cancelled.
    pub grace: Duration,
}

impl JobRequest {
    /// A command on this machine, with nothing particular about it.
    pub fn host(
        name: impl Into<SmolStr>,
        command: Vec<String>,
        time_limit: Duration,
        capture: u64,
    ) -> Self {
        Self {
            name: name.into(),
            command,
            env: Vec::new(),
            folder: None,
            time_limit,
            capture,
            once: false,
            place: JobPlace::Host,
            log_as: None,
            input: None,
            grace: Duration::ZERO,
        }
    }
}

/// Where a job runs.
#[derive(Debug, Clone, PartialEq)]
pub enum JobPlace {
    /// On this machine, with the environment that `up` was given.
    Host,
    /// With an instance: in its folder, as its user, with its environment; in its container.
    Instance {
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// What it was started from.
        from: Recorded,
    },
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOutcome {
    /// Its exit status.
    pub exit: ExitStatus,
    /// Whether the time limit ended it.
    pub timed_out: bool,
    /// How long it ran.
    pub duration: Duration,
    /// What it printed, up to the limit. Where the backend joins the outputs, all is here.
    pub stdout: String,
    /// What it printed as errors.
    pub stderr: String,
    /// Whether something that it printed is missing.
    pub incomplete: bool,
}

impl JobOutcome {
    /// Whether it ended well in time.
    pub fn success(&self) -> bool {
        !self.timed_out && self.exit.success()
    }

    /// What it did wrong, if anything, as a sentence without its subject. `limit` is the time that it had.
    pub fn wrong(&self, limit: Duration) -> Option<String> {
        if self.success() {
            return None;
        }
        if self.timed_out {
            let limit = Millis(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
            return Some(format!("did not end within {}", limit.in_words()));
        }
        let said = self.last_line();
        let said = said.map_or_else(String::new, |line| format!(": {line}"));
        Some(format!("failed with {}{said}", self.exit))
    }

    /// The last line that it printed, as an error if it printed any.
    pub fn last_line(&self) -> Option<&str> {
        let lines = |text| str::lines(text).rev().map(str::trim);
        lines(&self.stderr)
            .chain(lines(&self.stdout))
            .find(|line| !line.is_empty())
    }
}

/// Runs commands on this machine for those who must not fork.
///
/// Dropping the future cancels the job. A job that could not be started is a [`DriverError`].
pub trait HostJobs: Send + Sync {
    /// Run it, and wait for its end. [`JobRequest::place`] must be [`JobPlace::Host`].
    fn run(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>>;

    /// Ask a job that runs [`once`](JobRequest::once) to end before its time. Whoever waits for it is told how it ended.
    fn give_up(&self, name: &str) {
        let _ = name;
    }

    /// What came of a job that runs [`once`](JobRequest::once) was noted: its end need not be kept any longer.
    fn taken(&self, name: &str) {
        let _ = name;
    }
}
