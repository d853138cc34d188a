//! The queue that change settles through, and the publication at the end.

use std::cmp::Reverse;

use smol_str::SmolStr;

use super::World;
use super::offer::{Conditions, Offer, Standing};
#[cfg(any(test, feature = "simulation"))]
use super::service::Run;
#[cfg(any(test, feature = "simulation"))]
use super::timers::TimerTarget;
use crate::effect::{Effect, Transition};
use crate::graph::{Link, PartKey};
use crate::ids::ServiceKey;

impl World {
    /// Queues a service whose record changed.
    pub(super) fn touch(&mut self, key: ServiceKey) {
        let service = &mut self.services[key.index()];
        if !std::mem::replace(&mut service.queued, true) {
            self.queue.push_back(key);
        }
    }

    pub(super) fn settle_and_act(&mut self, out: &mut Vec<Effect>) {
        loop {
            self.settle();
            let Some(Reverse((_, key))) = self.to_act.pop() else {
                break;
            };
            self.services[key.index()].acting = false;
            self.act(key, out);
        }
        for key in std::mem::take(&mut self.touched) {
            self.services[key.index()].touched = false;
            self.publish(key, out);
        }
        self.end_operations(out);
    }

    fn settle(&mut self) {
        while let Some(key) = self.queue.pop_front() {
            let service = &mut self.services[key.index()];
            service.queued = false;
            if !std::mem::replace(&mut service.acting, true) {
                let rank = self.ranks.get(key.index()).copied().unwrap_or(u32::MAX);
                self.to_act.push(Reverse((rank, key)));
            }
            if !std::mem::replace(&mut service.touched, true) {
                self.touched.push(key);
            }
            let new = Offer::of(service);
            let old = std::mem::replace(&mut service.offer, new);
            let parts = self.parts_of(key);
            let service = &mut self.services[key.index()];
            let before = std::mem::replace(&mut service.parts, parts);
            if old != new || before != service.parts {
                self.propagate(key, old, &before);
            }
        }
    }

    /// The parts of a service that others need, as they stand now.
    fn parts_of(&self, key: ServiceKey) -> Vec<(SmolStr, Conditions)> {
        let service = &self.services[key.index()];
        let names = service.parts.iter().map(|(name, _)| name);
        let shown = self.children.get(&key);
        let now = names.map(|name| {
            let shown = shown.and_then(|all| all.iter().find(|child| child.name == *name));
            (name.clone(), Conditions::of_part(service, shown))
        });
        now.collect()
    }

    /// How what a link waits for stands, at its other end.
    pub(super) fn standing(&self, link: &Link) -> Standing {
        let service = &self.services[link.to.index()];
        conditions(service.offer, &service.parts, link.part).standing(link.condition)
    }

    /// Brings the neighbours' counters from the old offer of `key` to the new one.
    fn propagate(&mut self, key: ServiceKey, old: Offer, parts: &[(SmolStr, Conditions)]) {
        // The graph is set aside for the walk, because the services change meanwhile.
        let graph = std::mem::take(&mut self.graph);
        let new = self.services[key.index()].offer;
        for link in graph.dependents(key) {
            let now = &self.services[key.index()].parts;
            let before = conditions(old, parts, link.part).standing(link.condition);
            let after = conditions(new, now, link.part).standing(link.condition);
            if before != after {
                let dependent = &mut self.services[link.to.index()];
                shift(
                    &mut dependent.unmet,
                    before != Standing::Met,
                    after != Standing::Met,
                );
                shift(
                    &mut dependent.impossible,
                    before == Standing::Impossible,
                    after == Standing::Impossible,
                );
                self.touch(link.to);
            }
        }
        if old.going_down != new.going_down {
            for link in graph.dependencies(key) {
                let holds = &mut self.services[link.to.index()].holds;
                shift(holds, old.going_down, new.going_down);
                self.touch(link.to);
            }
        }
        self.graph = graph;
        if old.alive != new.alive {
            for other in self.conflicts.get(&key).cloned().unwrap_or_default() {
                shift(
                    &mut self.services[other.index()].conflicts,
                    old.alive,
                    new.alive,
                );
                self.touch(other);
            }
        }
    }

