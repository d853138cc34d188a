//! What the session is asked, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use gantry_core::{EffectId, ExitStatus, Generation, InstanceId, Millis, Stage, StopHow};
use gantry_driver::{
    DriverError, DriverEvent, Make, Recorded, StartRequest, StopRequest, UpdateRequest,
};
use gantry_stack::modes::kubernetes::OnStop;
use jiff::Timestamp;
use smol_str::{SmolStr, format_smolstr};
use tokio_util::sync::CancellationToken;

use super::slot::{Begun, Fate, Slot, Stop, Told, Work};
use super::{Input, Link, stop};
use crate::apply::{Apply, Marks, Wrong};
use crate::claims;
use crate::context::Context;
use crate::delete::{self, How};
use crate::forward::Forwards;
use crate::helm::upgrade::{self, Upgrade};
use crate::judge::Blame;
use crate::object::Key;
use crate::record::{self, Mode, Record};

impl Link {
    pub(super) fn start(&mut self, request: StartRequest) {
        let StartRequest {
            effect,
            ref instance,
            generation,
            ..
        } = request;
        let instance = instance.clone();
        let slot = self.slots.entry(instance.clone()).or_default();
        let at_rest = slot.stopping.is_none() && slot.stops.is_empty();
        if slot.generation() == Some(generation) && at_rest && slot.told.fate != Fate::Over {
            if let Some(begun) = &mut slot.begun {
                begun.effects.push(effect);
                return;
            }
            if slot.told.started {
                return self.report(started(&instance, generation, effect));
            }
        }
        if slot.floor >= generation || slot.generation() > Some(generation) {
            return self.report(cancelled(&request));
        }
        if slot.begun.is_some() || slot.stopping.is_some() {
            if let Some(before) = slot.next.replace(request) {
                self.report(cancelled(&before));
            }
            return;
        }
        slot.told = Told::default();
        let afresh = request.make == Make::Afresh;
        let work = Work::Start { afresh };
        self.begin(
            &instance,
            generation,
            vec![effect],
            request.from,
            work,
            None,
        );
    }

    /// Brings what runs to another specification.
    pub(super) fn update(&mut self, request: UpdateRequest) {
        let UpdateRequest {
            effect,
            instance,
            generation,
            to,
            back_to,
            patience,
        } = request;
        let slot = self.slots.entry(instance.clone()).or_default();
        // Who lost sight of it asks for what is under way once more.
        let same = slot.from.as_ref().is_some_and(|from| *from == to);
        if let Some(begun) = &mut slot.begun
            && begun.generation == generation
            && begun.work == back_to.map_or(Work::Update, Work::Back)
            && same
        {
            begun.effects.push(effect);
            return;
        }
        let runs = slot.begun.is_none()
            && slot.stopping.is_none()
            && slot.stops.is_empty()
            && slot.generation() == Some(generation);
        if !runs {
            return self.report(DriverEvent::Lost {
                effect,
                instance,
                generation,
                reason: "it does not run, or something else is being done to it".into(),
            });
        }
        // How it was before the change says nothing of how it will be.
        self.report(DriverEvent::NotReady {
            instance: instance.clone(),
            generation,
            evidence: SmolStr::new_static("its objects are being changed"),
        });
        let work = back_to.map_or(Work::Update, Work::Back);
        self.begin(
            &instance,
            generation,
            vec![effect],
            to,
            work,
            Some(patience),
        );
    }

    fn begin(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        effects: Vec<EffectId>,
        from: Recorded,
        work: Work,
        patience: Option<Millis>,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let noted = slot
            .record
            .as_ref()
            .and_then(|record| record.release.as_ref());
        slot.worked = noted
            .filter(|_| work == Work::Update && slot.told.been_ready)
            .map(|note| note.revision);
        slot.from = Some(from.clone());
        let before = slot.record.as_ref().filter(|_| work.is_update());
        let before = before.map(|record| (record.revision, record.digest));
        let give_up = CancellationToken::new();
        slot.begun = Some(Begun {
            generation,
            effects,
            work,
            before,
            give_up: give_up.clone(),
            blame: Blame::default(),
        });
        let (context, before) = (Arc::clone(&self.context), slot.record.clone());
        let (outbox, instance) = (self.outbox.clone(), instance.clone());
        self.tasks.spawn(async move {
            let of = instance.clone();
            let (record, result) = match context.mode {
                Mode::Manifests => {
                    let apply = Apply {
                        context,
                        instance: of,
                        generation,
                        from,
                        before,
                        cancelled: give_up,
                    };
                    apply.run().await
                }
                Mode::Releases => {
                    let upgrade = Upgrade {
                        context,
                        instance: of,
                        generation,
                        from,
                        before,
                        afresh: work == Work::Start { afresh: true },
                        back_to: match work {
                            Work::Back(number) => Some(number),
                            _ => None,
                        },
                        patience,
                        cancelled: give_up,
                        outbox: outbox.clone(),
                    };
                    upgrade.run().await
                }
            };
            let _ = outbox.send(Input::Applied(
                instance,
                generation,
                Box::new(record),
                result,
            ));
        });
    }

