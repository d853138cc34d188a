//! What the session is asked, and how it ends.

use std::sync::Arc;

use gantry_container_engine::health;
use gantry_core::{EffectId, ExitStatus, Failure, Generation, InstanceId, StopHow};
use gantry_driver::{DriverError, DriverEvent, StartRequest, StopRequest, UpdateRequest};
use jiff::Timestamp;
use smol_str::{SmolStr, format_smolstr};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::slot::{Alive, Begun, Slot, Stop};
use super::start::{self, Start};
use super::{Context, Input, Link, stop};
use crate::look::{Health, Run, Seen};

impl Link {
    pub(super) fn start(&mut self, request: StartRequest) {
        let StartRequest {
            effect,
            instance,
            generation,
            from,
            make,
            ..
        } = request;
        let slot = self.slots.entry(instance.clone()).or_default();
        if let Some(alive) = &slot.alive
            && alive.generation == generation
            && slot.stopping.is_none()
        {
            let event = started(&instance, alive, effect);
            return self.report(event);
        }
        if let Some(begun) = slot.begun.as_mut().filter(|it| it.generation == generation) {
            begun.effects.push(effect);
            return;
        }
        let alive = slot.alive.as_ref().map(|alive| alive.generation);
        let newest = slot.begun.as_ref().map(|begun| begun.generation).max(alive);
        if slot.floor >= generation || newest > Some(generation) {
            return self.report(DriverEvent::Cancelled {
                effect,
                instance,
                generation,
            });
        }
        if slot.begun.is_some() || slot.stopping.is_some() {
            // The world asks for one thing at a time; whoever does not is told that nothing is known.
            return self.report(DriverEvent::Lost {
                effect,
                instance,
                generation,
                reason: "another start or stop of it is under way".into(),
            });
        }
        let give_up = CancellationToken::new();
        slot.begun = Some(Begun {
            generation,
            awaited: !from.settings.job,
            effects: vec![effect],
            give_up: give_up.clone(),
        });
        let start = Start {
            context: Arc::clone(&self.context),
            instance: instance.clone(),
            generation,
            from,
            make,
            give_up,
        };
        let outbox = self.outbox.clone();
        self.tasks.spawn(async move {
            let begun = start.run().await;
            let _ = outbox.send(Input::Begun(instance, generation, Box::new(begun)));
        });
    }

    pub(super) fn begun(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        begun: start::Begun,
    ) {
        let slot = self.slots.entry(instance.clone()).or_default();
        let Some(Begun {
            effects, awaited, ..
        }) = slot.begun.take()
        else {
            return;
        };
        let early = std::mem::take(&mut slot.early);
        match begun {
            start::Begun::Started(seen, warnings) => {
                let copier = self.context.follow(&seen);
                // An older container was removed to make room for it.
                let mut alive = alive(&seen, Some(copier));
                alive.awaited = awaited;
                alive.checker = checker(&self.context, &self.outbox, &seen);
                alive.warnings = warnings;
                let events = effects.into_iter().map(|it| started(instance, &alive, it));
                let events: Vec<_> = events.collect();
                slot.alive = Some(alive);
                for event in events {
                    self.report(event);
                }
                self.tell_health(instance, generation, &seen.health);
                if !matches!(seen.run, Run::Running { .. }) || early.contains(&seen.id) {
                    self.look_at(instance);
                }
            }
            start::Begun::Cancelled => {
                for effect in effects {
                    self.report(DriverEvent::Cancelled {
                        effect,
                        instance: instance.clone(),
                        generation,
                    });
                }
            }
            start::Begun::Failed(failure) => {
                for effect in effects {
                    let mut failure = Failure::clone(&failure);
                    // Some steps say by themselves what they failed to do.
                    if !failure.reason.starts_with("failed to ") {
                        failure.reason = format_smolstr!("failed to start: {}", failure.reason);
                    }
                    self.report(DriverEvent::StartFailed {
                        effect,
                        instance: instance.clone(),
                        generation,
                        failure,
                    });
                }
            }
            start::Begun::Lost(reason) => {
                for effect in effects {
                    self.report(DriverEvent::Lost {
                        effect,
                        instance: instance.clone(),
                        generation,
                        reason: reason.clone(),
                    });
                }
            }
        }
        self.go_on_stopping(instance);
    }

    pub(super) fn stop(&mut self, request: StopRequest) {
        let StopRequest {
            effect,
            instance,
            generation,
            how,
            from,
        } = request;
        let slot = self.slots.entry(instance.clone()).or_default();
        slot.floor = slot.floor.max(generation);
        let policy = from.map(|from| from.settings.stop.clone());
        slot.stops.push(Stop {
            effect,
            generation,
            policy: policy.unwrap_or_default(),
            kill: how == StopHow::Kill,
        });
        if let Some(begun) = &slot.begun
            && begun.generation <= generation
        {
            begun.give_up.cancel();
        }
        if let Some(stopping) = &slot.stopping
            && how == StopHow::Kill
        {
            stopping.cancel();
        }
        self.go_on_stopping(&instance);
    }

