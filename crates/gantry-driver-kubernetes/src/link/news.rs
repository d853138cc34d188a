//! What the cluster tells, what it means, and what is told of it.

use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use std::time::Duration;

use gantry_core::{ExitStatus, Failure, FailureKind, Generation, InstanceId, Stage};
use gantry_driver::{Address, DriverEvent, Observed, ObservedState};
use jiff::Timestamp;
use smol_str::SmolStr;
use tokio_util::task::AbortOnDropHandle;

use super::happenings::{About, Owner, maker};
use super::interest::Interest;
use super::slot::{End, Fate, Word};
use super::{Input, Link};
use crate::addresses;
use crate::forward;
use crate::judge::{self, Blame, Cause, Errors, Judged, Verdict};
use crate::logs;
use crate::object::{Key, text};
use crate::record::Record;
use crate::view::{Change, Scope, View};

/// How often a cluster that is away is asked whether it is back.
const ASK: Duration = Duration::from_millis(100);

/// How often one that answers, but not everything.
const ASK_BLIND: Duration = Duration::from_secs(2);

impl Link {
    /// Watches everything that instances consist of.
    pub(super) fn watch_all(&mut self) {
        let instances: Vec<InstanceId> = self.slots.keys().cloned().collect();
        for instance in instances {
            self.watch(&instance);
        }
    }

    /// Watches everything that an instance consists of.
    pub(super) fn watch(&mut self, instance: &InstanceId) {
        let slot = self.slots.get(instance);
        let Some(record) = slot.and_then(|slot| slot.record.as_ref()) else {
            return self.interest.touch(instance);
        };
        self.interest.note(instance, record);
        let mut scopes: Vec<Scope> = judge::scopes(record);
        scopes.extend(forward::scopes(&record.forwards));
        for scope in scopes {
            self.view.want(&scope, &self.context, &self.outbox);
        }
    }

    pub(super) fn seen(&mut self, scope: &Scope, change: Change) {
        if let Change::Away(reason) | Change::Blind(reason) = &change {
            // Who was not reached at first may refuse the credentials by now.
            if self.away_for.as_ref() != Some(reason) {
                self.away_for = Some(reason.clone());
                self.report(DriverEvent::Unreachable {
                    reason: reason.clone(),
                });
            }
            if !std::mem::replace(&mut self.away, true) {
                self.ask_until_it_answers(ASK);
            }
        }
        self.view.take(scope, change);
        if self.away && !self.view.is_away() {
            self.back();
        }
    }