    pub(super) fn applied(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        record: Option<Record>,
        result: Result<Marks, Wrong>,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let Some(begun) = slot.begun.take() else {
            return;
        };
        slot.record = record;
        let Begun { effects, work, .. } = begun;
        let is_update = work.is_update();
        let of = |effect| (effect, instance.clone());
        match result {
            Ok(marks) => {
                slot.marks = marks;
                slot.told.started = true;
                slot.told.word = super::slot::Word::None;
                (slot.told.been_ready, slot.told.fate) = (false, Fate::Open);
                for (effect, instance) in effects.into_iter().map(of) {
                    self.report(if is_update {
                        DriverEvent::Updated {
                            effect,
                            instance,
                            generation,
                            handle: None,
                        }
                    } else {
                        started(&instance, generation, effect)
                    });
                }
            }
            Err(Wrong::Cancelled) => {
                for (effect, instance) in effects.into_iter().map(of) {
                    self.report(DriverEvent::Cancelled {
                        effect,
                        instance,
                        generation,
                    });
                }
            }
            Err(wrong) => {
                let stage = if is_update {
                    Stage::Update
                } else {
                    Stage::Start
                };
                let mut failure = wrong.into_failure(stage);
                let verb = match (self.context.mode, work) {
                    (Mode::Manifests, _) => "apply",
                    (Mode::Releases, Work::Start { .. }) => "install",
                    (Mode::Releases, Work::Update) => "upgrade",
                    (Mode::Releases, Work::Back(_)) => "go back",
                };
                failure.reason = format_smolstr!("failed to {verb}: {}", failure.reason);
                if effects.is_empty() {
                    // Nobody has asked for it but this actor.
                    self.report(DriverEvent::Note {
                        instance: instance.clone(),
                        generation,
                        text: failure.reason.to_string(),
                    });
                }
                for (effect, instance) in effects.into_iter().map(of) {
                    let failure = failure.clone();
                    self.report(if is_update {
                        DriverEvent::UpdateFailed {
                            effect,
                            instance,
                            generation,
                            failure,
                        }
                    } else {
                        DriverEvent::StartFailed {
                            effect,
                            instance,
                            generation,
                            failure,
                        }
                    });
                }
                if !is_update {
                    self.tell_children_gone(instance);
                    self.write_down(instance);
                }
            }
        }
        self.watch(instance);
        self.go_on_stopping(instance);
        self.start_next(instance);
    }

    /// The time for a change is over.
    pub(super) fn out_of_time(&mut self, instance: &InstanceId, generation: Generation) {
        let slot = self.slots.get(instance);
        let rests = |slot: &Slot| {
            slot.generation() == Some(generation)
                && slot.begun.is_none()
                && slot.stopping.is_none()
                && slot.stops.is_empty()
                && !slot.told.been_ready
        };
        if slot.is_some_and(rests) {
            self.take_back(instance, generation);
        }
    }