    /// Begins the stop that is due, if nothing stands before it.
    pub(super) fn go_on_stopping(&mut self, instance: &InstanceId) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let ending = slot.alive.as_ref().is_some_and(|alive| alive.ending);
        if slot.stops.is_empty() || slot.stopping.is_some() || slot.begun.is_some() || ending {
            return;
        }
        let newest = slot.stops.iter().map(|it| it.generation).max();
        let generation = newest.unwrap_or_default();
        let hurry = CancellationToken::new();
        if slot.stops.iter().any(|it| it.kill) {
            hurry.cancel();
        }
        let policy = slot.stops.last().map(|it| it.policy.clone());
        slot.stopping = Some(hurry.clone());
        let older = slot.alive.as_mut().filter(|it| it.generation <= generation);
        let stop = stop::Stop {
            context: Arc::clone(&self.context),
            instance: instance.clone(),
            generation,
            policy: policy.unwrap_or_default(),
            hurry,
            copier: older.and_then(|alive| alive.copier.take()),
            outbox: self.outbox.clone(),
        };
        let (outbox, instance) = (self.outbox.clone(), instance.clone());
        self.tasks.spawn(async move {
            let result = stop.run().await;
            let _ = outbox.send(Input::Gone(instance, generation, result));
        });
    }

    pub(super) fn gone(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        result: &Result<Option<ExitStatus>, DriverError>,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        slot.stopping = None;
        if result.is_ok() {
            slot.alive = slot.alive.take().filter(|it| it.generation > generation);
        }
        let done: Vec<Stop> = slot
            .stops
            .extract_if(.., |stop| stop.generation <= generation)
            .collect();
        for stop in done {
            let (effect, instance) = (stop.effect, instance.clone());
            self.report(match result {
                Ok(exit) => DriverEvent::Stopped {
                    effect,
                    instance,
                    generation: stop.generation,
                    exit: exit.clone(),
                    proof: Some("the engine has removed its container".into()),
                },
                Err(error) => DriverEvent::Lost {
                    effect,
                    instance,
                    generation: stop.generation,
                    reason: error.to_string(),
                },
            });
        }
        self.go_on_stopping(instance);
    }

    pub(super) fn resists(&self, instance: &InstanceId, generation: Generation, what: &SmolStr) {
        let stops = self
            .slots
            .get(instance)
            .into_iter()
            .flat_map(|it| &it.stops);
        for stop in stops.filter(|stop| stop.generation <= generation) {
            self.report(DriverEvent::StopResisted {
                effect: stop.effect,
                instance: instance.clone(),
                generation: stop.generation,
                what: what.clone(),
            });
        }
    }

    pub(super) fn update(&self, request: &UpdateRequest) {
        self.report(request.refused("a container cannot be changed as it runs"));
    }

    pub(super) fn cancel(&self, effect: EffectId) {
        let begun = self.slots.values().filter_map(|slot| slot.begun.as_ref());
        for begun in begun.filter(|begun| begun.effects.contains(&effect)) {
            begun.give_up.cancel();
        }
    }

    pub(super) fn forget(&mut self, instances: Vec<(InstanceId, Generation)>) {
        for (instance, generation) in instances {
            let slot = self.slots.get(&instance);
            let busy = |slot: &Slot| {
                let newer = slot
                    .alive
                    .as_ref()
                    .is_some_and(|it| it.generation > generation);
                newer || slot.begun.is_some() || slot.stopping.is_some()
            };
            if slot.is_some_and(busy) {
                continue;
            }
            self.slots.remove(&instance);
            let context = Arc::clone(&self.context);
            self.tasks.spawn(async move {
                let name = context.place(&instance);
                let seen = crate::look::one(&context.engine, &context.names, &name).await;
                let Ok(Some(seen)) = seen else {
                    return;
                };
                let over = !matches!(seen.run, Run::Running { .. });
                if over && seen.tag.generation <= generation {
                    let _ = start::remove(&context, &seen.id).await;
                }
            });
        }
    }

    /// Takes up a container that was found.
    pub(super) fn adopt(&mut self, seen: &Seen, copier: JoinHandle<()>) {
        self.context.placed(&seen.tag.instance, &seen.id);
        let slot = self.slots.entry(seen.tag.instance.clone()).or_default();
        if matches!(seen.run, Run::Running { .. }) {
            let mut alive = alive(seen, Some(copier));
            alive.checker = checker(&self.context, &self.outbox, seen);
            slot.alive = Some(alive);
        } else {
            slot.floor = slot.floor.max(seen.tag.generation);
        }
    }
}

fn alive(seen: &Seen, copier: Option<JoinHandle<()>>) -> Alive {
    let (pid, since) = match seen.run {
        Run::Running { pid, since } => (pid, since),
        Run::Exited { since, .. } => (None, since),
        Run::Created => (None, None),
    };
    Alive {
        generation: seen.tag.generation,
        id: seen.id.clone(),
        pid,
        made: seen.made,
        since,
        health: Health::Starting,
        awaited: false,
        checker: None,
        warnings: Vec::new(),
        copier,
        ending: false,
        looking: false,
        again: false,
    }
}

/// Has its health checked where nobody else does.
fn checker(
    context: &Arc<Context>,
    outbox: &UnboundedSender<Input>,
    seen: &Seen,
) -> Option<AbortOnDropHandle<()>> {
    let every = seen
        .check
        .filter(|_| health::is_left_to_us(&context.engine))?;
    let (context, outbox, id) = (Arc::clone(context), outbox.clone(), seen.id.clone());
    let checking = tokio::spawn(async move {
        let told = || {
            let _ = outbox.send(Input::News(id.clone()));
        };
        health::keep_checking(&context.engine, &id, every, told).await;
    });
    Some(AbortOnDropHandle::new(checking))
}

fn started(instance: &InstanceId, alive: &Alive, effect: EffectId) -> DriverEvent {
    DriverEvent::Started {
        effect,
        instance: instance.clone(),
        generation: alive.generation,
        pid: alive.pid,
        at: alive.since.unwrap_or_else(Timestamp::now),
        handle: None,
        warnings: alive.warnings.clone(),
    }
}
