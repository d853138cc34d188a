//! A start, or a change as it runs: installing or upgrading a release.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use gantry_core::{FailureKind, Generation, InstanceId, Millis, Stage};
use gantry_driver::{DriverError, DriverEvent, Recorded};
use gantry_stack::modes::helm::HelmSpec;
use kube::runtime::watcher::{self, Event};
use serde::Deserialize as _;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::check::{Before, Known};
use super::conclude::{conclude, in_full, in_place, job, take, take_hooks};
use super::fetch::{self, Chart};
use super::release::{self, Revision};
use super::tool::{Ask, Tool, failure};
use super::{uninstall, words};
use crate::apply::{Marks, Wrong, runs_once};
use crate::context::Context;
use crate::delete::{self, How};
use crate::judge::Blame;
use crate::link::{End, Input};
use crate::logs;
use crate::namespace;
use crate::record::{self, Record, ReleaseNote};

/// How often an upgrade is tried again that failed because the cluster was away.
const TRIES: u32 = 5;

/// How often a cluster that is away is asked whether it is back.
const ASK: Duration = Duration::from_millis(200);

/// For how long the hook is looked for that made Helm give up.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: u32 = 15;

/// An installation or an upgrade.
#[derive(Clone)]
pub(crate) struct Upgrade {
    pub(crate) context: Arc<Context>,
    pub(crate) instance: InstanceId,
    pub(crate) generation: Generation,
    pub(crate) from: Recorded,
    pub(crate) before: Option<Record>,
    /// Whether a newer chart is looked for.
    pub(crate) afresh: bool,
    /// The revision to go back to, if that is what is wanted.
    pub(crate) back_to: Option<u32>,
    /// How long a step may take unless the stack file says so. Nobody else ends a change of what runs.
    pub(crate) patience: Option<Millis>,
    pub(crate) cancelled: CancellationToken,
    pub(crate) outbox: UnboundedSender<Input>,
}

/// The mode's part of a service.
pub(crate) fn spec(value: &Value) -> Result<HelmSpec, gantry_driver::SpecError> {
    HelmSpec::deserialize(value)
        .map_err(|error| gantry_driver::SpecError::new("", error.to_string()))
}

/// The release's name: the service's, unless the stack file says so.
pub(crate) fn name_of(spec: &HelmSpec, instance: &InstanceId) -> String {
    let own = spec.release.clone();
    own.unwrap_or_else(|| instance.service.as_str().to_lowercase().replace('_', "-"))
}

impl Upgrade {
    /// What is there now, also if it failed: then that is what was there before and what was made since.
    pub(crate) async fn run(self) -> (Option<Record>, Result<Marks, Wrong>) {
        let mut record = self.before.clone();
        let result = self.go(&mut record).await;
        (record, result)
    }

    async fn go(&self, record: &mut Option<Record>) -> Result<Marks, Wrong> {
        let context = &self.context;
        let spec = spec(&self.from.spec).map_err(DriverError::from)?;
        let namespace = spec.namespace.clone();
        let namespace = namespace.unwrap_or_else(|| context.cluster.namespace.clone());
        let name = name_of(&spec, &self.instance);
        let tool = context.tool().await?;
        let revisions = release::revisions(&context.cluster, &namespace, &name).await?;
        let known = Known {
            stack: &context.stack,
            instance: &self.instance,
            spec: &spec,
            release: &name,
            namespace: &namespace,
            record: self.before.as_ref(),
            revisions: &revisions,
        };
        let first = known.before()?;
        if let Some(number) = self.back_to {
            return self.go_back(&tool, &spec, &known, number, record).await;
        }
        let fresh = !known.was_deployed();
        let chart = tokio::select! {
            chart = self.fetch(&tool, &spec) => chart?,
            () = self.cancelled.cancelled() => return Err(Wrong::Cancelled),
        };
        if self.cancelled.is_cancelled() {
            return Err(Wrong::Cancelled);
        }
        let create = spec.create_namespace;
        let made = namespace::see_to(context, &self.instance, &namespace, create).await?;
        let mut now = self.begun(&spec, &name, &namespace, chart.metadata.to_string());
        now.made_namespace |= made;
        self.note(&now)?;
        *record = Some(now.clone());
        self.publish(&now);
        let result = async {
            self.prepare(&tool, &mut now, &first, &revisions).await?;
            self.upgrade(&tool, &spec, &chart, &mut now).await
        };
        match result.await {
            Ok(marks) => {
                self.note(&now)?;
                tool.taken(&job(&now));
                *record = Some(now);
                Ok(marks)
            }
            Err(wrong) => {
                let wrong = self.explain(wrong, self.limit(&spec)).await;
                tool.taken(&job(&now));
                if fresh {
                    // Nothing of a start that failed stays.
                    let cleared =
                        uninstall::all(context, &self.instance, &mut now, How::Polite, None).await;
                    if let Err(error) = cleared {
                        tracing::warn!(instance = %self.instance, %error, "a failed release stays");
                    }
                    now.stopped = true;
                } else if let Some(number) = known
                    .last_deployed()
                    .filter(|_| spec.rollback_on_failure && !matches!(wrong, Wrong::Cancelled))
                {
                    self.say(format!(
                        "failed to be upgraded: {name} goes back to revision {number}"
                    ));
                    let back = Self {
                        back_to: Some(number),
                        before: Some(now),
                        // What was given up is the upgrade.
                        cancelled: CancellationToken::new(),
                        ..self.clone()
                    };
                    let back = back.go_back(&tool, &spec, &known, number, record).await;
                    if let Err(error) = back {
                        let error = error.into_failure(Stage::Update);
                        self.say(format!("could not be taken back: {error}"));
                    }
                    return Err(wrong);
                } else if let Some(before) = &self.before {
                    now.objects.clone_from(&before.objects);
                    now.started = before.started;
                    if let Err(error) = take_hooks(context, &mut now).await {
                        tracing::warn!(instance = %self.instance, %error, "hooks are not known");
                    }
                }
                let written = record::write(&context.stack, context.mode, &self.instance, &now);
                if let Err(error) = written {
                    tracing::warn!(instance = %self.instance, %error, "an inventory cannot be written down");
                }
                let keeps = !now.stopped || !now.objects.is_empty() || now.made_namespace;
                *record = keeps.then_some(now);
                Err(wrong)
            }
        }
    }

