//! What the engine tells, what follows from looking, and what is told of it.

use std::sync::Arc;
use std::time::Duration;

use gantry_container_engine::events::{self, News};
use gantry_container_engine::health;
use gantry_container_engine::state::Run;
use gantry_core::{ExitStatus, Failure, FailureKind, Generation, InstanceId, Stage};
use gantry_driver::{DriverError, DriverEvent};
use jiff::Timestamp;
use smol_str::{SmolStr, format_smolstr};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::task::AbortOnDropHandle;

use super::slot::{End, Slot, Thing, Word};
use super::{Context, Input, Link};
use crate::judge::{self, Circumstances, Verdict};
use crate::look::{self, Seen};

/// How long the last words of a container are waited for.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(5);

/// Listens to the engine's events for ever, from this moment on, and says when it is away and back.
pub(crate) async fn watch(context: Arc<Context>, outbox: UnboundedSender<Input>, from: Timestamp) {
    let label = context.owner.filter();
    let look = || look::all(&context.engine, &context.owner);
    let tell = |news| {
        let input = match news {
            News::Of { id, marks } => match context.owner.instance(&marks) {
                Some(instance) => Input::News(instance, id),
                // Of another home's, or another mode's.
                None => return !outbox.is_closed(),
            },
            News::Away(reason) => Input::Away(reason),
            News::Back(seen) => Input::Back(seen),
        };
        outbox.send(input).is_ok()
    };
    events::watch(&context.engine, &label, from, look, tell).await;
}

impl Link {
    /// Looks at a container, or once more if that is being done.
    pub(super) fn look_at(&mut self, instance: &InstanceId, id: &str) {
        let slot = self.slots.entry(instance.clone()).or_default();
        let thing = slot
            .things
            .entry(id.to_owned())
            .or_insert_with(Thing::unseen);
        if thing.looking.is_some() {
            thing.again = true;
            return;
        }
        self.looks += 1;
        let look = self.looks;
        thing.looking = Some(look);
        let (context, outbox) = (Arc::clone(&self.context), self.outbox.clone());
        let (instance, id) = (instance.clone(), id.to_owned());
        self.tasks.spawn(async move {
            let seen = look::one(&context.engine, &context.owner, &id).await;
            let _ = outbox.send(Input::Looked(instance, id, look, Box::new(seen)));
        });
    }

    pub(super) fn looked(
        &mut self,
        instance: &InstanceId,
        id: &str,
        look: u64,
        seen: Result<Option<Seen>, DriverError>,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        // A container of a run that is over has been let go of, even if there is news of it again.
        let thing = slot.things.get_mut(id);
        let Some(thing) = thing.filter(|thing| thing.looking == Some(look)) else {
            return;
        };
        thing.looking = None;
        let again = std::mem::take(&mut thing.again);
        match seen {
            // The stream breaks as well, and what follows is found when it is back.
            Err(_) => {}
            Ok(Some(seen)) => self.see(seen),
            Ok(None) => self.missing(instance, id),
        }
        if again {
            self.look_at(instance, id);
        }
        self.judge(instance);
    }