    /// A watch that goes on where it was says nothing as long as nothing happens: so somebody else asks.
    fn ask_until_it_answers(&mut self, pause: Duration) {
        let (context, outbox) = (Arc::clone(&self.context), self.outbox.clone());
        self.tasks.spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                if context.cluster.version().await.is_ok() {
                    let _ = outbox.send(Input::Back);
                    return;
                }
            }
        });
    }

    /// The cluster answers again.
    pub(super) fn back(&mut self) {
        self.view.is_back();
        if self.view.is_away() {
            // What it may not be asked any more it tells when it may; it may be away meanwhile.
            if self.away {
                self.ask_until_it_answers(ASK_BLIND);
            }
            return;
        }
        if std::mem::take(&mut self.away) {
            self.away_for = None;
            self.interest.touch_all();
            let observed = self.observed();
            self.report(DriverEvent::Reachable { observed });
        }
    }

    /// Judges every instance that news concerns, and tells what is new.
    pub(super) fn judge_all(&mut self) {
        let dirty = self.interest.take(self.slots.keys());
        for instance in dirty {
            self.judge(&instance);
        }
        if self.view.is_whole() {
            for reply in std::mem::take(&mut self.observers) {
                let _ = reply.send(Ok(self.observed()));
            }
        } else if self.away {
            for reply in std::mem::take(&mut self.observers) {
                let reason = "the cluster cannot be reached";
                let _ = reply.send(Err(gantry_driver::DriverError::unreachable(
                    "observe", reason,
                )));
            }
        }
    }

    fn judge(&mut self, instance: &InstanceId) {
        let view = &self.view;
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        slot.marks
            .retain(|mark| !view.has_seen(&mark.key, mark.left.version));
        let Some(record) = slot.record.as_ref().filter(|record| !record.stopped) else {
            return;
        };
        let mut judged = judge::judge(record, view, Timestamp::now(), &mut slot.errors);
        if judged.verdict == Verdict::Unknown {
            return;
        }
        if slot.stopping.is_none() && record.started {
            slot.forwards.keep(&record.forwards);
            slot.forwards
                .aim(instance, view, &self.context, &self.outbox);
        }
        let addresses = addresses::of(record, view, &judged.pods);
        judged.children.extend(slot.forwards.children());
        if let Verdict::There { missing } = &mut judged.verdict
            && missing.is_none()
        {
            *missing = slot.forwards.missing().map(Into::into);
        }
        let generation = record.generation;
        let logs = record.logs.clone();
        self.copy_output(instance, &judged, &logs);
        self.tell_addresses(instance, generation, addresses);
        self.tell_children(instance, generation, &judged);
        self.wake_again(instance, judged.again);
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let mut at_work = None;
        if let Some(begun) = &mut slot.begun {
            let is = |blame: &Blame| blame.runs.as_ref().map(|it| it.what.clone());
            let (before, now) = (is(&begun.blame), is(&judged.blame));
            if before != now {
                at_work = Some((begun.generation, now));
            }
            // Who begins it asks for that, and reads its last words.
            let trouble = judged.blame.trouble.or_else(|| begun.blame.trouble.take());
            if trouble.as_ref().is_some_and(|(hopeless, _)| *hopeless) {
                begun.give_up.cancel();
            }
            begun.blame = Blame {
                trouble,
                runs: judged.blame.runs,
            };
        }
        let busy = slot.begun.is_some() || slot.stopping.is_some() || !slot.stops.is_empty();
        if let Some((generation, at_work)) = at_work.filter(|_| !self.away) {
            let evidence = match at_work {
                Some(hook) => format!("its hook {hook}"),
                None => "its hooks have ended".to_owned(),
            };
            return self.report(DriverEvent::NotReady {
                instance: instance.clone(),
                generation,
                evidence: evidence.into(),
            });
        }
        if self.away || busy {
            return;
        }
        if slot.told.fate == Fate::Over
            || slot.ending
            || !slot.told.started
            || !slot.marks.is_empty()
        {
            return;
        }
        match judged.verdict {
            Verdict::Unknown => {}
            Verdict::There { missing } => self.tell_readiness(instance, generation, missing),
            Verdict::Hopeless(cause) if slot.told.been_ready => {
                self.tell_readiness(instance, generation, Some(cause.what.into()));
            }
            Verdict::Hopeless(cause) => {
                if slot.told.fate == Fate::Open {
                    self.end(instance, generation, cause, None);
                }
            }
            Verdict::Ended { cause, exit } => {
                let cause = cause.unwrap_or(Cause {
                    what: "all its jobs have ended".to_owned(),
                    words: None,
                    exit: None,
                });
                self.end(instance, generation, cause, Some(exit));
            }
            Verdict::Gone => {
                let what = "its objects were deleted by somebody else";
                let cause = Cause {
                    what: what.to_owned(),
                    words: None,
                    exit: None,
                };
                self.end(
                    instance,
                    generation,
                    cause,
                    Some(ExitStatus::Unknown(what.into())),
                );
            }
        }
    }

    /// Tells the ways to it, if they are others than before.
    fn tell_addresses(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        addresses: Vec<Address>,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        if slot.addresses != addresses {
            slot.addresses.clone_from(&addresses);
            self.report(DriverEvent::Addresses {
                instance: instance.clone(),
                generation,
                addresses,
            });
        }
    }

    fn tell_children(&mut self, instance: &InstanceId, generation: Generation, judged: &Judged) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let mut events = Vec::new();
        for child in &judged.children {
            if slot.children.get(&child.name) != Some(child) {
                slot.children.insert(child.name.clone(), child.clone());
                events.push(child.clone());
            }
        }
        let gone = slot.children.extract_if(.., |name, _| {
            !judged.children.iter().any(|child| child.name == *name)
        });
        for (_, mut child) in gone {
            child.state = None;
            (child.ready, child.started, child.completed) = (false, false, false);
            events.push(child);
        }
        for child in events {
            self.report(DriverEvent::Child {
                instance: instance.clone(),
                generation,
                child,
            });
        }
    }

    /// Passes on what the cluster tells of pods.
    pub(super) fn tell_happenings(&mut self) {
        let (view, interest, slots) = (&self.view, &self.interest, &self.slots);
        let ripe = self.happenings.ripe(|about| {
            let instance = whose(about, view, interest)?;
            let record = slots.get(instance)?.record.as_ref();
            let record = record.filter(|record| !record.stopped)?;
            Some(Owner {
                instance: instance.clone(),
                generation: record.generation,
                begun: record.begun,
            })
        });
        for event in ripe {
            self.report(event);
        }
    }

    fn wake_again(&mut self, instance: &InstanceId, at: Option<Timestamp>) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        if at.is_none() || slot.again == at {
            return;
        }
        slot.again = at;
        let Some(at) = at else { return };
        let outbox = self.outbox.clone();
        let wait = at.duration_since(Timestamp::now()).unsigned_abs();
        let instance = instance.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(wait).await;
            let _ = outbox.send(Input::Later(instance));
        });
    }

    fn copy_output(
        &mut self,
        instance: &InstanceId,
        judged: &Judged,
        policy: &gantry_driver::LogPolicy,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let mut fresh = false;
        for pod in &judged.pods {
            for output in logs::outputs(pod) {
                if slot.copiers.contains_key(&output.id) {
                    continue;
                }
                let folder = self.context.log_folder(instance, &output.part);
                // Whoever follows the whole instance looks for it once it is told.
                let mut folders = std::fs::DirBuilder::new();
                let _ = folders.recursive(true).mode(0o700).create(folder.path());
                let task = logs::follow(
                    Arc::clone(&self.context),
                    output.clone(),
                    folder,
                    policy.clone(),
                );
                slot.copiers
                    .insert(output.id, AbortOnDropHandle::new(tokio::spawn(task)));
                fresh = true;
            }
        }
        if fresh {
            self.context.logs.send_modify(|count| *count += 1);
        }
    }

    fn tell_readiness(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        evidence: Option<SmolStr>,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let word = evidence.clone().map_or(Word::Ready, Word::NotReady);
        if slot.told.word == word {
            return;
        }
        slot.told.word = word;
        slot.told.been_ready |= evidence.is_none();
        if evidence.is_none() {
            slot.worked = None;
        }
        let instance = instance.clone();
        self.report(match evidence {
            None => DriverEvent::Ready {
                instance,
                generation,
            },
            Some(evidence) => DriverEvent::NotReady {
                instance,
                generation,
                evidence,
            },
        });
    }

    /// Reads the last words of the container that decides, then tells.
    fn end(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        cause: Cause,
        exit: Option<ExitStatus>,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        slot.ending = true;
        let context = Arc::clone(&self.context);
        let (outbox, instance) = (self.outbox.clone(), instance.clone());
        self.tasks.spawn(async move {
            let tail = match &cause.words {
                Some((pod, container, before)) => {
                    logs::last_words(&context, pod, container, *before).await
                }
                None => Vec::new(),
            };
            let end = End {
                reason: cause.what.into(),
                exit,
                tail,
            };
            let _ = outbox.send(Input::Ended(instance, generation, Box::new(end)));
        });
    }

    pub(super) fn ended(&mut self, instance: &InstanceId, generation: Generation, end: End) {
        self.interest.touch(instance);
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        slot.ending = false;
        if slot.generation() != Some(generation) || slot.begun.is_some() {
            self.go_on_stopping(instance);
            self.start_next(instance);
            return;
        }
        let well = end.exit.as_ref().is_some_and(ExitStatus::success);
        if !slot.told.been_ready && !well && slot.told.fate == Fate::Open {
            slot.told.fate = Fate::Doomed;
            let mut failure = Failure::new(Stage::Run, end.reason.clone());
            failure.kind = FailureKind::Permanent;
            failure.exit.clone_from(&end.exit);
            failure.tail.clone_from(&end.tail);
            self.report(DriverEvent::Doomed {
                instance: instance.clone(),
                generation,
                failure,
            });
            if end.exit.is_none() {
                self.take_back(instance, generation);
            }
        }
        if let Some(exit) = end.exit {
            if let Some(slot) = self.slots.get_mut(instance) {
                slot.told.fate = Fate::Over;
                slot.floor = slot.floor.max(generation);
            }
            self.report(DriverEvent::Exited {
                instance: instance.clone(),
                generation,
                message: end.reason,
                exit,
                at: Timestamp::now(),
                left: None,
                tail: end.tail,
            });
        }
        self.go_on_stopping(instance);
        self.start_next(instance);
    }

    /// The pods of an instance that are there.
    pub(super) fn pods(&self, record: &Record) -> Vec<Arc<serde_json::Value>> {
        let judged = judge::judge(record, &self.view, Timestamp::now(), &mut Errors::new());
        judged.pods
    }

    /// The stateful sets of an instance that are there.
    pub(super) fn stateful_sets(&self, record: &Record) -> Vec<Arc<serde_json::Value>> {
        let objects = record.objects.iter();
        let sets = objects.filter(|one| one.key.kind == "StatefulSet");
        sets.filter_map(|one| self.view.get(&one.key).cloned())
            .collect()
    }

    /// Everything, in the words of all drivers.
    pub(super) fn observed(&self) -> Vec<Observed> {
        let mut all: Vec<Observed> = Vec::new();
        for (instance, slot) in &self.slots {
            let Some(record) = &slot.record else { continue };
            let judged = judge::judge(record, &self.view, Timestamp::now(), &mut Errors::new());
            let (state, ready) = state(record, &judged, slot.stopping.is_some());
            let ready = ready.map(|ready| ready && slot.forwards.missing().is_none());
            let mut children = judged.children;
            children.extend(slot.forwards.children());
            let before = slot.begun.as_ref().and_then(|begun| begun.before);
            let (revision, digest) = before.unwrap_or((record.revision, record.digest));
            all.push(Observed {
                instance: instance.clone(),
                generation: record.generation,
                revision: Some(revision),
                digest: Some(digest),
                state,
                ready,
                said: None,
                handle: None,
                children: if record.stopped { Vec::new() } else { children },
                proof: Some("inventory"),
                unguarded: false,
                warnings: Vec::new(),
            });
        }
        all.sort_by(|one, other| one.instance.cmp(&other.instance));
        all
    }
}

