//! Starting, stopping and updating what the counters allow.

use super::World;
use super::service::{Run, Slot, Then};
use crate::effect::{Effect, StopHow};
use crate::graph::key_at;
use crate::hook::Hook;
use crate::ids::{EffectId, InstanceKey, ServiceKey};
use crate::state::Desired;

/// What one slot should do now.
enum Move {
    Stay,
    Start,
    Stop,
    StopHarder,
    Update,
    Rest,
}

impl World {
    pub(super) fn act(&mut self, key: ServiceKey, out: &mut Vec<Effect>) {
        let service = &mut self.services[key.index()];
        if service.gone {
            return;
        }
        let mut changed = false;
        if service.desired == Desired::Running {
            let wanted = usize::from(service.spec.replicas);
            if service.slots.len() < wanted {
                // Of one that has not been observed, a new slot may be an old one.
                let new = if service.unseen {
                    Slot::unknown
                } else {
                    Slot::default
                };
                service.grow(wanted, new);
                changed = true;
            }
        }
        for slot in 0..self.services[key.index()].slots.len() {
            let step = self.decide(key, slot);
            changed |= !matches!(step, Move::Stay);
            match step {
                Move::Stay => {}
                Move::Start => self.start(key, slot, out),
                Move::Stop => {
                    let how = self.how(key);
                    self.stop(key, slot, how, Then::Rest, out);
                }
                Move::StopHarder => self.stop_harder(key, slot, out),
                Move::Update => self.update(key, slot, out),
                Move::Rest => self.rest(key, slot, out),
            }
        }
        let service = &mut self.services[key.index()];
        service.kill &= service.any_alive();
        if changed {
            self.touch(key);
        }
    }

    fn how(&self, key: ServiceKey) -> StopHow {
        if self.services[key.index()].kill {
            StopHow::Kill
        } else {
            StopHow::Graceful
        }
    }

    fn decide(&self, key: ServiceKey, number: usize) -> Move {
        let service = &self.services[key.index()];
        let slot = &service.slots[number];
        let wanted = service.wants(number);
        match &slot.run {
            Run::Idle if !wanted && slot.start_timer.is_some() => Move::Rest,
            Run::Idle if !wanted => Move::Stay,
            Run::Idle if service.unmet == 0 && service.conflicts == 0 => Move::Start,
            // The time it waits for others is not its own.
            Run::Idle if slot.start_timer.is_some() => Move::Rest,
            Run::Backoff { .. } | Run::Failed | Run::Completed if !wanted => Move::Rest,
            Run::Stopping {
                how: StopHow::Graceful,
                ..
            } if service.kill => Move::StopHarder,
            Run::Idle
            | Run::Backoff { .. }
            | Run::Failed
            | Run::Completed
            | Run::Stopping { .. }
            | Run::Unknown { .. } => Move::Stay,
            Run::Starting { .. } | Run::Up(_) => {
                // A surplus replica goes at once: its service stays for the dependents.
                let surplus = !wanted && service.desired == Desired::Running;
                let may_stop = surplus || service.kill || service.holds == 0;
                if !wanted || service.outdated(slot) {
                    if may_stop { Move::Stop } else { Move::Stay }
                } else if service.to_update(slot)
                    && matches!(&slot.run, Run::Up(up) if up.update.is_none())
                {
                    Move::Update
                } else {
                    Move::Stay
                }
            }
        }
    }

    fn start(&mut self, key: ServiceKey, number: usize, out: &mut Vec<Effect>) {
        let needs_timer = self.services[key.index()].slots[number]
            .start_timer
            .is_none();
        let timeout = self.services[key.index()].spec.start_timeout;
        let instance = instance(key, number);
        let timer = needs_timer.then(|| self.start_timer(instance, timeout, out));
        let service = &mut self.services[key.index()];
        let slot = &mut service.slots[number];
        slot.generation = slot.generation.next();
        slot.revision = service.revision;
        slot.replace = false;
        slot.update_failed = None;
        slot.started_at = None;
        slot.evidence = None;
        slot.start_timer = timer.or(slot.start_timer);
        if self.has_hook(key, Hook::PreStart) {
            let effect = self.run_hook(key, number, Hook::PreStart, out);
            self.services[key.index()].slots[number].run = Run::Starting {
                effect,
                in_hook: true,
            };
        } else {
            self.ask_start(key, number, out);
        }
    }

