//! Taking over: at the start of a supervisor, and when a backend can be reached again.

use std::collections::HashSet;

use smol_str::SmolStr;

use super::act::instance;
use super::service::{Run, Service, Slot, Then};
use super::{SavedService, World};
use crate::effect::{Effect, StopHow};
use crate::event::{Memory, ObservedInstance, ObservedRun};
use crate::failure::ExitStatus;
use crate::ids::{Generation, InstanceKey, Millis, Revision, ServiceKey};
use crate::state::Desired;

const NO_RECORD: ExitStatus =
    ExitStatus::Unknown(SmolStr::new_static("its backend has no record of it"));

impl World {
    /// Takes up what an earlier supervisor saved. Nothing is known of any instance yet.
    pub(super) fn restore(&mut self, saved: Vec<SavedService>) {
        if !self.services.is_empty() {
            return;
        }
        self.services.reserve_exact(saved.len());
        for saved in saved {
            if self.keys.contains_key(&saved.spec.name) {
                continue;
            }
            let key = crate::graph::key_at(self.services.len());
            self.keys.insert(saved.spec.name.clone(), key);
            let mut service = Service::new(saved.spec);
            service.desired = saved.desired;
            service.revision = saved.revision.max(Revision(1));
            service.replace_below = saved.replace_below;
            service.update_below = saved.update_below;
            service.leaving = saved.leaving;
            let slots = usize::from(service.spec.replicas.max(1));
            service.grow(slots, Slot::unknown);
            service.unseen = true;
            self.services.push(service);
        }
        self.rebuild(None);
    }

    /// Without this a service that had failed for good would be tried again by each new supervisor,
    /// and a crash loop would begin to count anew.
    ///
    /// What was written down by a clock that has been set back since, is taken to have been just now:
    /// otherwise it would count until the clock is there again.
    pub(super) fn remember(&mut self, at: InstanceKey, memory: Memory) {
        let now = self.now;
        let Some(slot) = self.slot(at) else {
            return;
        };
        slot.attempts = memory.attempts;
        slot.recent = memory.recent.into_iter().map(|at| at.min(now)).collect();
        if let (Run::Unknown { then, .. }, Some(failure)) = (&mut slot.run, memory.failed) {
            *then = Then::Fail(failure);
        }
    }

    /// What a new supervisor needs to know of an instance; see [`crate::Event::Remembered`].
    pub fn memory(&self, at: InstanceKey) -> Memory {
        let service = self.services.get(at.service.index());
        let slot = service.and_then(|service| service.slots.get(usize::from(at.slot)));
        slot.map_or_else(Memory::default, |slot| Memory {
            attempts: slot.attempts,
            recent: slot.recent.clone(),
            failed: slot
                .failure
                .clone()
                .filter(|_| matches!(slot.run, Run::Failed)),
        })
    }

    pub(super) fn backend_lost(
        &mut self,
        services: &[ServiceKey],
        reason: &SmolStr,
        out: &mut Vec<Effect>,
    ) {
        for &key in services {
            let slots = self
                .services
                .get(key.index())
                .map_or(0, |service| service.slots.len());
            for number in 0..slots {
                self.lose(instance(key, number), reason, out);
            }
        }
    }

    /// What was alive may or may not be. Nothing is concluded, and nothing is done until it is seen.
    pub(super) fn lose(&mut self, at: InstanceKey, reason: &SmolStr, out: &mut Vec<Effect>) {
        let number = usize::from(at.slot);
        if !self
            .slot(at)
            .is_some_and(|slot| slot.alive() && !slot.only_hook())
        {
            return;
        }
        self.leave_up(at.service, number, out);
        let slot = &mut self.services[at.service.index()].slots[number];
        slot.evidence = Some(reason.clone());
        slot.run = match std::mem::take(&mut slot.run) {
            Run::Starting { .. } => Run::Unknown {
                pid: None,
                been_ready: false,
                then: Then::Rest,
            },
            Run::Up(up) => Run::Unknown {
                pid: up.pid,
                been_ready: up.been_ready.is_some(),
                then: Then::Rest,
            },
            Run::Stopping { pid, then, .. } => Run::Unknown {
                pid,
                been_ready: true,
                then,
            },
            other => other,
        };
        self.touch(at.service);
    }