    /// Counts everything anew, after the edges changed.
    pub(super) fn recount(&mut self) {
        for service in &mut self.services {
            service.root = None;
            (
                service.unmet,
                service.impossible,
                service.holds,
                service.conflicts,
            ) = (0, 0, 0, 0);
        }
        for key in self.all_keys() {
            let (offer, parts) = (self.services[key.index()].offer, self.parts_of(key));
            for link in self.graph.dependents(key) {
                let standing = conditions(offer, &parts, link.part).standing(link.condition);
                let dependent = &mut self.services[link.to.index()];
                dependent.unmet += u32::from(standing != Standing::Met);
                dependent.impossible += u32::from(standing == Standing::Impossible);
            }
            if offer.going_down {
                for link in self.graph.dependencies(key) {
                    self.services[link.to.index()].holds += 1;
                }
            }
            if offer.alive {
                for other in self.conflicts.get(&key).into_iter().flatten() {
                    self.services[other.index()].conflicts += 1;
                }
            }
            self.services[key.index()].parts = parts;
            self.touch(key);
        }
    }

    /// Tells listeners and waiting operations where a service has got to.
    fn publish(&mut self, key: ServiceKey, out: &mut Vec<Effect>) {
        if self.services[key.index()].held() {
            self.remember_root(key);
        }
        let service = &self.services[key.index()];
        let now = (service.state(), service.ready());
        let changed = now != service.told;
        if changed || service.news {
            let told = Transition {
                service: key,
                from: service.told.0,
                to: now.0,
                ready: now.1,
                message: if service.gone {
                    SmolStr::default()
                } else {
                    self.message(key)
                },
                operation: service.operation,
            };
            let service = &mut self.services[key.index()];
            service.told = now;
            service.news = false;
            out.push(if changed {
                Effect::Transition(told)
            } else {
                Effect::Message(told)
            });
        }
        self.check_waiters(key);
        self.forget_if_gone(key, out);
    }
}

/// The conditions of the whole, or of a part.
fn conditions(offer: Offer, parts: &[(SmolStr, Conditions)], part: Option<PartKey>) -> Conditions {
    let Some(PartKey(part)) = part else {
        return offer.conditions;
    };
    let part = parts.get(usize::from(part));
    part.map_or_else(Conditions::default, |(_, conditions)| *conditions)
}

fn shift(counter: &mut u32, before: bool, after: bool) {
    *counter = counter
        .saturating_sub(u32::from(before))
        .saturating_add(u32::from(after));
}

#[cfg(any(test, feature = "simulation"))]
impl World {
    /// Compares every counter with what it counts. For tests: it walks over everything.
    pub(crate) fn audit(&self) -> Result<(), String> {
        let mut expected = vec![(0_u32, 0_u32, 0_u32, 0_u32); self.services.len()];
        for key in self.all_keys() {
            let service = &self.services[key.index()];
            let offer = Offer::of(service);
            if offer != service.offer {
                return Err(format!("the offer of {} is out of date", service.spec.name));
            }
            let parts = self.parts_of(key);
            if parts != service.parts {
                return Err(format!(
                    "the parts of {} are out of date",
                    service.spec.name
                ));
            }
            for link in self.graph.dependents(key) {
                let standing = conditions(offer, &parts, link.part).standing(link.condition);
                expected[link.to.index()].0 += u32::from(standing != Standing::Met);
                expected[link.to.index()].1 += u32::from(standing == Standing::Impossible);
            }
            for link in self.graph.dependencies(key) {
                expected[link.to.index()].2 += u32::from(offer.going_down);
            }
            for other in self.conflicts.get(&key).into_iter().flatten() {
                expected[other.index()].3 += u32::from(offer.alive);
            }
        }
        for (service, expected) in self.services.iter().zip(expected) {
            let counters = (
                service.unmet,
                service.impossible,
                service.holds,
                service.conflicts,
            );
            if counters != expected {
                let name = &service.spec.name;
                return Err(format!(
                    "{name} counts {counters:?}, it should be {expected:?}"
                ));
            }
        }
        self.audit_timers()
    }

    /// Every timer belongs to someone who waits for it.
    fn audit_timers(&self) -> Result<(), String> {
        for (id, target) in &self.timers {
            let waited = match target {
                TimerTarget::Start(at, _) => {
                    let slot = &self.services[at.service.index()].slots[usize::from(at.slot)];
                    slot.start_timer == Some(*id)
                }
                TimerTarget::Backoff(at) => {
                    let slot = &self.services[at.service.index()].slots[usize::from(at.slot)];
                    matches!(slot.run, Run::Backoff { timer, .. } if timer == *id)
                }
                TimerTarget::Operation(operation) => self.operations.contains_key(operation),
                TimerTarget::Settle(operation) => {
                    let held = self.operations.get(operation);
                    held.is_some_and(|operation| operation.settle == Some(*id))
                }
            };
            if !waited {
                return Err(format!("nobody waits for timer {id} any more ({target:?})"));
            }
        }
        Ok(())
    }
}