    async fn fetch(&self, tool: &Tool, spec: &HelmSpec) -> Result<Chart, DriverError> {
        let service = self.instance.service.as_str();
        let fetch = fetch::fetch(tool, &self.context.stack, service, spec, self.afresh);
        if fetch::is_here(spec) {
            return fetch.await;
        }
        let preparing = |text: Option<String>| {
            self.context.events.send(DriverEvent::Preparing {
                instance: self.instance.clone(),
                generation: self.generation,
                text,
            });
        };
        preparing(Some(format!("fetches its chart {}", spec.chart)));
        let fetched = fetch.await;
        preparing(None);
        fetched
    }

    /// What is known before Helm begins.
    pub(super) fn begun(
        &self,
        spec: &HelmSpec,
        name: &str,
        namespace: &str,
        chart: String,
    ) -> Record {
        let target = &self.context.target;
        let mut now = Record::new(self.generation, &self.from, target, namespace.to_owned());
        let before = self.before.as_ref();
        let same = before.filter(|before| before.namespace == now.namespace);
        now.made_namespace = same.is_some_and(|before| before.made_namespace);
        let objects = same.map(|before| before.objects.clone());
        now.objects = objects.unwrap_or_default();
        now.forward(&spec.forward, &self.from.settings);
        now.settle = spec.settle.to_duration();
        now.ready_when.clone_from(&spec.ready_when);
        let noted = same.and_then(|before| before.release.as_ref());
        let noted = noted.filter(|it| it.name == name);
        now.release = Some(ReleaseNote {
            name: name.to_owned(),
            revision: noted.map_or(0, |it| it.revision),
            chart,
            app_version: None,
            hooks: Vec::new(),
            definitions: Vec::new(),
            back_to: self.back_to,
            job: format!(
                "helm {} {}@{}.{}",
                match (self.back_to, spec.hooks) {
                    (Some(_), _) => "rollback",
                    (None, true) => "upgrade",
                    (None, false) => "upgrade without hooks",
                },
                self.instance,
                self.generation,
                self.from.revision
            ),
            interrupted: noted.and_then(|it| it.interrupted),
        });
        now
    }

    /// What must be done before.
    async fn prepare(
        &self,
        tool: &Tool,
        now: &mut Record,
        first: &Before,
        revisions: &[Revision],
    ) -> Result<(), Wrong> {
        let (context, namespace) = (&self.context, now.namespace.clone());
        let name = now.release.as_ref().map_or("", |it| &it.name).to_owned();
        match first {
            Before::Nothing => self.clear_what_ended(&namespace, revisions).await?,
            Before::Forget => {
                if let Some(last) = revisions.last() {
                    release::forget(&context.cluster, &namespace, last).await?;
                }
            }
            Before::Uninstall => {
                self.say(format!(
                    "has a release that never worked, or is stuck: {name} is installed anew"
                ));
                let cascade = uninstall::Cascade::Foreground;
                let cluster = &context.cluster;
                uninstall::release(tool, cluster, &namespace, &name, How::Polite, cascade).await?;
            }
            Before::Rollback(number) => {
                self.say(format!(
                    "has a release that is stuck: {name} goes back to revision {number}"
                ));
                uninstall::rollback(tool, &namespace, &name, *number).await?;
            }
        }
        if let Some(note) = &mut now.release {
            note.interrupted = None;
        }
        Ok(())
    }

