//! What all tasks of a session share.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;

use camino::Utf8PathBuf;
use gantry_container_engine::engine::Engine;
use gantry_container_engine::output;
use gantry_container_engine::owner::Owner;
use gantry_core::InstanceId;
use gantry_driver::{
    DriverError, EventSink, HostJobs, JobOutcome, LogPolicy, StackIdentity, stored,
};
use gantry_log::LogFolder;
use jiff::Timestamp;
use tokio::sync::{Mutex, OnceCell, watch};
use tokio::task::JoinHandle;

use crate::asking::{Asking, refused};
use crate::cli::{self, Ask, Cli};
use crate::gates::Gates;
use crate::look::Seen;
use crate::project::Project;
use crate::record;

/// How many of a container's last lines are told with its exit.
const TAIL: usize = 20;

/// What all tasks of a session share.
pub(crate) struct Context {
    pub(crate) engine: Engine,
    pub(crate) owner: Owner,
    pub(crate) stack: StackIdentity,
    pub(crate) events: EventSink,
    host: Arc<dyn HostJobs>,
    /// Counts the logs that were begun.
    pub(crate) logs: watch::Sender<u64>,
    pub(crate) gates: Gates,
    /// Held by who looks which parts of a project are free, until it has noted which it takes.
    pub(crate) claims: Mutex<()>,
    choice: Option<String>,
    cli: OnceCell<Cli>,
}

impl Context {
    pub(crate) fn new(
        engine: Engine,
        stack: StackIdentity,
        events: EventSink,
        host: Arc<dyn HostJobs>,
        environment: &BTreeMap<String, String>,
    ) -> Self {
        Self {
            engine,
            owner: Owner::new(&stack),
            stack,
            events,
            host,
            logs: watch::Sender::new(0),
            gates: Gates::default(),
            claims: Mutex::new(()),
            choice: environment.get(cli::CHOICE).cloned(),
            cli: OnceCell::new(),
        }
    }

    /// The command; looked for when it is first needed, and again until it is found.
    pub(crate) async fn cli(&self) -> Result<&Cli, DriverError> {
        let find = || cli::find(&self.host, &self.engine, self.choice.as_deref());
        self.cli.get_or_try_init(find).await
    }

    pub(crate) fn host(&self) -> &Arc<dyn HostJobs> {
        &self.host
    }

    /// Asks the command for something.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<JobOutcome, DriverError> {
        self.cli().await?.run(&self.host, ask).await
    }

    /// Has the command build images.
    pub(crate) async fn build(&self, ask: Ask) -> Result<(), DriverError> {
        let limit = ask.limit;
        let outcome = self.ask(ask).await?;
        if outcome.success() {
            return Ok(());
        }
        Err(refused("build", self.cli().await?, &outcome, limit))
    }

    /// What Compose makes of the files.
    pub(crate) async fn config(
        &self,
        instance: &InstanceId,
        asking: &Asking,
        named: &[String],
    ) -> Result<Project, DriverError> {
        let cli = self.cli().await?;
        asking.config(cli, &self.host, instance, named).await
    }

    /// The folder of the log of one container of an instance.
    pub(crate) fn log_folder(&self, instance: &InstanceId, part: &str, number: u32) -> LogFolder {
        let folder: Utf8PathBuf = record::folder(&self.stack, instance)
            .join("parts")
            .join(part)
            .join(number.to_string())
            .join("log");
        LogFolder::new(folder)
    }

    /// Follows the output of a container until its end.
    pub(crate) fn follow(&self, seen: &Seen, policy: LogPolicy) -> JoinHandle<()> {
        let what = output::Follow {
            id: seen.state.id.clone(),
            made: seen.state.made,
            folder: self.log_folder(&seen.instance, &seen.part, seen.number),
            policy,
        };
        // Whoever follows the whole instance looks for it once it is told.
        let mut folders = std::fs::DirBuilder::new();
        let _ = folders
            .recursive(true)
            .mode(0o700)
            .create(what.folder.path());
        let copier = output::follow(self.engine.clone(), what);
        self.logs.send_modify(|count| *count += 1);
        copier
    }

    /// What a container printed last.
    pub(crate) fn tail(&self, seen: &Seen) -> Vec<String> {
        let folder = self.log_folder(&seen.instance, &seen.part, seen.number);
        let since: Option<Timestamp> = seen.state.made;
        stored::tail(&folder, since, TAIL).unwrap_or_else(|error| {
            tracing::warn!(instance = %seen.instance, %error, "its output cannot be read");
            Vec::new()
        })
    }
}
