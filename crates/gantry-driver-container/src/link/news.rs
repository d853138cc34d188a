//! What the engine tells, and what follows from looking.

use std::sync::Arc;

use gantry_container_engine::events::{self, News};
use gantry_core::{ExitStatus, Failure, Generation, InstanceId, Stage};
use gantry_driver::{DriverError, DriverEvent};
use jiff::Timestamp;
use smol_str::format_smolstr;
use tokio::sync::mpsc::UnboundedSender;

use super::slot::End;
use super::stop::LAST_WORDS;
use super::{Context, Input, Link};
use crate::look::{self, Health, Run, Seen};

/// Listens to the engine's events for ever, from this moment on, and says when it is away and back.
pub(crate) async fn watch(context: Arc<Context>, outbox: UnboundedSender<Input>, from: Timestamp) {
    let label = context.names.filter();
    let look = || look::all(&context.engine, &context.names);
    let tell = |news| {
        let input = match news {
            News::Of { id, .. } => Input::News(id),
            News::Away(reason) => Input::Away(reason),
            News::Back(seen) => Input::Back(seen),
        };
        outbox.send(input).is_ok()
    };
    events::watch(&context.engine, &label, from, look, tell).await;
}

impl Link {
    pub(super) fn news(&mut self, id: &str) {
        let known = self.slots.iter().find(|(_, slot)| {
            let alive = slot.alive.as_ref();
            alive.is_some_and(|alive| alive.id == id)
        });
        if let Some(instance) = known.map(|(instance, _)| instance.clone()) {
            return self.look_at(&instance);
        }
        for slot in self.slots.values_mut().filter(|slot| slot.begun.is_some()) {
            if !slot.early.iter().any(|early| early == id) {
                slot.early.push(id.to_owned());
            }
        }
    }

    /// Looks at an instance's container, or once more if that is being done.
    pub(super) fn look_at(&mut self, instance: &InstanceId) {
        let alive = self
            .slots
            .get_mut(instance)
            .and_then(|it| it.alive.as_mut());
        let Some(alive) = alive.filter(|alive| !alive.ending) else {
            return;
        };
        if std::mem::replace(&mut alive.looking, true) {
            alive.again = true;
            return;
        }
        let (context, outbox) = (Arc::clone(&self.context), self.outbox.clone());
        let (instance, id) = (instance.clone(), alive.id.clone());
        self.tasks.spawn(async move {
            let seen = look::one(&context.engine, &context.names, &id).await;
            let _ = outbox.send(Input::Looked(instance, id, Box::new(seen)));
        });
    }

    pub(super) fn looked(
        &mut self,
        instance: &InstanceId,
        id: &str,
        seen: Result<Option<Seen>, DriverError>,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let stopping = slot.stopping.is_some();
        let Some(alive) = slot.alive.as_mut().filter(|alive| alive.id == id) else {
            return;
        };
        alive.looking = false;
        let again = std::mem::take(&mut alive.again);
        let generation = alive.generation;
        let exit = match seen {
            // The stream breaks as well, and what follows is found when it is back.
            Err(_) => None,
            Ok(Some(seen)) => match seen.run {
                Run::Exited { exit, at, .. } => Some((exit, at)),
                Run::Running { .. } | Run::Created => {
                    self.tell_health(instance, generation, &seen.health);
                    None
                }
            },
            Ok(None) => {
                let reason = "its container was removed by somebody else";
                Some((ExitStatus::Unknown(reason.into()), None))
            }
        };
        match exit {
            // Whoever stops it tells how it ended.
            Some(_) if stopping => {}
            Some((exit, at)) => self.wait_for_last_words(instance, exit, at),
            None if again => self.look_at(instance),
            None => {}
        }
    }

    /// Tells what a health check says, if that is new.
    pub(super) fn tell_health(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        health: &Health,
    ) {
        let alive = self
            .slots
            .get_mut(instance)
            .and_then(|it| it.alive.as_mut());
        let Some(alive) = alive.filter(|it| it.generation == generation && it.health != *health)
        else {
            return;
        };
        alive.health = health.clone();
        let (awaited, made) = (alive.awaited, alive.made);
        alive.awaited &= *health == Health::Starting;
        let instance = instance.clone();
        match health {
            // The engine has tried as often as it was told to: nobody need wait for the time to run out.
            Health::Unhealthy(evidence) if awaited => {
                let mut failure = Failure::new(Stage::Ready, evidence.clone());
                let context = Arc::clone(&self.context);
                self.tasks.spawn(async move {
                    failure.tail = context.tail(&instance, made);
                    context.events.send(DriverEvent::Doomed {
                        instance,
                        generation,
                        failure,
                    });
                });
            }
            Health::Starting => {}
            Health::Unchecked | Health::Healthy => self.report(DriverEvent::Ready {
                instance,
                generation,
            }),
            Health::Unhealthy(evidence) => self.report(DriverEvent::NotReady {
                instance,
                generation,
                evidence: evidence.clone(),
            }),
        }
    }

    fn wait_for_last_words(
        &mut self,
        instance: &InstanceId,
        exit: ExitStatus,
        at: Option<Timestamp>,
    ) {
        let alive = self
            .slots
            .get_mut(instance)
            .and_then(|it| it.alive.as_mut());
        let Some(alive) = alive else {
            return;
        };
        alive.ending = true;
        let (copier, generation) = (alive.copier.take(), alive.generation);
        let (made, since) = (alive.made, alive.since);
        let (context, outbox) = (Arc::clone(&self.context), self.outbox.clone());
        let instance = instance.clone();
        self.tasks.spawn(async move {
            if let Some(copier) = copier {
                let _ = tokio::time::timeout(LAST_WORDS, copier).await;
            }
            let end = End {
                exit,
                at: at.unwrap_or_else(Timestamp::now),
                since,
                tail: context.tail(&instance, made),
            };
            let _ = outbox.send(Input::Ended(instance, generation, end));
        });
    }

    pub(super) fn ended(&mut self, instance: &InstanceId, generation: Generation, end: End) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        slot.alive = slot.alive.take().filter(|it| it.generation != generation);
        slot.floor = slot.floor.max(generation);
        let ran = end.since.map(|since| end.at.duration_since(since));
        let after = ran.map_or_else(String::new, |ran| {
            format!(" after {:.1} s", ran.as_secs_f64())
        });
        self.report(DriverEvent::Exited {
            instance: instance.clone(),
            generation,
            message: format_smolstr!("{}{after}", end.exit.sentence()),
            exit: end.exit,
            at: end.at,
            left: None,
            tail: end.tail,
        });
        self.go_on_stopping(instance);
    }

    /// The engine is back: what happened meanwhile is found by looking.
    pub(super) fn back(&mut self, seen: &[Seen]) {
        let observed = seen.iter().filter_map(|it| self.context.observed(it));
        let observed = observed.collect();
        self.report(DriverEvent::Reachable { observed });
        let known: Vec<InstanceId> = self.slots.keys().cloned().collect();
        for instance in known {
            self.look_at(&instance);
        }
    }
}