    /// A container is not there any more.
    fn missing(&mut self, instance: &InstanceId, id: &str) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let settled = slot.begun.is_none() && slot.stopping.is_none() && slot.record.is_some();
        let Some(thing) = slot.things.get_mut(id) else {
            return;
        };
        let ran = thing
            .seen
            .as_mut()
            .filter(|seen| matches!(seen.state.run, Run::Running { .. }));
        match ran {
            // Nobody here removed it.
            Some(seen) if settled => {
                let reason = "its container was removed by somebody else";
                seen.state.run = Run::Exited {
                    exit: ExitStatus::Unknown(reason.into()),
                    since: None,
                    at: None,
                };
                seen.state.restarts = false;
            }
            _ => {
                slot.things.remove(id);
            }
        }
    }

    /// Takes up what was seen of a container.
    pub(super) fn see(&mut self, seen: Seen) {
        let context = Arc::clone(&self.context);
        let slot = self.slots.entry(seen.instance.clone()).or_default();
        let logs = slot.record.as_ref().map(|record| record.logs.clone());
        let thing = slot
            .things
            .entry(seen.state.id.clone())
            .or_insert_with(Thing::unseen);
        let before = thing.seen.as_ref().map(|seen| seen.state.run.clone());
        if before.as_ref() != Some(&seen.state.run) {
            // The start has come to it.
            thing.old &= matches!((&before, &seen.state.run),
                (Some(Run::Exited { at: before, .. }), Run::Exited { at, .. }) if before == at);
        }
        let runs = matches!(seen.state.run, Run::Running { .. });
        let fresh = thing.copied.as_ref().map(since) != Some(since(&seen.state.run));
        if fresh && !matches!(seen.state.run, Run::Created) {
            // It was started, by its engine or by us.
            thing.copied = Some(seen.state.run.clone());
            thing.copier = Some(context.follow(&seen, logs.unwrap_or_default()));
        }
        let check = seen.state.check.as_ref().filter(|_| runs);
        match check {
            Some(check) if thing.checker.is_none() && health::is_left_to_us(&context.engine) => {
                let (id, every) = (seen.state.id.clone(), check.interval);
                let engine = context.engine.clone();
                let (outbox, instance) = (self.outbox.clone(), seen.instance.clone());
                let checker = tokio::spawn(async move {
                    let told = || {
                        let news = Input::News(instance.clone(), id.clone());
                        let _ = outbox.send(news);
                    };
                    health::keep_checking(&engine, &id, every, told).await;
                });
                thing.checker = Some(AbortOnDropHandle::new(checker));
            }
            Some(_) => {}
            None => thing.checker = None,
        }
        thing.seen = Some(seen);
    }

    /// Takes up what was seen of several at once. What is known of a container may be newer than that: it is
    /// looked at again.
    pub(super) fn see_all(&mut self, seen: Vec<Seen>) {
        for one in seen {
            let slot = self.slots.entry(one.instance.clone()).or_default();
            let known = slot.things.get(&one.state.id);
            match known.and_then(|thing| thing.seen.as_ref()) {
                None => self.see(one),
                Some(known) if *known == one => {}
                Some(_) => self.look_at(&one.instance, &one.state.id),
            }
        }
    }

    /// Tells what is new about an instance.
    pub(super) fn judge(&mut self, instance: &InstanceId) {
        self.tell_children(instance);
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let Some(generation) = slot.generation() else {
            return;
        };
        if slot.stopping.is_some() || slot.told.over || slot.ending {
            return;
        }
        let around = Circumstances {
            starting: slot.begun.is_some(),
            been_ready: slot.told.been_ready,
        };
        let children: Vec<_> = slot.children.values().cloned().collect();
        let verdict = judge::verdict(&slot.known(), &children, around);
        if verdict != Verdict::Nothing {
            self.tell_started(instance, generation);
        }
        match verdict {
            Verdict::Nothing => {}
            Verdict::Runs { evidence } => self.tell_readiness(instance, generation, evidence),
            Verdict::Failed {
                id,
                reason,
                exit,
                at,
                left,
            } => self.end(instance, generation, &id, (reason, exit, at, left)),
            Verdict::Over { id, at } => {
                let exit = Some(ExitStatus::Code(0));
                let reason = "all its services have ended".into();
                self.end(instance, generation, &id, (reason, exit, at, None));
            }
        }
    }

    fn tell_children(&mut self, instance: &InstanceId) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let Some(generation) = slot.generation() else {
            return;
        };
        let now = judge::children(&slot.known(), slot.record.as_ref());
        slot.standing.send_replace(judge::standings(&now));
        let mut events = Vec::new();
        let tell = |child| DriverEvent::Child {
            instance: instance.clone(),
            generation,
            child,
        };
        for child in &now {
            if slot.children.get(&child.name) != Some(child) {
                slot.children.insert(child.name.clone(), child.clone());
                events.push(tell(child.clone()));
            }
        }
        let gone: Vec<_> = slot
            .children
            .extract_if(.., |name, _| !now.iter().any(|child| child.name == *name))
            .collect();
        for (_, mut child) in gone {
            child.state = None;
            (child.ready, child.started, child.completed) = (false, false, false);
            events.push(tell(child));
        }
        for event in events {
            self.report(event);
        }
    }

    /// The first container runs: the start has succeeded.
    pub(super) fn tell_started(&mut self, instance: &InstanceId, generation: Generation) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        if std::mem::replace(&mut slot.told.started, true) {
            return;
        }
        let at = judge::since(&slot.known()).unwrap_or_else(Timestamp::now);
        let begun = slot.begun.as_mut();
        let effects = begun.map(|begun| std::mem::take(&mut begun.effects));
        for effect in effects.unwrap_or_default() {
            self.report(started(instance, generation, effect, at));
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
        let wait = slot.record.as_ref().is_none_or(|record| record.wait);
        let evidence = evidence.filter(|_| wait);
        let word = evidence.clone().map_or(Word::Ready, Word::NotReady);
        if slot.told.word == word {
            return;
        }
        slot.told.word = word;
        slot.told.been_ready |= evidence.is_none();
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
        id: &str,
        what: (
            SmolStr,
            Option<ExitStatus>,
            Option<Timestamp>,
            Option<SmolStr>,
        ),
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let Some(thing) = slot.things.get_mut(id) else {
            return;
        };
        slot.ending = true;
        let (reason, exit, at, left) = what;
        // What runs on goes on to be copied.
        let copier = exit.as_ref().and_then(|_| thing.copier.take());
        let seen = thing.seen.clone();
        let (context, outbox) = (Arc::clone(&self.context), self.outbox.clone());
        let instance = instance.clone();
        self.tasks.spawn(async move {
            if let Some(copier) = copier {
                let _ = tokio::time::timeout(LAST_WORDS, copier).await;
            }
            let end = End {
                reason,
                exit,
                at: at.unwrap_or_else(Timestamp::now),
                left,
                tail: seen.map_or_else(Vec::new, |seen| context.tail(&seen)),
            };
            let _ = outbox.send(Input::Ended(instance, generation, Box::new(end)));
        });
    }

    pub(super) fn ended(&mut self, instance: &InstanceId, generation: Generation, end: End) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        slot.ending = false;
        if slot.generation() != Some(generation) {
            self.go_on_stopping(instance);
            return;
        }
        slot.told.over = true;
        slot.floor = slot.floor.max(generation);
        if let Some(begun) = &slot.begun {
            // What it would still start, nobody wants any more.
            begun.give_up.cancel();
        }
        let well = end.exit.as_ref().is_some_and(ExitStatus::success);
        if !slot.told.been_ready && !well {
            let mut failure = Failure::new(Stage::Run, end.reason.clone());
            failure.kind = FailureKind::Permanent;
            failure.exit.clone_from(&end.exit);
            failure.tail.clone_from(&end.tail);
            self.report(DriverEvent::Doomed {
                instance: instance.clone(),
                generation,
                failure,
            });
        }
        if let Some(exit) = end.exit {
            self.report(DriverEvent::Exited {
                instance: instance.clone(),
                generation,
                message: end.reason,
                exit,
                at: end.at,
                left: end.left,
                tail: end.tail,
            });
        }
        self.go_on_stopping(instance);
    }

    /// The engine is back: what happened meanwhile is found by looking.
    pub(super) fn back(&mut self, seen: Vec<Seen>) {
        let context = Arc::clone(&self.context);
        let observed = crate::observe::all(&context, &seen);
        self.report(DriverEvent::Reachable { observed });
        let mut gone: Vec<(InstanceId, String)> = Vec::new();
        for (instance, slot) in &self.slots {
            let ids = slot.things.keys();
            let lost = ids.filter(|id| !seen.iter().any(|one| one.state.id == **id));
            gone.extend(lost.map(|id| (instance.clone(), id.clone())));
        }
        for (instance, id) in gone {
            self.missing(&instance, &id);
        }
        self.see_all(seen);
        let instances: Vec<_> = self.slots.keys().cloned().collect();
        for instance in instances {
            self.judge(&instance);
        }
    }
}

/// When a run began: what tells it from others of the same container.
fn since(run: &Run) -> Option<Timestamp> {
    match run {
        Run::Running { since, .. } | Run::Exited { since, .. } => *since,
        Run::Created => None,
    }
}

/// What tells that a start has succeeded.
pub(super) fn started(
    instance: &InstanceId,
    generation: Generation,
    effect: gantry_core::EffectId,
    at: Timestamp,
) -> DriverEvent {
    DriverEvent::Started {
        effect,
        instance: instance.clone(),
        generation,
        pid: None,
        at,
        handle: None,
        warnings: Vec::new(),
    }
}

/// A failed start's last word, where no container says more.
pub(super) fn doom(slot: &Slot, error: DriverError) -> Failure {
    let stage = if slot.told.been_ready {
        Stage::Run
    } else {
        Stage::Start
    };
    let mut failure = error.into_failure(stage);
    failure.reason = format_smolstr!("failed to start: {}", failure.reason);
    failure
}
