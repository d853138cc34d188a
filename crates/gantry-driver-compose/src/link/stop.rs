//! Ending and removing the containers of an instance, and what else was made for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::{
    KillContainerOptions, ListNetworksOptions, RemoveContainerOptions, StopContainerOptions,
};
use futures::future::join_all;
use gantry_container_engine::state::Run;
use gantry_container_engine::{listing, trouble};
use gantry_core::{ExitStatus, Generation, InstanceId};
use gantry_driver::{DriverError, DriverEvent, JobOutcome, JobPlace, JobRequest, StopPolicy};
use smol_str::SmolStr;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Input;
use super::news::LAST_WORDS;
use crate::asking::Asking;
use crate::context::Context;
use crate::look::{self, PROJECT, Seen};
use crate::record::{self, Record};

/// How long after its time a stop is said to be resisted.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a container that somebody else removes is waited for.
const REMOVAL: Duration = Duration::from_secs(10);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// A stop in a task of its own.
pub(super) struct Stop {
    pub(super) context: Arc<Context>,
    pub(super) instance: InstanceId,
    pub(super) generation: Generation,
    pub(super) record: Option<Record>,
    pub(super) policy: StopPolicy,
    pub(super) hurry: CancellationToken,
    pub(super) copiers: Vec<JoinHandle<()>>,
    pub(super) outbox: UnboundedSender<Input>,
}

impl Stop {
    /// How it ended, if it ran.
    pub(super) async fn run(self) -> Result<Option<ExitStatus>, DriverError> {
        let context = &*self.context;
        let mine = mine(context, &self.instance).await?;
        let running = |all: &[Seen]| {
            all.iter()
                .any(|one| matches!(one.state.run, Run::Running { .. }))
        };
        if running(&mine) {
            let politely = self.politely(&mine);
            tokio::pin!(politely);
            tokio::select! {
                () = self.hurry.cancelled() => kill(context, &mine).await?,
                () = &mut politely => {}
            }
        }
        let now = self::mine(context, &self.instance).await?;
        if running(&now) {
            kill(context, &now).await?;
        }
        for copier in self.copiers {
            // What a copier that broke did not write is gone with the container either way.
            let _ = tokio::time::timeout(LAST_WORDS, copier).await;
        }
        clear(context, &self.instance).await?;
        Ok(None)
    }

    /// Asks the containers to end, by the stop command and by Compose.
    async fn politely(&self, mine: &[Seen]) {
        if let Some(command) = &self.policy.command {
            self.stop_command(command).await;
        }
        let stopped = self.by_compose(mine);
        tokio::pin!(stopped);
        let late = self.policy.grace + PATIENCE;
        let done = loop {
            if let Ok(done) = tokio::time::timeout(late, &mut stopped).await {
                break done;
            }
            let what = SmolStr::new_static("its Compose command has not ended");
            let input = Input::Resists(self.instance.clone(), self.generation, what);
            let _ = self.outbox.send(input);
        };
        if let Err(reason) = done {
            tracing::info!(instance = %self.instance, reason, "stopped without the Compose command");
            self.by_engine(mine).await;
        }
    }

    async fn by_compose(&self, mine: &[Seen]) -> Result<(), String> {
        let Some(record) = &self.record else {
            return Err("it is not known how it was started".to_owned());
        };
        let Some(asking) = Asking::noted(record).with_what_is_there() else {
            return Err("its files are gone".to_owned());
        };
        let cli = self
            .context
            .cli()
            .await
            .map_err(|error| error.to_string())?;
        let mut parts: Vec<String> = mine.iter().map(|one| one.part.clone()).collect();
        parts.dedup();
        let grace = self.policy.grace;
        // What nobody has set is left to the files.
        let grace = (grace != StopPolicy::default().grace).then_some(grace);
        let ask = asking.stop(cli.family, &self.instance, &parts, grace);
        let limit = ask.limit;
        let outcome = self.context.ask(ask).await;
        let outcome = outcome.map_err(|error| error.to_string())?;
        match outcome.wrong(limit) {
            None => Ok(()),
            Some(wrong) => Err(wrong),
        }
    }

    /// Without Compose's help: all at once.
    async fn by_engine(&self, mine: &[Seen]) {
        let grace = self.policy.grace;
        // What nobody has set is left to the containers.
        let seconds = (grace != StopPolicy::default().grace)
            .then(|| i32::try_from(grace.as_secs().max(1)).unwrap_or(i32::MAX));
        let api = &self.context.engine.api;
        let stops = mine.iter().map(|one| {
            let options = StopContainerOptions {
                t: seconds,
                ..StopContainerOptions::default()
            };
            api.stop_container(&one.state.id, Some(options))
        });
        for error in join_all(stops).await.into_iter().filter_map(Result::err) {
            tracing::debug!(instance = %self.instance, %error, "one is not stopped");
        }
    }