    /// What runs once and has ended does not run again by being upgraded: it goes first, and Helm makes it anew.
    async fn clear_what_ended(
        &self,
        namespace: &str,
        revisions: &[Revision],
    ) -> Result<(), DriverError> {
        let again = self
            .before
            .as_ref()
            .filter(|before| before.generation != self.generation);
        let (Some(_), Some(last)) = (again, revisions.last()) else {
            return Ok(());
        };
        let mut doomed = Vec::new();
        for object in last.read()?.objects().iter().filter(|it| runs_once(it)) {
            doomed.push(in_place(&self.context, object, namespace).await?);
        }
        delete::these(&self.context, &doomed, How::Polite).await
    }

    fn say(&self, text: String) {
        self.context.events.send(DriverEvent::Note {
            instance: self.instance.clone(),
            generation: self.generation,
            text,
        });
    }

    /// How long one step may take.
    pub(super) fn limit(&self, spec: &HelmSpec) -> Option<Millis> {
        spec.timeout.or(self.patience)
    }

    /// Runs Helm until it has ended well. One that fails because the cluster is away is run again when it is back.
    async fn upgrade(
        &self,
        tool: &Tool,
        spec: &HelmSpec,
        chart: &Chart,
        now: &mut Record,
    ) -> Result<Marks, Wrong> {
        let note = now.release.clone().unwrap_or_default();
        let limit = in_full(self.limit(spec));
        let upgrade = words::Upgrade {
            spec,
            release: &note.name,
            namespace: &now.namespace,
            chart: chart.path.as_str(),
            labels: record::label_pairs(&self.context.stack, &self.instance).to_vec(),
            limit,
        };
        self.drive(tool, now, limit, upgrade.words(tool), upgrade.input())
            .await
    }

    /// The same for any words that make a revision. `limit` is that of a step of Helm's.
    pub(super) async fn drive(
        &self,
        tool: &Tool,
        now: &mut Record,
        limit: Duration,
        words: Vec<String>,
        input: Option<Vec<u8>>,
    ) -> Result<Marks, Wrong> {
        // All of its steps together: hooks before and after, and what is between.
        let whole = limit.saturating_mul(4);
        let mut tries = 0;
        let first_job = job(now);
        loop {
            let ask = Ask {
                name: job(now),
                words: words.clone(),
                input: input.clone(),
                limit: whole,
                once: true,
            };
            let watched = self.watch(now.clone());
            let run = tool.run(ask);
            tokio::pin!(run);
            let outcome = tokio::select! {
                biased;
                outcome = &mut run => outcome?,
                // It never ends.
                () = watched => return Err(Wrong::Cancelled),
                () = self.cancelled.cancelled() => {
                    // The last words of a hook are read while it is there.
                    let wrong = self.explain(Wrong::Cancelled, None).await;
                    tool.give_up(&job(now));
                    // It writes down where it stands.
                    let _ = run.await;
                    return Err(wrong);
                }
            };
            if outcome.success() {
                return conclude(&self.context, now).await.map_err(Wrong::from);
            }
            let error = failure("helm", &outcome, whole);
            tries += 1;
            if error.kind != FailureKind::Transient || outcome.timed_out || tries == TRIES {
                return Err(error.into());
            }
            tracing::info!(instance = %self.instance, %error, "helm is run again");
            tool.taken(&job(now));
            // Who keeps the end of that run would give it for the next one's.
            if let Some(note) = &mut now.release {
                note.job = format!("{first_job} ({})", tries + 1);
            }
            self.note(now)?;
            tokio::select! {
                () = self.wait_for_cluster() => {}
                () = self.cancelled.cancelled() => return Err(Wrong::Cancelled),
            }
            self.tidy(now).await?;
        }
    }

    async fn wait_for_cluster(&self) {
        loop {
            tokio::time::sleep(ASK).await;
            if self.context.cluster.version().await.is_ok() {
                return;
            }
        }
    }

    /// A revision that our own run could not finish is no reason to stop.
    async fn tidy(&self, now: &Record) -> Result<(), DriverError> {
        let name = now.release.as_ref().map_or("", |it| &it.name);
        let cluster = &self.context.cluster;
        let revisions = release::revisions(cluster, &now.namespace, name).await?;
        match revisions.last() {
            Some(last) if last.is_pending() => release::forget(cluster, &now.namespace, last).await,
            _ => Ok(()),
        }
    }