    /// All that comes before it is done: it is started now.
    pub(super) fn ask_start(&mut self, key: ServiceKey, number: usize, out: &mut Vec<Effect>) {
        let effect = self.next_effect();
        let service = &mut self.services[key.index()];
        let slot = &mut service.slots[number];
        slot.run = Run::Starting {
            effect,
            in_hook: false,
        };
        out.push(Effect::Start {
            id: effect,
            instance: instance(key, number),
            generation: slot.generation,
            revision: slot.revision,
            recreate: service.recreate,
        });
        let all_new = service
            .slots
            .iter()
            .all(|slot| slot.revision == service.revision);
        service.recreate &= !all_new;
    }

    pub(super) fn stop(
        &mut self,
        key: ServiceKey,
        number: usize,
        how: StopHow,
        then: Then,
        out: &mut Vec<Effect>,
    ) {
        self.leave_up(key, number, out);
        self.cancel_hook(key, number, out);
        let slot = &self.services[key.index()].slots[number];
        let pid = match &slot.run {
            Run::Up(up) => up.pid,
            Run::Stopping { pid, .. } | Run::Unknown { pid, .. } => *pid,
            _ => None,
        };
        let runs = matches!(slot.run, Run::Up(_)) && slot.over < slot.generation;
        let hook = (runs && how == StopHow::Graceful && self.has_hook(key, Hook::PreStop))
            .then_some(Hook::PreStop);
        let effect = match hook {
            Some(hook) => self.run_hook(key, number, hook, out),
            None => EffectId::default(),
        };
        self.services[key.index()].slots[number].run = Run::Stopping {
            effect,
            hook,
            how,
            pid,
            then,
            resists: None,
        };
        if hook.is_none() {
            self.ask_stop(key, number, how, out);
        }
        self.touch(key);
    }

    /// All that comes before it is done: it is stopped now.
    pub(super) fn ask_stop(
        &mut self,
        key: ServiceKey,
        number: usize,
        how: StopHow,
        out: &mut Vec<Effect>,
    ) {
        let id = self.next_effect();
        let slot = &mut self.services[key.index()].slots[number];
        if let Run::Stopping { effect, hook, .. } = &mut slot.run {
            (*effect, *hook) = (id, None);
        }
        out.push(Effect::Stop {
            id,
            instance: instance(key, number),
            generation: slot.generation,
            revision: slot.revision,
            how,
        });
    }

    /// A kill takes the place of the polite stop that is under way.
    fn stop_harder(&mut self, key: ServiceKey, number: usize, out: &mut Vec<Effect>) {
        let run = &mut self.services[key.index()].slots[number].run;
        let then = match run {
            Run::Stopping { then, .. } => std::mem::take(then),
            _ => Then::Rest,
        };
        self.stop(key, number, StopHow::Kill, then, out);
    }

    fn update(&mut self, key: ServiceKey, number: usize, out: &mut Vec<Effect>) {
        let effect = self.next_effect();
        let service = &mut self.services[key.index()];
        let revision = service.revision;
        let slot = &mut service.slots[number];
        if let Run::Up(up) = &mut slot.run {
            up.update = Some((effect, revision));
            out.push(Effect::Update {
                id: effect,
                instance: instance(key, number),
                generation: slot.generation,
                revision,
            });
        }
    }

    /// Brings a slot of which nothing is alive to `Idle`, forgetting what was to follow.
    pub(super) fn rest(&mut self, key: ServiceKey, number: usize, out: &mut Vec<Effect>) {
        let slot = &mut self.services[key.index()].slots[number];
        if slot.alive() {
            return;
        }
        let timer = match slot.run {
            Run::Backoff { timer, .. } => Some(timer),
            _ => None,
        };
        slot.run = Run::Idle;
        slot.replace = false;
        let timers = [timer, slot.start_timer.take()];
        for timer in timers.into_iter().flatten() {
            self.cancel_timer(timer, out);
        }
        self.touch(key);
    }

    /// What ends with being up: probes, and the time to get ready.
    pub(super) fn leave_up(&mut self, key: ServiceKey, number: usize, out: &mut Vec<Effect>) {
        self.unwatch(key, number, out);
        let slot = &mut self.services[key.index()].slots[number];
        if let Some(timer) = slot.start_timer.take() {
            self.cancel_timer(timer, out);
        }
    }
}

/// The key of one slot.
pub(super) fn instance(service: ServiceKey, slot: usize) -> InstanceKey {
    InstanceKey {
        service,
        slot: u16::try_from(key_at(slot).0).unwrap_or(u16::MAX),
    }
}