    async fn stop_command(&self, command: &[String]) {
        let limit = self.policy.grace;
        let job = JobRequest {
            name: smol_str::format_smolstr!("stop {}", self.instance),
            command: command.to_vec(),
            env: Vec::new(),
            folder: self.record.as_ref().map(|record| record.folder.clone()),
            time_limit: limit,
            capture: 4096,
            once: false,
            place: JobPlace::Host,
            log_as: None,
            input: None,
            grace: Duration::ZERO,
        };
        let wrong = match self.context.host().run(job).await {
            Ok(outcome) => JobOutcome::wrong(&outcome, limit),
            Err(error) => Some(format!("could not be run: {error}")),
        };
        if let Some(wrong) = wrong {
            self.context.events.send(DriverEvent::Note {
                instance: self.instance.clone(),
                generation: self.generation,
                text: format!("its stop command {wrong}; the signal follows"),
            });
        }
    }
}

pub(super) async fn mine(
    context: &Context,
    instance: &InstanceId,
) -> Result<Vec<Seen>, DriverError> {
    let mut all = look::all(&context.engine, &context.owner).await?;
    all.retain(|one| one.instance == *instance);
    Ok(all)
}

async fn kill(context: &Context, mine: &[Seen]) -> Result<(), DriverError> {
    let api = &context.engine.api;
    let kills = mine.iter().map(|one| {
        let options = KillContainerOptions {
            signal: "SIGKILL".to_owned(),
        };
        api.kill_container(&one.state.id, Some(options))
    });
    for killed in join_all(kills).await {
        match killed {
            // It has ended by itself in the meantime.
            Err(error) if trouble::is_not_found(&error) || trouble::is_conflict(&error) => {}
            Err(error) if trouble::is_internal(&error) => {}
            Err(error) => return Err(trouble::of("stop", &error)),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Removes a container, whatever it does, with the volumes that have no name.
async fn remove(context: &Context, id: &str) -> Result<(), DriverError> {
    let options = RemoveContainerOptions {
        v: true,
        force: true,
        link: false,
    };
    match context.engine.api.remove_container(id, Some(options)).await {
        Err(error) if trouble::is_not_found(&error) => Ok(()),
        // Somebody else removes it at this moment.
        Err(error) if trouble::is_conflict(&error) => {
            let gone = tokio::time::timeout(REMOVAL, until_gone(context, id));
            let late = |_| Err(trouble::of("remove", &error));
            gone.await.unwrap_or_else(late)
        }
        Err(error) => Err(trouble::of("remove", &error)),
        Ok(()) => Ok(()),
    }
}

/// Waits until a container is not there any more: as long as it is, the engine has an old end to tell of it.
async fn until_gone(context: &Context, id: &str) -> Result<(), DriverError> {
    while look::one(&context.engine, &context.owner, id)
        .await?
        .is_some()
    {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Removes containers. Podman removes none that another one was said to need: that one goes first.
pub(crate) async fn remove_all(
    context: &Context,
    mut left: Vec<String>,
) -> Result<(), DriverError> {
    loop {
        let before = left.len();
        let mut refused = Ok(());
        let mut still = Vec::new();
        for id in left {
            if let Err(error) = remove(context, &id).await {
                refused = Err(error);
                still.push(id);
            }
        }
        if still.is_empty() || still.len() == before {
            return refused;
        }
        left = still;
    }
}

/// Removes all containers of an instance, the networks of its project that are ours and that nothing uses any
/// more, and what was noted.
pub(crate) async fn clear(context: &Context, instance: &InstanceId) -> Result<(), DriverError> {
    let listed = listing::all(&context.engine, &context.owner.filter()).await?;
    let mut projects = Vec::new();
    let mut left = Vec::new();
    for one in listed {
        if context.owner.instance(&one.labels).as_ref() == Some(instance)
            && let Some(project) = one.labels.get(PROJECT)
        {
            projects.push(project.clone());
            left.push(one.id);
        }
    }
    remove_all(context, left).await?;
    let records = record::all(&context.stack).into_iter();
    let (noted, others): (Vec<_>, Vec<_>) = records.partition(|(it, _)| it == instance);
    projects.extend(noted.into_iter().map(|(_, record)| record.project));
    projects.sort();
    projects.dedup();
    // Those of a project of which others have parts go with the last of them.
    projects.retain(|project| others.iter().all(|(_, other)| other.project != *project));
    for project in projects {
        networks(context, Some(&project)).await?;
    }
    record::remove(&context.stack, instance);
    Ok(())
}

/// Removes networks of ours that belong to a project, or to any.
pub(crate) async fn networks(context: &Context, project: Option<&str>) -> Result<(), DriverError> {
    let options = ListNetworksOptions {
        filters: Some(HashMap::from([(
            "label".to_owned(),
            vec![context.owner.filter()],
        )])),
    };
    let api = &context.engine.api;
    let failed = |error: &bollard::errors::Error| trouble::of("network", error);
    let listed = api.list_networks(Some(options)).await;
    for network in listed.map_err(|error| failed(&error))? {
        let labels = network.labels.unwrap_or_default();
        let of = labels.get(PROJECT);
        let wanted = of.is_some_and(|of| project.is_none_or(|project| project == of));
        let Some(id) = network.id.filter(|_| wanted && context.owner.owns(&labels)) else {
            continue;
        };
        let Some(_nobody_starts) = of.and_then(|of| context.gates.remove(of)) else {
            continue;
        };
        match api.remove_network(&id).await {
            // Another part of the project is still in it.
            Err(error) if trouble::is_in_use(&error) => {}
            Err(error) if !trouble::is_not_found(&error) => return Err(failed(&error)),
            _ => {}
        }
    }
    Ok(())
}