    pub(super) fn observed(
        &mut self,
        services: &[ServiceKey],
        instances: Vec<ObservedInstance>,
        out: &mut Vec<Effect>,
    ) {
        let mut seen = HashSet::with_capacity(instances.len());
        for observed in instances {
            let at = observed.instance;
            let Some(service) = self.services.get_mut(at.service.index()) else {
                continue;
            };
            let number = usize::from(at.slot);
            if service.slots.len() <= number {
                service.grow(number + 1, Slot::default);
            }
            if self.see(observed, out) {
                seen.insert(at);
            }
        }
        for &key in services {
            if let Some(service) = self.services.get_mut(key.index()) {
                service.unseen = false;
            }
            let slots = self
                .services
                .get(key.index())
                .map_or(0, |service| service.slots.len());
            for number in 0..slots {
                let slot = &mut self.services[key.index()].slots[number];
                if matches!(slot.run, Run::Unknown { .. }) && !seen.contains(&instance(key, number))
                {
                    self.not_found(key, number, out);
                }
            }
        }
    }

    /// Takes in one observation. Says whether it was about the newest generation of its slot.
    fn see(&mut self, observed: ObservedInstance, out: &mut Vec<Effect>) -> bool {
        let ObservedInstance {
            instance: at,
            generation,
            revision,
            run,
        } = observed;
        let number = usize::from(at.slot);
        let service = &mut self.services[at.service.index()];
        let revision = revision.unwrap_or(service.revision);
        let slot = &mut service.slots[number];
        let newer = generation > slot.generation;
        if generation < slot.generation {
            return match (&slot.run, run) {
                // An older start lives where a newer one was believed: it goes first. So does the newer
                // one, which may have come to life after this was seen.
                (Run::Unknown { .. }, run) if run.lives() => {
                    self.stop(at.service, number, StopHow::Graceful, Then::Rest, out);
                    true
                }
                _ => false,
            };
        }
        if !run.lives() {
            slot.over = generation;
        } else if generation <= slot.over {
            if let Run::Unknown { then, .. } = &mut slot.run {
                let then = std::mem::take(then);
                self.stop(at.service, number, StopHow::Graceful, then, out);
            }
            return true;
        }
        match (&mut slot.run, run) {
            (
                Run::Unknown {
                    then, been_ready, ..
                },
                ObservedRun::Running { pid, since },
            ) => {
                let (then, been_ready) = (std::mem::take(then), *been_ready);
                let restored = slot.generation == Generation(0);
                slot.generation = generation;
                slot.revision = revision;
                slot.started_at = since.or(slot.started_at);
                // What was to follow is forgotten when it is not wanted any more: then it goes in its
                // turn, after its dependents.
                if matches!(then, Then::Rest) || !service.wants(number) {
                    self.adopt(at, pid, since, been_ready, restored, out);
                } else {
                    self.stop(at.service, number, StopHow::Graceful, then, out);
                }
            }
            // Who asked for the stop is gone, and nobody will tell of its end: so it is asked for again.
            (Run::Unknown { then, .. }, ObservedRun::Stopping { .. }) => {
                let then = std::mem::take(then);
                slot.generation = generation;
                slot.revision = revision;
                self.stop(at.service, number, StopHow::Graceful, then, out);
            }
            (Run::Starting { .. } | Run::Up(_), ObservedRun::Stopping { .. }) if !newer => {
                self.stop(at.service, number, StopHow::Graceful, Then::Rest, out);
            }
            (Run::Unknown { .. }, ObservedRun::Exited { exit, left, tail }) => {
                slot.generation = generation;
                slot.revision = revision;
                self.ended(at.service, number, exit, left.as_ref(), tail, out);
            }
            // The end is final, so even an old observation of it is true.
            (Run::Starting { .. } | Run::Up(_), ObservedRun::Exited { exit, left, tail })
                if !newer =>
            {
                self.ended(at.service, number, exit, left.as_ref(), tail, out);
            }
            // An earlier stop, whose own report was late and therefore ignored, has ended it after it
            // was believed to live on. Without this its dependents would start on a corpse.
            (Run::Starting { .. } | Run::Up(_), ObservedRun::Stopped) if !newer => {
                self.leave_up(at.service, number, out);
                self.follow(at.service, number, Then::Rest, out);
            }
            (
                Run::Idle | Run::Failed | Run::Completed | Run::Backoff { .. },
                ObservedRun::Running { pid, since },
            ) if newer => {
                self.rest(at.service, number, out);
                self.unforget(at.service);
                let slot = &mut self.services[at.service.index()].slots[number];
                slot.generation = generation;
                slot.revision = revision;
                slot.started_at = since;
                self.adopt(at, pid, since, false, true, out);
            }
            (Run::Unknown { then, .. }, ObservedRun::Stopped) => {
                let then = std::mem::take(then);
                slot.generation = generation;
                slot.revision = revision;
                self.follow(at.service, number, then, out);
            }
            (Run::Unknown { then, .. }, ObservedRun::NotStarted { cause }) => {
                let then = std::mem::take(then);
                slot.generation = generation;
                slot.revision = revision;
                match then {
                    Then::Rest => self.start_failed(at.service, number, cause, out),
                    then => self.follow(at.service, number, then, out),
                }
            }
            (Run::Starting { .. }, ObservedRun::NotStarted { cause }) if !newer => {
                self.start_failed(at.service, number, cause, out);
            }
            (_, ObservedRun::Exited { left: Some(_), .. } | ObservedRun::Stopping { .. })
                if newer =>
            {
                // Leftovers of a start that this world does not know: they go, and change nothing
                // else. What was waited for before the next start is not waited for any longer.
                let then = match (&slot.run, &slot.failure) {
                    (Run::Failed, Some(failure)) => Then::Fail(failure.clone()),
                    (Run::Completed, _) => Then::Complete,
                    _ => Then::Rest,
                };
                slot.generation = generation;
                self.rest(at.service, number, out);
                self.stop(at.service, number, StopHow::Graceful, then, out);
            }
            (Run::Idle, ObservedRun::Exited { exit, .. }) if newer => {
                slot.generation = generation;
                slot.last_exit = Some(exit);
            }
            (Run::Idle, ObservedRun::Stopped | ObservedRun::NotStarted { .. }) if newer => {
                slot.generation = generation;
            }
            _ => {}
        }
        true
    }

