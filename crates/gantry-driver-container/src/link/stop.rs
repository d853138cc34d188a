//! Ending and removing one container.

use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::{KillContainerOptions, WaitContainerOptions};
use futures::StreamExt as _;
use gantry_core::{ExitStatus, Generation, InstanceId};
use gantry_driver::{DriverError, DriverEvent, StopPolicy};
use smol_str::SmolStr;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Context, Input};
use crate::look::{Found, Run, look};
use crate::{exec, trouble};

/// How long after a kill it is said that it is resisted.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the last words of a container are waited for.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(5);

/// A stop in a task of its own.
pub(super) struct Stop {
    pub(super) context: Arc<Context>,
    pub(super) instance: InstanceId,
    pub(super) generation: Generation,
    pub(super) policy: StopPolicy,
    pub(super) hurry: CancellationToken,
    pub(super) copier: Option<JoinHandle<()>>,
    pub(super) outbox: UnboundedSender<Input>,
}

impl Stop {
    /// How it ended, if it ran.
    pub(super) async fn run(mut self) -> Result<Option<ExitStatus>, DriverError> {
        let context = Arc::clone(&self.context);
        let name = context.place(&self.instance);
        let seen = match look(&context.engine, &context.names, &name).await? {
            Found::Ours(seen) if seen.tag.generation <= self.generation => *seen,
            _ => return Ok(None),
        };
        let exit = match seen.run {
            Run::Created => None,
            Run::Exited { exit, .. } => Some(exit),
            Run::Running { .. } => self.end(&seen.id).await?,
        };
        if let Some(copier) = self.copier.take() {
            // What a copier that broke did not write is gone with the container either way.
            let _ = tokio::time::timeout(LAST_WORDS, copier).await;
        }
        super::start::remove(&context, &seen.id).await?;
        context.left(&self.instance);
        Ok(exit)
    }

    async fn end(&self, id: &str) -> Result<Option<ExitStatus>, DriverError> {
        if !self.hurry.is_cancelled() {
            self.ask(id).await?;
            tokio::select! {
                exit = self.wait(id) => return exit,
                () = tokio::time::sleep(self.policy.grace) => {}
                () = self.hurry.cancelled() => {}
            }
        }
        self.signal(id, "KILL").await?;
        let ended = self.wait(id);
        tokio::pin!(ended);
        loop {
            match tokio::time::timeout(PATIENCE, &mut ended).await {
                Ok(exit) => return exit,
                Err(_) => self.resists(),
            }
        }
    }

    /// Asks it to end, by its command or by a signal.
    async fn ask(&self, id: &str) -> Result<(), DriverError> {
        if let Some(command) = &self.policy.command {
            let limit = self.policy.grace;
            let done = tokio::select! {
                done = exec::run(&self.context.engine, id, exec::Command::plain(command, limit)) => done,
                () = self.hurry.cancelled() => return Ok(()),
            };
            let wrong = match done {
                Ok(outcome) => outcome.wrong(limit),
                Err(error) => Some(format!("could not be run: {error}")),
            };
            let Some(wrong) = wrong else {
                return Ok(());
            };
            self.context.events.send(DriverEvent::Note {
                instance: self.instance.clone(),
                generation: self.generation,
                text: format!("its stop command {wrong}; the signal follows"),
            });
        }
        self.signal(id, &self.policy.signal).await
    }

    async fn signal(&self, id: &str, signal: &str) -> Result<(), DriverError> {
        let options = KillContainerOptions {
            signal: format!("SIG{signal}"),
        };
        match self
            .context
            .engine
            .api
            .kill_container(id, Some(options))
            .await
        {
            Ok(()) => Ok(()),
            // It has ended by itself in the meantime.
            Err(error) if trouble::is_not_found(&error) || trouble::is_conflict(&error) => Ok(()),
            Err(error) => Err(trouble::of("stop", &error)),
        }
    }

    async fn wait(&self, id: &str) -> Result<Option<ExitStatus>, DriverError> {
        let options = WaitContainerOptions {
            condition: "not-running".to_owned(),
        };
        let mut answers = self.context.engine.api.wait_container(id, Some(options));
        match answers.next().await {
            // An exit code that is not 0 comes as an error.
            Some(Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. })) | None => {}
            Some(Err(error)) if trouble::is_not_found(&error) => return Ok(None),
            Some(Err(error)) => return Err(trouble::of("stop", &error)),
        }
        let seen = crate::look::one(&self.context.engine, &self.context.names, id).await?;
        Ok(match seen.map(|seen| seen.run) {
            Some(Run::Exited { exit, .. }) => Some(exit),
            _ => None,
        })
    }

    fn resists(&self) {
        let what = SmolStr::new_static("the engine has not ended it after SIGKILL");
        let input = Input::Resists(self.instance.clone(), self.generation, what);
        // The actor is gone only with the session, and this task with it.
        let _ = self.outbox.send(input);
    }
}
