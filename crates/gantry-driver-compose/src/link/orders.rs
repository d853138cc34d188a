//! What the session is asked, and how it ends.

use std::sync::Arc;

use gantry_core::{EffectId, ExitStatus, Generation, InstanceId, Stage, StopHow};
use gantry_driver::{DriverError, DriverEvent, StartRequest, StopRequest, UpdateRequest};
use jiff::Timestamp;
use smol_str::SmolStr;
use tokio_util::sync::CancellationToken;

use super::news::{doom, started};
use super::resume::Resumed;
use super::slot::{Begun, Slot, Stop};
use super::up::{self, Up};
use super::{Input, Link, stop};
use crate::judge;
use crate::look::Seen;
use crate::record::Record;

impl Link {
    pub(super) fn start(&mut self, request: StartRequest) {
        let StartRequest {
            effect,
            instance,
            generation,
            from,
            recreate,
            make,
        } = request;
        let slot = self.slots.entry(instance.clone()).or_default();
        let at_rest = slot.stopping.is_none() && slot.stops.is_empty();
        if slot.generation() == Some(generation) && at_rest {
            if slot.told.started && !slot.told.over {
                let at = judge::since(&slot.known()).unwrap_or_else(Timestamp::now);
                return self.report(started(&instance, generation, effect, at));
            }
            if let Some(begun) = &mut slot.begun {
                begun.effects.push(effect);
                return;
            }
        }
        if slot.floor >= generation || slot.generation() > Some(generation) {
            return self.report(DriverEvent::Cancelled {
                effect,
                instance,
                generation,
            });
        }
        if slot.begun_is_over() {
            let next = StartRequest {
                effect,
                instance: instance.clone(),
                generation,
                from,
                recreate,
                make,
            };
            if let Some(before) = slot.next.replace(next) {
                self.report(cancelled(before));
            }
            return;
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
        slot.begin_anew();
        slot.begun = Some(Begun {
            generation,
            effects: vec![effect],
            give_up: give_up.clone(),
        });
        let up = Up {
            context: Arc::clone(&self.context),
            instance: instance.clone(),
            generation,
            from,
            recreate,
            make,
            cancelled: give_up,
            standing: slot.standing.subscribe(),
            outbox: self.outbox.clone(),
        };
        let outbox = self.outbox.clone();
        self.tasks.spawn(async move {
            let (begun, seen) = up.run().await;
            let _ = outbox.send(Input::Begun(instance, generation, begun, seen));
        });
    }

    /// A start has read its files.
    pub(super) fn noted(&mut self, instance: &InstanceId, record: Record) {
        let slot = self.slots.entry(instance.clone()).or_default();
        slot.record = Some(record);
        self.judge(instance);
    }

    pub(super) fn begun(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        begun: up::Begun,
        seen: Vec<Seen>,
    ) {
        let done = matches!(begun, up::Begun::Done);
        let Some(slot) = self.slots.get_mut(instance).filter(|it| it.begun.is_some()) else {
            return;
        };
        if done {
            // What it made anew is gone, also where the engine's word of that is still on its way.
            let there = |id: &String| seen.iter().any(|one| one.state.id == *id);
            slot.things.retain(|id, thing| !thing.old || there(id));
            for thing in slot.things.values_mut() {
                // What it did not start again counts as it is.
                thing.old = false;
            }
        }
        self.see_all(seen);
        // As long as it counts as under way: what has failed by now says more than the command.
        self.judge(instance);
        if done {
            self.tell_started(instance, generation);
        }
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let effects = slot.begun.take().map(|begun| begun.effects);
        let effects = effects.unwrap_or_default();
        if !slot.told.started {
            // Nothing of it is left.
            slot.record = None;
            slot.things.clear();
            self.tell_children_gone(instance);
        }
        match begun {
            up::Begun::Done => self.judge(instance),
            up::Begun::Cancelled => self.all(effects, |effect| DriverEvent::Cancelled {
                effect,
                instance: instance.clone(),
                generation,
            }),
            up::Begun::Lost(reason) => self.all(effects, |effect| DriverEvent::Lost {
                effect,
                instance: instance.clone(),
                generation,
                reason: reason.clone(),
            }),
            up::Begun::Failed(error) => self.failed(instance, generation, effects, error),
        }
        self.go_on_stopping(instance);
        self.start_next(instance);
    }

    /// Begins the start that has waited, if nothing stands before it any more.
    fn start_next(&mut self, instance: &InstanceId) {
        let free = |slot: &&mut Slot| {
            slot.begun.is_none() && slot.stopping.is_none() && slot.stops.is_empty() && !slot.ending
        };
        let slot = self.slots.get_mut(instance).filter(free);
        if let Some(next) = slot.and_then(|slot| slot.next.take()) {
            self.start(next);
        }
    }

    fn all(&self, effects: Vec<EffectId>, event: impl Fn(EffectId) -> DriverEvent) {
        for effect in effects {
            self.report(event(effect));
        }
    }

    /// The command failed. If a container says why, that is told; if some of it runs, the whole has failed
    /// after its start.
    fn failed(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        effects: Vec<EffectId>,
        error: DriverError,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        if !slot.told.started {
            let mut failure = error.into_failure(Stage::Start);
            failure.reason = smol_str::format_smolstr!("failed to start: {}", failure.reason);
            for effect in effects {
                self.report(DriverEvent::StartFailed {
                    effect,
                    instance: instance.clone(),
                    generation,
                    failure: failure.clone(),
                });
            }
            return;
        }
        if slot.ending || slot.told.over {
            return;
        }
        slot.told.over = true;
        let failure = doom(slot, error);
        self.report(DriverEvent::Doomed {
            instance: instance.clone(),
            generation,
            failure,
        });
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
        let unwanted = slot.next.take_if(|next| next.generation <= generation);
        if let Some(stopping) = &slot.stopping
            && how == StopHow::Kill
        {
            stopping.cancel();
        }
        if let Some(next) = unwanted {
            self.report(cancelled(next));
        }
        self.go_on_stopping(&instance);
    }

    /// Begins the stop that is due, if nothing stands before it.
    pub(super) fn go_on_stopping(&mut self, instance: &InstanceId) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        if slot.stops.is_empty() || slot.stopping.is_some() || slot.begun.is_some() || slot.ending {
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
        let runs = slot.record.as_ref().map(|record| record.generation);
        let nothing = runs.is_some_and(|runs| runs > generation);
        let things = slot.things.values_mut();
        let copiers = things.filter_map(|thing| thing.copier.take());
        let stop = stop::Stop {
            context: Arc::clone(&self.context),
            instance: instance.clone(),
            generation,
            record: slot.record.clone(),
            policy: policy.unwrap_or_default(),
            hurry,
            copiers: if nothing {
                Vec::new()
            } else {
                copiers.collect()
            },
            outbox: self.outbox.clone(),
        };
        let (outbox, instance) = (self.outbox.clone(), instance.clone());
        self.tasks.spawn(async move {
            let result = if nothing { Ok(None) } else { stop.run().await };
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
        let runs = slot.record.as_ref().map(|record| record.generation);
        let cleared = result.is_ok() && runs.is_none_or(|runs| runs <= generation);
        if cleared {
            slot.record = None;
            slot.things.clear();
        }
        let done: Vec<Stop> = slot
            .stops
            .extract_if(.., |stop| stop.generation <= generation)
            .collect();
        if cleared {
            self.tell_children_gone(instance);
        }
        for stop in done {
            let (effect, instance) = (stop.effect, instance.clone());
            self.report(match result {
                Ok(exit) => DriverEvent::Stopped {
                    effect,
                    instance,
                    generation: stop.generation,
                    exit: exit.clone(),
                    proof: Some("the engine has removed its containers".into()),
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
        self.start_next(instance);
    }

    /// Nothing of it is left.
    fn tell_children_gone(&mut self, instance: &InstanceId) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        slot.standing
            .send_replace(std::collections::BTreeMap::new());
        let generation = slot.floor;
        for (_, mut child) in std::mem::take(&mut slot.children) {
            child.state = None;
            (child.ready, child.started, child.completed) = (false, false, false);
            self.report(DriverEvent::Child {
                instance: instance.clone(),
                generation,
                child,
            });
        }
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
        self.report(request.refused("a project cannot be changed as it runs"));
    }

    pub(super) fn cancel(&mut self, effect: EffectId) {
        let waiting = self.slots.values_mut();
        let mut waiting =
            waiting.filter_map(|slot| slot.next.take_if(|next| next.effect == effect));
        if let Some(next) = waiting.next() {
            drop(waiting);
            return self.report(cancelled(next));
        }
        drop(waiting);
        let begun = self.slots.values().filter_map(|slot| slot.begun.as_ref());
        for begun in begun.filter(|begun| begun.effects.contains(&effect)) {
            begun.give_up.cancel();
        }
    }

    pub(super) fn forget(&mut self, instances: Vec<(InstanceId, Generation)>) {
        for (instance, generation) in instances {
            let slot = self.slots.get(&instance);
            let busy = |slot: &Slot| {
                let newer = slot.generation().is_some_and(|it| it > generation);
                newer || slot.begun.is_some() || slot.stopping.is_some() || slot.next.is_some()
            };
            if slot.is_some_and(busy) {
                continue;
            }
            self.slots.remove(&instance);
            let context = Arc::clone(&self.context);
            self.tasks.spawn(async move {
                if let Err(error) = stop::clear(&context, &instance).await {
                    tracing::warn!(%instance, %error, "a part of what left the stack file stays");
                }
            });
        }
    }

    /// Takes up what was found: projects that run, and starts that an earlier session did not see the end of.
    pub(super) fn adopt(&mut self, records: Vec<(InstanceId, Record)>, seen: Vec<Seen>) {
        for (instance, record) in records {
            let slot = self.slots.entry(instance.clone()).or_default();
            let mine = seen.iter().filter(|one| one.instance == instance);
            let unfinished = !record.started && !record.is_whole(mine);
            let generation = record.generation;
            slot.record = Some(record.clone());
            // What it was before is not known: a failure from here on is an end.
            slot.told.started = true;
            slot.told.been_ready = !unfinished;
            if unfinished {
                let cancelled = CancellationToken::new();
                slot.begun = Some(Begun {
                    generation,
                    effects: Vec::new(),
                    give_up: cancelled.clone(),
                });
                let resumed = Resumed {
                    context: Arc::clone(&self.context),
                    instance: instance.clone(),
                    record,
                    cancelled,
                    standing: slot.standing.subscribe(),
                };
                let outbox = self.outbox.clone();
                self.tasks.spawn(async move {
                    let (begun, seen) = resumed.run().await;
                    let _ = outbox.send(Input::Begun(instance, generation, begun, seen));
                });
            }
        }
        let instances: std::collections::BTreeSet<_> =
            seen.iter().map(|one| one.instance.clone()).collect();
        for one in seen {
            if self.slots.contains_key(&one.instance) {
                self.see(one);
            }
        }
        for instance in instances {
            self.judge(&instance);
        }
    }
}

/// A start that nobody wants any more.
fn cancelled(request: StartRequest) -> DriverEvent {
    DriverEvent::Cancelled {
        effect: request.effect,
        instance: request.instance,
        generation: request.generation,
    }
}
