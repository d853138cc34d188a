//! Starting a project.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use gantry_container_engine::listing::{self, Listed};
use gantry_container_engine::state::Run;
use gantry_core::{FailureKind, Generation, InstanceId, ServiceName};
use gantry_driver::{DriverError, DriverEvent, JobOutcome, Make, Recorded};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Input, order, stop};
use crate::asking::{Asking, How, Up as UpAsk, refused};
use crate::bare;
use crate::cli::{Ask, Cli};
use crate::client;
use crate::context::Context;
use crate::judge::Standing;
use crate::look::{self, Seen};
use crate::project::Project;
use crate::record::{self, Record};
use crate::spec::Spec;

/// How a start ended.
#[derive(Debug)]
pub(crate) enum Begun {
    /// All of it was started.
    Done,
    /// It was told to give up, or another one of it is there.
    Cancelled,
    /// It failed.
    Failed(DriverError),
    /// Whether it runs cannot be known.
    Lost(String),
}

/// What an engine says that stumbled over another network's coming or going. The same a moment later goes well.
const PASSING: [&str; 1] = ["no such network interface"];
/// How often more it is tried then.
const TRIES: u32 = 3;
/// And after how long.
const PAUSE: Duration = Duration::from_millis(200);

/// A start in a task of its own.
pub(super) struct Up {
    pub(super) context: Arc<Context>,
    pub(super) instance: InstanceId,
    pub(super) generation: Generation,
    pub(super) from: Recorded,
    pub(super) recreate: bool,
    pub(super) make: Make,
    pub(super) cancelled: CancellationToken,
    pub(super) standing: watch::Receiver<BTreeMap<String, Standing>>,
    pub(super) outbox: UnboundedSender<Input>,
}

/// What a start has read and looked up.
struct Plan<'a> {
    cli: &'a Cli,
    asking: Asking,
    spec: Spec,
    project: Project,
    record: Record,
    over: Utf8PathBuf,
    client: Option<Utf8PathBuf>,
    /// Whether something that it needs belongs to another service of the stack.
    shared: bool,
}

impl Up {
    pub(super) async fn run(mut self) -> (Begun, Vec<Seen>) {
        let begun = match self.steps().await {
            Ok(begun) => begun,
            // Something may have been started, and the answer was lost: nothing is known.
            Err(error) if error.kind == FailureKind::Unreachable => Begun::Lost(error.to_string()),
            Err(error) => Begun::Failed(error),
        };
        let (engine, owner) = (&self.context.engine, &self.context.owner);
        let mut seen = match look::all(engine, owner).await {
            Ok(seen) => seen,
            Err(error) => return (Begun::Lost(error.to_string()), Vec::new()),
        };
        seen.retain(|one| one.instance == self.instance);
        let runs = |one: &Seen| matches!(one.state.run, Run::Running { .. });
        let failed = !matches!(begun, Begun::Done);
        if failed && !seen.iter().any(runs) {
            // Nothing of it is left.
            let cleared = super::clear(&self.context, &self.instance).await;
            if let Err(error) = cleared {
                tracing::warn!(instance = %self.instance, %error, "a part of what was not started stays");
            }
        }
        (begun, seen)
    }

    async fn steps(&mut self) -> Result<Begun, DriverError> {
        let spec = Spec::read(&self.from.spec)?;
        let context = Arc::clone(&self.context);
        let plan = tokio::select! {
            biased;
            () = self.cancelled.cancelled() => return Ok(Begun::Cancelled),
            plan = self.prepare(&context, spec) => plan?,
        };
        let mut record = plan.record.clone();
        let noted = Input::Noted(self.instance.clone(), Box::new(record.clone()));
        // The actor is gone only with the session, and this task with it.
        let _ = self.outbox.send(noted);
        let cancelled = self.cancelled.clone();
        tokio::select! {
            biased;
            () = cancelled.cancelled() => return Ok(Begun::Cancelled),
            done = self.bring_up(&context, &plan) => done?,
        }
        record.started = true;
        self.write(&record)?;
        let noted = Input::Noted(self.instance.clone(), Box::new(record));
        let _ = self.outbox.send(noted);
        Ok(Begun::Done)
    }

