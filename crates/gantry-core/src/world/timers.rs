//! Timers: what each one is for, and what its end means.

use smol_str::format_smolstr;

use super::World;
use super::service::{Proof, Run, Then};
use crate::effect::{Effect, StopHow};
use crate::failure::{Failure, Stage};
use crate::ids::{Generation, InstanceKey, Millis, OperationId, TimerId};

/// What a timer is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum TimerTarget {
    /// The time that a slot has to become ready, and when it ends.
    Start(InstanceKey, Millis),
    /// The wait before a restart.
    Backoff(InstanceKey),
    /// The time that an operation has.
    Operation(OperationId),
    /// The time that the end of an operation is held.
    Settle(OperationId),
}

impl World {
    pub(super) fn set_timer(
        &mut self,
        target: TimerTarget,
        after: Millis,
        out: &mut Vec<Effect>,
    ) -> TimerId {
        self.last_timer = self.last_timer.next();
        self.timers.insert(self.last_timer, target);
        out.push(Effect::SetTimer {
            id: self.last_timer,
            after,
        });
        self.last_timer
    }

    pub(super) fn start_timer(
        &mut self,
        instance: InstanceKey,
        after: Millis,
        out: &mut Vec<Effect>,
    ) -> TimerId {
        let ends = self.now.plus(after);
        self.set_timer(TimerTarget::Start(instance, ends), after, out)
    }

    pub(super) fn cancel_timer(&mut self, id: TimerId, out: &mut Vec<Effect>) {
        if self.timers.remove(&id).is_some() {
            out.push(Effect::CancelTimer { id });
        }
    }

    /// A timer ran out. One that was cancelled meanwhile is not in the table any more.
    pub(super) fn timer(&mut self, id: TimerId, out: &mut Vec<Effect>) {
        match self.timers.remove(&id) {
            None => {}
            Some(TimerTarget::Operation(operation)) => self.time_over(operation),
            Some(TimerTarget::Settle(operation)) => self.settled(operation),
            Some(TimerTarget::Backoff(instance)) => {
                let slot =
                    &mut self.services[instance.service.index()].slots[usize::from(instance.slot)];
                if matches!(slot.run, Run::Backoff { timer, .. } if timer == id) {
                    slot.run = Run::Idle;
                    self.touch(instance.service);
                }
            }
            Some(TimerTarget::Start(instance, _)) => self.start_time_over(id, instance, out),
        }
    }

    /// A slot that has not been ready yet asks for time. It never gets less than it had.
    pub(super) fn more_time(
        &mut self,
        at: InstanceKey,
        generation: Generation,
        wanted: Millis,
        out: &mut Vec<Effect>,
    ) {
        let ends = self.now.plus(wanted);
        let Some(slot) = self.slot(at).filter(|slot| slot.generation == generation) else {
            return;
        };
        let Some(timer) = slot.start_timer else {
            return;
        };
        let Some(TimerTarget::Start(_, known)) = self.timers.get(&timer) else {
            return;
        };
        if *known >= ends {
            return;
        }
        self.cancel_timer(timer, out);
        let timer = self.start_timer(at, wanted, out);
        if let Some(slot) = self.slot(at) {
            slot.start_timer = Some(timer);
        }
    }

    /// It was not ready in time. Its process is stopped before it counts as failed, so that a failed
    /// service does not go on holding its port.
    fn start_time_over(&mut self, id: TimerId, instance: InstanceKey, out: &mut Vec<Effect>) {
        let (key, number) = (instance.service, usize::from(instance.slot));
        let service = &mut self.services[key.index()];
        let wanted = service.wants(number) && !service.outdated(&service.slots[number]);
        let timeout = service.spec.start_timeout.in_words();
        let slot = &mut service.slots[number];
        if slot.start_timer != Some(id) {
            return;
        }
        slot.start_timer = None;
        if !wanted {
            return;
        }
        let mut failure = Failure::new(Stage::Ready, format_smolstr!("not ready within {timeout}"));
        failure.evidence = slot.evidence.as_ref().map(ToString::to_string);
        match &slot.run {
            Run::Starting { .. } => {
                failure.reason = format_smolstr!("its start did not end within {timeout}");
                self.stop(
                    key,
                    number,
                    StopHow::Graceful,
                    Then::Fail(failure.into()),
                    out,
                );
            }
            Run::Up(up) if up.been_ready.is_none() => {
                self.stop(
                    key,
                    number,
                    StopHow::Graceful,
                    Then::Fail(failure.into()),
                    out,
                );
            }
            Run::Up(up) if up.proof == Proof::Awaited => {
                let generation = slot.generation;
                self.disproved(instance, failure, out);
                out.push(Effect::OutOfTime {
                    instance,
                    generation,
                });
            }
            Run::Backoff { .. } => {
                if let Some(last) = slot.failure.take() {
                    failure.reason = format_smolstr!("{}, last: {}", failure.reason, last.reason);
                    failure.evidence = failure.evidence.or(last.evidence);
                    failure.exit = last.exit;
                    failure.tail = last.tail;
                }
                self.failed(key, number, failure.into(), out);
            }
            _ => {}
        }
    }
}