/// Who has made a pod: by what made it, and what made that, up to something that an instance consists of.
fn whose<'a>(about: &About, view: &View, interest: &'a Interest) -> Option<&'a InstanceId> {
    let mut key = Key::core("Pod", Some(&about.namespace), &about.name);
    let mut object = view.get(&key).filter(|pod| uid(pod) == about.uid)?;
    // Nothing that makes pods is made by more: whatever stands in an object, this ends.
    for _ in 0..4 {
        if let Some(instance) = interest.owner(&key) {
            return Some(instance);
        }
        key = maker(object)?;
        match view.get(&key) {
            Some(maker) => object = maker,
            None => return interest.owner(&key),
        }
    }
    None
}

fn state(record: &Record, judged: &Judged, is_stopping: bool) -> (ObservedState, Option<bool>) {
    if record.stopped {
        return (
            ObservedState::Stopped {
                exit: None,
                at: None,
            },
            None,
        );
    }
    if is_stopping {
        return (ObservedState::Stopping { pid: None }, None);
    }
    let running = ObservedState::Running {
        pid: None,
        since: Some(record.begun),
    };
    match &judged.verdict {
        // What it was not seen to have made yet says nothing of what it will be.
        _ if !record.started => (running, Some(false)),
        Verdict::Unknown => (running, None),
        Verdict::There { missing } => (running, Some(missing.is_none())),
        Verdict::Hopeless(_) => (running, Some(false)),
        Verdict::Ended { exit, .. } => (over(exit.clone()), None),
        Verdict::Gone => {
            let reason = "its objects were deleted by somebody else";
            (over(ExitStatus::Unknown(reason.into())), None)
        }
    }
}

fn over(exit: ExitStatus) -> ObservedState {
    ObservedState::Exited {
        exit,
        at: None,
        left: true,
        tail: Vec::new(),
    }
}

/// The uid of an object.
pub(crate) fn uid(object: &serde_json::Value) -> &str {
    text(object, &["metadata", "uid"]).unwrap_or_default()
}