    /// A running instance becomes ours. One that has run for longer than it had to become ready has
    /// been ready before, as far as anyone can tell: it must not be killed for a probe that happens
    /// to fail now.
    fn adopt(
        &mut self,
        at: InstanceKey,
        pid: Option<u32>,
        since: Option<Millis>,
        been_ready: bool,
        restored: bool,
        out: &mut Vec<Effect>,
    ) {
        let timeout = self.services[at.service.index()].spec.start_timeout;
        let age = since.map_or(timeout, |since| self.now.since(since));
        let been_ready = been_ready || (restored && age >= timeout);
        self.become_up(at, pid, been_ready.then_some(self.now), out);
        let number = usize::from(at.slot);
        let slot = &self.services[at.service.index()].slots[number];
        if matches!(&slot.run, Run::Up(up) if up.been_ready.is_none()) && slot.start_timer.is_none()
        {
            let left = if restored {
                timeout.since(age)
            } else {
                timeout
            };
            let timer = self.start_timer(at, left, out);
            self.services[at.service.index()].slots[number].start_timer = Some(timer);
        }
    }

    /// The backend knows nothing of it. If a start was sent, it is stopped all the same: that makes
    /// sure that it does not come to life after this.
    fn not_found(&mut self, key: ServiceKey, number: usize, out: &mut Vec<Effect>) {
        let slot = &mut self.services[key.index()].slots[number];
        let Run::Unknown { then, .. } = &mut slot.run else {
            return;
        };
        let mut then = std::mem::take(then);
        if slot.generation == Generation(0) {
            self.follow(key, number, then, out);
            return;
        }
        if matches!(then, Then::Rest) {
            let service = &self.services[key.index()];
            if service.wants(number) {
                self.services[key.index()].slots[number].last_exit = Some(NO_RECORD);
                then = self.after(key, NO_RECORD, Vec::new());
            }
        }
        self.stop(key, number, StopHow::Graceful, then, out);
    }

    /// Something of a service that had left is alive after all: it is kept until it has stopped.
    fn unforget(&mut self, key: ServiceKey) {
        let service = &mut self.services[key.index()];
        if std::mem::take(&mut service.gone) {
            service.leaving = true;
            self.leaving += 1;
            service.desired = Desired::Stopped;
        }
    }
}