    /// Takes a release back to what worked before a change that will not, if that is wanted.
    pub(super) fn take_back(&mut self, instance: &InstanceId, generation: Generation) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let wants =
            |from: &Recorded| upgrade::spec(&from.spec).is_ok_and(|spec| spec.rollback_on_failure);
        let from = slot.from.clone().filter(wants);
        let (Some(number), Some(from)) = (slot.worked.take(), from) else {
            return;
        };
        self.report(DriverEvent::Note {
            instance: instance.clone(),
            generation,
            text: format!("does not become ready: it goes back to revision {number}"),
        });
        self.begin(
            instance,
            generation,
            Vec::new(),
            from,
            Work::Back(number),
            None,
        );
    }

    /// Keeps the file in step with what is left after a start that failed.
    fn write_down(&self, instance: &InstanceId) {
        let record = self
            .slots
            .get(instance)
            .and_then(|slot| slot.record.as_ref());
        match record {
            None => record::remove(&self.context.stack, self.context.mode, instance),
            Some(record) => {
                if let Err(error) =
                    record::write(&self.context.stack, self.context.mode, instance, record)
                {
                    tracing::warn!(%instance, %error, "an inventory cannot be written down");
                }
            }
        }
    }

    /// Begins the start that has waited, if nothing stands before it any more.
    pub(super) fn start_next(&mut self, instance: &InstanceId) {
        let free = |slot: &&mut Slot| {
            slot.begun.is_none() && slot.stopping.is_none() && slot.stops.is_empty() && !slot.ending
        };
        let slot = self.slots.get_mut(instance).filter(free);
        if let Some(next) = slot.and_then(|slot| slot.next.take()) {
            self.start(next);
        }
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
            self.report(cancelled(&next));
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
        slot.forwards = Forwards::default();
        // What a later start has made is not this stop's.
        let runs = slot.generation();
        let record = slot
            .record
            .clone()
            .filter(|_| runs.is_none_or(|runs| runs <= generation));
        let pods = record.as_ref().map(|record| self.pods(record));
        let pods = pods.unwrap_or_default();
        let grace =
            |pod: &Arc<serde_json::Value>| pod["spec"]["terminationGracePeriodSeconds"].as_u64();
        let own_grace = pods.iter().filter_map(grace).max().unwrap_or(0);
        let sets = record.as_ref().map(|record| self.stateful_sets(record));
        let claims = claims::of_pods(&sets.unwrap_or_default(), &pods);
        let pods = pods.iter().map(|pod| Key::of(pod)).collect();
        let stop = stop::Stop {
            context: Arc::clone(&self.context),
            instance: instance.clone(),
            generation,
            pods,
            claims,
            own_grace: Duration::from_secs(own_grace),
            record,
            policy: policy.unwrap_or_default(),
            hurry,
            outbox: self.outbox.clone(),
        };
        let (outbox, instance) = (self.outbox.clone(), instance.clone());
        self.tasks.spawn(async move {
            let (result, record) = stop.run().await;
            let _ = outbox.send(Input::Gone(instance, generation, result, Box::new(record)));
        });
    }

    pub(super) fn gone(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        result: &Result<Option<ExitStatus>, DriverError>,
        record: Option<Record>,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        slot.stopping = None;
        let cleared = result.is_ok() && slot.generation().is_none_or(|runs| runs <= generation);
        if cleared {
            slot.record = record;
            slot.told = Told::default();
            slot.again = None;
        }
        let done: Vec<Stop> = slot
            .stops
            .extract_if(.., |stop| stop.generation <= generation)
            .collect();
        if cleared {
            self.tell_children_gone(instance);
            self.write_down(instance);
            if let Some(slot) = self.slots.get_mut(instance) {
                slot.copiers.clear();
            }
        }
        for stop in done {
            let (effect, instance) = (stop.effect, instance.clone());
            self.report(match result {
                Ok(exit) => DriverEvent::Stopped {
                    effect,
                    instance,
                    generation: stop.generation,
                    exit: exit.clone(),
                    proof: Some("the cluster has deleted its objects".into()),
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
    pub(super) fn tell_children_gone(&mut self, instance: &InstanceId) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
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
        let slot = self.slots.get(instance);
        let stops = slot.into_iter().flat_map(|it| &it.stops);
        for stop in stops.filter(|stop| stop.generation <= generation) {
            self.report(DriverEvent::StopResisted {
                effect: stop.effect,
                instance: instance.clone(),
                generation: stop.generation,
                what: what.clone(),
            });
        }
    }

    pub(super) fn cancel(&mut self, effect: EffectId) {
        let mut waiting = None;
        for slot in self.slots.values_mut() {
            waiting = waiting.or(slot.next.take_if(|next| next.effect == effect));
            if let Some(begun) = &slot.begun
                && begun.effects.contains(&effect)
            {
                begun.give_up.cancel();
            }
        }
        if let Some(next) = waiting {
            self.report(cancelled(&next));
        }
    }

    pub(super) fn forget(&mut self, instances: Vec<(InstanceId, Generation)>) {
        for (instance, generation) in instances {
            let busy = |slot: &Slot| {
                let newer = slot.generation().is_some_and(|it| it > generation);
                newer || slot.begun.is_some() || slot.stopping.is_some() || slot.next.is_some()
            };
            let slot = self.slots.get(&instance);
            let record = slot.and_then(|slot| slot.record.as_ref());
            let keeps = record.is_some_and(|it| !it.objects.is_empty());
            let sleeps = record.is_some_and(|it| it.on_stop == OnStop::Scale && it.stopped);
            if slot.is_some_and(busy) || keeps && !sleeps {
                continue;
            }
            if let Some(record) = record.filter(|_| keeps) {
                // It left the stack file: nothing will wake it again.
                self.tasks.spawn(clear(
                    Arc::clone(&self.context),
                    instance.clone(),
                    record.clone(),
                ));
            }
            self.slots.remove(&instance);
            record::remove(&self.context.stack, self.context.mode, &instance);
        }
    }
}

/// Deletes what has slept, but for data.
async fn clear(context: Arc<Context>, instance: InstanceId, mut record: Record) {
    if let Err(error) = delete::all(&context, &instance, &mut record, How::Polite).await {
        tracing::warn!(%instance, %error, "what has left the stack file stays in the cluster");
    }
}

/// A start that nobody wants any more.
fn cancelled(request: &StartRequest) -> DriverEvent {
    DriverEvent::Cancelled {
        effect: request.effect,
        instance: request.instance.clone(),
        generation: request.generation,
    }
}

/// What tells that a start has succeeded.
fn started(instance: &InstanceId, generation: Generation, effect: EffectId) -> DriverEvent {
    DriverEvent::Started {
        effect,
        instance: instance.clone(),
        generation,
        pid: None,
        at: Timestamp::now(),
        handle: None,
        warnings: Vec::new(),
    }
}