    /// Tells the actor of hooks and objects as Helm notes them: before it has made them.
    async fn watch(&self, mut now: Record) {
        let name = now.release.as_ref().map_or("", |it| &it.name).to_owned();
        let base = now.release.as_ref().map_or(0, |it| it.revision);
        let api = release::api(&self.context.cluster, &now.namespace);
        let config = watcher::Config::default().labels(&release::selector(&name));
        let mut events = watcher::watcher(api, config).boxed();
        let mut newest = base;
        while let Some(event) = events.next().await {
            let secret = match event {
                Ok(Event::Apply(secret) | Event::InitApply(secret)) => secret,
                Ok(_) => continue,
                // Who may not watch secrets learns it at the end.
                Err(_) => {
                    tokio::time::sleep(ASK).await;
                    continue;
                }
            };
            let Some(revision) = release::revision(secret) else {
                continue;
            };
            if revision.number <= newest || !revision.is_pending() {
                continue;
            }
            newest = revision.number;
            let Ok(release) = revision.read() else {
                continue;
            };
            if take(&self.context, &mut now, &revision, &release)
                .await
                .is_ok()
            {
                self.publish(&now);
            }
        }
        std::future::pending::<()>().await;
    }

    pub(super) fn publish(&self, record: &Record) {
        let input = Input::Interim(
            self.instance.clone(),
            self.generation,
            Box::new(record.clone()),
        );
        // The actor ends only with the session.
        let _ = self.outbox.send(input);
    }

    pub(super) fn note(&self, record: &Record) -> Result<(), DriverError> {
        let context = &self.context;
        let written = record::write(&context.stack, context.mode, &self.instance, record);
        written.map_err(|error| {
            DriverError::transient("inventory", "the inventory cannot be written down")
                .with_evidence(error.to_string())
        })
    }

    /// The hook that is to blame, if one is; with its last words, which are read while it is there.
    pub(super) async fn explain(&self, wrong: Wrong, limit: Option<Millis>) -> Wrong {
        let (of_hook, late) = match &wrong {
            Wrong::Failed(error) => (is_of_hook(&error.reason), is_late(&error.reason)),
            Wrong::Cancelled => (false, false),
            Wrong::Broken(_) | Wrong::Late(_) => return wrong,
        };
        let mut blame = self.blamed().await;
        let is_known = |blame: &Blame| blame.trouble.is_some() || late && blame.runs.is_some();
        if of_hook {
            for _ in 0..LOOKS {
                if is_known(&blame) {
                    break;
                }
                tokio::time::sleep(LOOK).await;
                blame = self.blamed().await;
            }
        }
        let hopeless = blame.trouble.filter(|(hopeless, _)| *hopeless || of_hook);
        let (cause, late) = match (hopeless, blame.runs) {
            // Somebody does not want it any more, unless a hook cannot succeed.
            (Some((true, cause)), _) => (cause, false),
            (_, Some(cause)) if of_hook && late => (cause, true),
            (Some((false, cause)), _) => (cause, late),
            _ => return wrong,
        };
        let mut tail = Vec::new();
        if let Some((pod, container, before)) = &cause.words {
            tail = logs::last_words(&self.context, pod, container, *before).await;
            if tail.is_empty() {
                tail = logs::noted_words(&self.context, &self.instance, pod, container);
            }
        }
        let end = |reason: String| {
            Box::new(End {
                reason: reason.into(),
                exit: cause.exit.clone(),
                tail,
            })
        };
        if late {
            let limit =
                limit.map_or_else(String::new, |limit| format!(" within {}", limit.in_words()));
            return Wrong::Late(end(format!(
                "its hook has not ended{limit}: {}",
                cause.what
            )));
        }
        Wrong::Broken(end(format!("its hook {}", cause.what)))
    }

    /// How the hooks are that run.
    async fn blamed(&self) -> Blame {
        let (reply, answer) = oneshot::channel();
        let _ = self
            .outbox
            .send(Input::Blamed(self.instance.clone(), reply));
        answer.await.unwrap_or_default()
    }
}

/// Whether Helm has waited for as long as it may.
fn is_late(reason: &str) -> bool {
    const WORDS: [&str; 3] = [
        "timed out waiting",
        "context deadline exceeded",
        "did not end in",
    ];
    WORDS.iter().any(|it| reason.contains(it))
}

fn is_of_hook(reason: &str) -> bool {
    let kinds = [
        "pre-install",
        "post-install",
        "pre-upgrade",
        "post-upgrade",
        "pre-rollback",
        "post-rollback",
    ];
    kinds.iter().any(|kind| reason.contains(kind)) || reason.contains("job failed")
}