    async fn prepare<'a>(&self, context: &'a Context, spec: Spec) -> Result<Plan<'a>, DriverError> {
        let cli = context.cli().await?;
        let name = spec.project(&context.stack, &self.instance);
        let asking = Asking::of(&spec, &self.from.settings, name.clone());
        let named = &spec.services;
        let project = context.config(&self.instance, &asking, named).await?;
        let mut parts = project.with_needs(&spec.services)?;
        if !project.unset.is_empty() {
            context.events.send(DriverEvent::Note {
                instance: self.instance.clone(),
                generation: self.generation,
                text: format!(
                    "nothing is put in for {}: not set",
                    project.unset.join(", ")
                ),
            });
        }
        // Until it is noted what this one claims.
        let _claim = context.claims.lock().await;
        let there = look::in_project(&context.engine, &name).await?;
        let theirs = self.others(&name, &there)?;
        let needed: Vec<String> = parts
            .extract_if(.., |part| theirs.contains_key(part))
            .collect();
        let claimed = spec.services.iter();
        let mut claimed = claimed.filter_map(|part| Some((part, theirs.get(part)?)));
        if let Some((part, owner)) = claimed.next() {
            let reason = format!(
                "`{part}` of the project {name} is a part of {owner} already; \
                 if {owner} only needs it, let it depend on {}",
                self.instance.service
            );
            return Err(DriverError::not_ours("up", reason));
        }
        let shared = !needed.is_empty();
        if shared && cli.family.takes_needs_along() {
            let reason = format!(
                "it needs {} of another service, which `{}` would take down and make anew",
                needed.join(", "),
                cli.name()
            );
            return Err(DriverError::permanent("up", reason));
        }
        let mut record = Record::new(self.generation, &self.from, &spec, name, parts);
        record.jobs = project.jobs();
        if cli.family.only_makes() || shared {
            record.needs = Some(project.needs_among(&record.parts));
        }
        let over = record::labels_path(&context.stack, &self.instance);
        let labels = project.over(
            cli.family,
            spec.pull,
            &sorted(context.owner.labels_of(&self.instance)),
            &sorted(context.owner.labels()),
        );
        let failed = |error: std::io::Error| {
            DriverError::transient("note", format!("{over} cannot be written: {error}"))
        };
        record::write_whole(&over, labels.to_string().as_bytes()).map_err(failed)?;
        let client = if cli.family.only_makes() && project.has_needs() {
            Some(client::write(&context.stack, &self.instance).map_err(failed)?)
        } else {
            None
        };
        self.write(&record)?;
        Ok(Plan {
            cli,
            asking,
            spec,
            project,
            record,
            over,
            client,
            shared,
        })
    }

    /// The services of a project that belong to other services of this stack, those that are only noted too. What is
    /// nobody's here is not touched.
    fn others(
        &self,
        project: &str,
        there: &[Listed],
    ) -> Result<BTreeMap<String, ServiceName>, DriverError> {
        let mut theirs = BTreeMap::new();
        for (instance, record) in record::all(&self.context.stack) {
            if instance != self.instance && record.project == project {
                let parts = record.parts.into_iter();
                theirs.extend(parts.map(|part| (part, instance.service.clone())));
            }
        }
        for one in there {
            match self.context.owner.instance(&one.labels) {
                Some(instance) if instance == self.instance => {}
                Some(instance) => {
                    theirs
                        .extend(look::part(&one.labels).map(|(part, _)| (part, instance.service)));
                }
                None => {
                    let name = &one.name;
                    let reason = format!(
                        "the project {project} has a container {name} that is not this stack's"
                    );
                    return Err(DriverError::not_ours("up", reason));
                }
            }
        }
        Ok(theirs)
    }

    fn write(&self, record: &Record) -> Result<(), DriverError> {
        record::write(&self.context.stack, &self.instance, record).map_err(|error| {
            DriverError::transient("note", format!("the project cannot be noted: {error}"))
        })
    }

    async fn bring_up(&mut self, context: &Context, plan: &Plan<'_>) -> Result<(), DriverError> {
        let record = &plan.record;
        let Some(needs) = &record.needs else {
            return self.up(context, plan, How::Whole).await;
        };
        self.up(context, plan, How::Made).await?;
        let (instance, standing) = (&self.instance, &mut self.standing);
        order::start(context, instance, record, needs, standing).await
    }

    async fn up(&self, context: &Context, plan: &Plan<'_>, how: How) -> Result<(), DriverError> {
        if self.build(&plan.spec) == Some(true) && plan.cli.family.only_makes() {
            // Its `up` goes on with an older image when a build fails.
            let build = plan.asking.build(
                plan.cli.family,
                &self.instance,
                &plan.over,
                &plan.record.parts,
            );
            context.build(build).await?;
        }
        for again in 0.. {
            let ask = self.ask(plan, how);
            let limit = ask.limit;
            let outcome = run(context, plan, Self::services(plan, how), ask).await?;
            // One of the commands says that all is well also when it is not.
            let made = async || {
                let there = stop::mine(context, &self.instance).await;
                there.map(|there| plan.record.is_made(there.iter()))
            };
            if outcome.success() && (how == How::Whole || made().await?) {
                break;
            }
            let passes = PASSING.iter().any(|what| outcome.stderr.contains(what));
            if !passes || again >= TRIES {
                return Err(refused("up", plan.cli, &outcome, limit));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    fn services<'a>(plan: &'a Plan<'_>, how: How) -> &'a [String] {
        match how {
            How::Whole => &plan.spec.services,
            How::Made => &plan.record.parts,
        }
    }

    /// Whether images are built, whatever there is; as the files say if absent.
    fn build(&self, spec: &Spec) -> Option<bool> {
        match self.make {
            Make::Needed => spec.build.then_some(true),
            Make::Afresh => Some(true),
            Make::Never => Some(false),
        }
    }

    fn ask(&self, plan: &Plan<'_>, how: How) -> Ask {
        let spec = &plan.spec;
        plan.asking.up(
            plan.cli.family,
            &UpAsk {
                instance: &self.instance,
                over: &plan.over,
                client: plan.client.as_deref(),
                services: Self::services(plan, how),
                how,
                build: self.build(spec),
                recreate: self.recreate,
                remove_orphans: spec.remove_orphans && !plan.shared,
                pull: spec.pull,
            },
        )
    }
}

/// Runs the command, with the others of its project kept apart from it.
async fn run(
    context: &Context,
    plan: &Plan<'_>,
    services: &[String],
    ask: Ask,
) -> Result<JobOutcome, DriverError> {
    let project = &plan.record.project;
    let _not_removed = context.gates.start(project).await;
    let making = context.gates.make(project).await;
    bare::make(context, project, &plan.project).await?;
    let command = plan.cli.run(context.host(), ask);
    tokio::pin!(command);
    tokio::select! {
        outcome = &mut command => outcome,
        () = networks_are_there(context, plan, services) => {
            drop(making);
            command.await
        }
    }
}

/// How often it is looked for networks.
const LOOK: Duration = Duration::from_millis(100);

/// Ends when the project has the networks of these services; never where a command only makes containers, which is soon
/// done, and does not tell their names.
async fn networks_are_there(context: &Context, plan: &Plan<'_>, services: &[String]) {
    if plan.cli.family.only_makes() {
        return std::future::pending().await;
    }
    let services = plan.project.with_needs(services).unwrap_or_default();
    let wanted = plan.project.networks_of(&services);
    loop {
        let labels = context.owner.filter();
        if let Ok(there) = listing::networks(&context.engine, &labels).await
            && wanted.iter().all(|name| there.iter().any(|it| it == name))
        {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn sorted(labels: std::collections::HashMap<String, String>) -> BTreeMap<String, String> {
    labels.into_iter().collect()
}
