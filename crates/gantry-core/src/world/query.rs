//! What `status` and `explain` ask.

use std::collections::HashSet;

use smol_str::{SmolStr, format_smolstr};

use super::World;
use super::act::instance;
use super::offer::Standing;
use super::service::{Run, Service, Slot};
use crate::failure::Failure;
use crate::graph::Link;
use crate::ids::{InstanceKey, Millis, Revision, ServiceKey};
use crate::spec::{Condition, part_name};
use crate::state::{Desired, ServiceState};
use crate::view::{Cause, GlanceView, InstanceGlance, InstanceView, ServiceView, WaitsFor};

impl World {
    /// One service, as `status` shows it.
    pub fn service(&self, key: ServiceKey) -> Option<ServiceView> {
        let service = self.known(key)?;
        let shown = self.instances(key);
        let instances = shown.map(|(key, _)| view(key, &service.slots[usize::from(key.slot)]));
        let instances: Vec<_> = instances.collect();
        let last = service.slots.iter().max_by_key(|slot| slot.started_at);
        let GlanceView {
            state,
            ready,
            restarts,
            started_at,
            message,
            children,
            ..
        } = self.glance(key)?;
        Some(ServiceView {
            key,
            state,
            desired: service.desired,
            revision: service.revision,
            ready,
            live: service.all_wanted(|slot| matches!(&slot.run, Run::Up(up) if up.live)),
            leaving: service.leaving,
            restarts,
            started_at,
            last_exit: last.and_then(|slot| slot.last_exit.clone()),
            waits_for: self.waits_for(key),
            blocked_by: self.blocked_by(key),
            message,
            operation: service.operation,
            instances,
            children: children.to_vec(),
        })
    }

    /// One service at a glance: what a list of ten thousand shows of each.
    pub fn glance(&self, key: ServiceKey) -> Option<GlanceView<'_>> {
        let service = self.known(key)?;
        let slots = service.slots.iter();
        Some(GlanceView {
            spec: &service.spec,
            state: service.state(),
            ready: service.ready(),
            restarts: slots
                .clone()
                .fold(0, |sum, slot| sum.saturating_add(slot.restarts)),
            started_at: slots
                .filter(|slot| slot.alive())
                .filter_map(|slot| slot.started_at)
                .min(),
            message: self.message(key),
            children: self.children.get(&key).map_or(&[], Vec::as_slice),
        })
    }

    /// The instances of a service that a list shows: whether each is ready, and whether it has a process.
    pub fn instances(
        &self,
        key: ServiceKey,
    ) -> impl Iterator<Item = (InstanceKey, InstanceGlance)> + Clone {
        let service = self.known(key);
        let slots = service.map_or(&[][..], |service| &service.slots);
        let wanted = service.map_or(0, |service| usize::from(service.spec.replicas));
        let shown = slots.iter().enumerate();
        let shown = shown.filter(move |(number, slot)| slot.alive() || *number < wanted);
        shown.map(move |(number, slot)| {
            let glance = InstanceGlance {
                ready: slot.ready(),
                runs: slot.pid().is_some(),
            };
            (instance(key, number), glance)
        })
    }

    /// One instance, without the rest of its service.
    pub fn instance(&self, key: InstanceKey) -> Option<InstanceView> {
        let service = self.known(key.service)?;
        let slot = service.slots.get(usize::from(key.slot))?;
        Some(view(key, slot))
    }

    /// The revision of the specification that a service has.
    pub fn revision(&self, key: ServiceKey) -> Option<Revision> {
        self.known(key).map(|service| service.revision)
    }

    /// What is wanted of a service.
    pub fn desired(&self, key: ServiceKey) -> Option<Desired> {
        self.known(key).map(|service| service.desired)
    }

    /// Why a service that is wanted has failed, is to be tried again, or is being stopped.
    pub fn failure(&self, key: ServiceKey) -> Option<&Failure> {
        let service = self.known(key)?;
        service.wanted_slots().iter().find_map(Slot::fell_for)
    }

    fn known(&self, key: ServiceKey) -> Option<&Service> {
        let service = self.services.get(key.index())?;
        Some(service).filter(|service| !service.gone)
    }

    /// What a service waits for, to start or to stop; nothing if it waits for nothing.
    pub fn waits_for(&self, key: ServiceKey) -> Vec<WaitsFor> {
        let Some(service) = self.services.get(key.index()) else {
            return Vec::new();
        };
        if service.waits_to_stop() {
            let dependents = self.graph.dependents(key).iter();
            return dependents
                .filter(|link| self.services[link.to.index()].offer.going_down)
                .map(|link| WaitsFor::Dependent { service: link.to })
                .collect();
        }
        if !service.waits_to_start() {
            return Vec::new();
        }
        let mut waits = Vec::new();
        for link in self.graph.dependencies(key) {
            let standing = self.standing(link);
            if standing != Standing::Met {
                waits.push(WaitsFor::Condition {
                    service: link.to,
                    part: self.part_of(link).cloned(),
                    condition: link.condition,
                    blocked: standing == Standing::Impossible,
                });
            }
        }
        for &other in self.conflicts.get(&key).into_iter().flatten() {
            if self.services[other.index()].offer.alive {
                waits.push(WaitsFor::Conflict { service: other });
            }
        }
        waits
    }

    /// The first link of a service that waits for what cannot come.
    fn impossible_link(&self, key: ServiceKey) -> Option<&Link> {
        let mut links = self.graph.dependencies(key).iter();
        links.find(|link| self.standing(link) == Standing::Impossible)
    }

    /// The part that a link waits for, if it is not for the whole.
    fn part_of(&self, link: &Link) -> Option<&SmolStr> {
        let parts = &self.services[link.to.index()].parts;
        let (name, _) = parts.get(usize::from(link.part?.0))?;
        Some(name)
    }

    /// The complaint about a part that a service was found not to have: who is ready and has failed nobody
    /// else blocks by that.
    fn missing_part(&self, key: ServiceKey, root: ServiceKey) -> Option<SmolStr> {
        let mut at = key;
        for _ in 0..self.services.len() {
            let link = self.impossible_link(at)?;
            if link.to != root {
                at = link.to;
                continue;
            }
            let part = self.part_of(link)?;
            let shown = self.children.get(&root).map_or(&[][..], Vec::as_slice);
            if shown.iter().any(|child| child.name == *part) {
                return None;
            }
            let name = &self.services[root.index()].spec.name;
            let names = shown.iter().map(|child| child.name.clone());
            return Some(match shown.len() {
                0 => format_smolstr!("{name} has no part {part}"),
                count => format_smolstr!("{name} has no part {part}; it has {}", few(names, count)),
            });
        }
        None
    }

    /// The service whose failure or stop blocks this one, at the end of the chain.
    pub fn blocked_by(&self, key: ServiceKey) -> Option<ServiceKey> {
        self.walk_to_root(key, |_| {})
    }

    /// Remembers the root for every service on the way to it, so that the next one that is blocked by
    /// the same failure need not walk the whole chain again.
    pub(super) fn remember_root(&mut self, key: ServiceKey) {
        let mut way = Vec::new();
        let root = self.walk_to_root(key, |at| way.push(at));
        for at in way {
            self.services[at.index()].root = root;
        }
    }

    fn walk_to_root(
        &self,
        key: ServiceKey,
        mut passes: impl FnMut(ServiceKey),
    ) -> Option<ServiceKey> {
        let mut at = key;
        let mut root = None;
        // A chain is never longer than the number of services.
        for _ in 0..self.services.len() {
            let service = self.services.get(at.index())?;
            if !service.held() {
                break;
            }
            passes(at);
            let still_holds = |root: &ServiceKey| {
                let root = &self.services[root.index()];
                let ready = root.offer.conditions.standing(Condition::Ready);
                !root.held() && ready == Standing::Impossible
            };
            if let Some(known) = service.root.filter(still_holds) {
                return Some(known);
            }
            let next = self.impossible_link(at);
            let Some(next) = next else { break };
            at = next.to;
            root = Some(at);
        }
        root
    }

    /// The state of a service in one line; empty when there is nothing to add to it.
    pub(super) fn message(&self, key: ServiceKey) -> SmolStr {
        let service = &self.services[key.index()];
        if service.waits_to_stop() {
            let waits = self.waits_for(key);
            let names = waits.iter().filter_map(|wait| match wait {
                WaitsFor::Dependent { service } => Some(SmolStr::new(
                    self.services[service.index()].spec.name.as_str(),
                )),
                _ => None,
            });
            let names = few(names, waits.len());
            return format_smolstr!("waits for {names} to stop");
        }
        match service.state() {
            ServiceState::Failed => service.first(|slot| match slot.run {
                Run::Failed => slot.fell_for().map(in_words),
                _ => None,
            }),
            ServiceState::Backoff => service.first(|slot| match slot.run {
                Run::Backoff { .. } => slot.fell_for().map(in_words),
                _ => None,
            }),
            ServiceState::Stopping => service.first(|slot| {
                let resists = slot.resists();
                let resists = resists.map(|what| format_smolstr!("resists being stopped: {what}"));
                // What someone asked for needs no other reason.
                let wanted = service.desired == Desired::Running;
                let why = slot.stopped_for().filter(|_| wanted).map(in_words);
                match (why, resists) {
                    (Some(why), Some(resists)) => Some(format_smolstr!("{why}; {resists}")),
                    (why, resists) => why.or(resists).or_else(|| slot.hook_message()),
                }
            }),
            ServiceState::Blocked => self.blocked_message(key),
            ServiceState::Waiting => self.waiting_message(key),
            ServiceState::Starting | ServiceState::Unknown => {
                service.first(|slot| slot.hook_message().or_else(|| slot.evidence.clone()))
            }
            ServiceState::Degraded => {
                let ready = service
                    .wanted_slots()
                    .iter()
                    .filter(|slot| slot.ready())
                    .count();
                let wanted = service.spec.replicas;
                let why = service.first(|slot| {
                    let why = slot.fell_for();
                    why.map(|failure| format_smolstr!("; {failure}"))
                });
                let blocked = self.blocked_message(key);
                let then = if why.is_empty() && !blocked.is_empty() {
                    "; "
                } else {
                    ""
                };
                let blocked = if why.is_empty() {
                    blocked
                } else {
                    SmolStr::default()
                };
                format_smolstr!("{ready} of {wanted} instances are ready{why}{then}{blocked}")
            }
            ServiceState::Running => {
                let failed = service.first(|slot| {
                    let failure = slot
                        .failure
                        .as_ref()
                        .filter(|_| slot.update_failed.is_some());
                    failure.map(|failure| format_smolstr!("the update failed: {failure}"))
                });
                let evidence = service.first(|slot| match &slot.run {
                    Run::Up(up) if !up.ready => slot.evidence.clone(),
                    _ => None,
                });
                if failed.is_empty() && !evidence.is_empty() {
                    format_smolstr!("not ready: {evidence}")
                } else {
                    failed
                }
            }
            ServiceState::Stopped | ServiceState::Completed | ServiceState::Updating => {
                SmolStr::default()
            }
        }
    }

    fn blocked_message(&self, key: ServiceKey) -> SmolStr {
        let Some(root) = self.blocked_by(key) else {
            return SmolStr::default();
        };
        if self.services[root.index()].ready()
            && let Some(missing) = self.missing_part(key, root)
        {
            return missing;
        }
        let root = &self.services[root.index()];
        let name = &root.spec.name;
        let failure = root.slots.iter().find_map(|slot| match slot.run {
            Run::Failed => slot.failure.as_ref(),
            _ => None,
        });
        match failure {
            Some(failure) => format_smolstr!("{name} has failed: {}", failure.reason),
            None if root.spec.replicas == 0 => format_smolstr!("{name} is scaled to nothing"),
            None if root.desired == Desired::Stopped => format_smolstr!("{name} is stopped"),
            None => format_smolstr!("{name} has ended"),
        }
    }

    fn waiting_message(&self, key: ServiceKey) -> SmolStr {
        let waits = self.waits_for(key);
        let text = waits.iter().map(|wait| {
            let (service, part, note) = match wait {
                WaitsFor::Condition {
                    service,
                    part,
                    condition,
                    ..
                } => match condition {
                    Condition::Ready => (service, part.as_ref(), ""),
                    Condition::Started => (service, part.as_ref(), " (started)"),
                    Condition::Completed => (service, part.as_ref(), " (completed)"),
                },
                WaitsFor::Conflict { service } | WaitsFor::Dependent { service } => {
                    (service, None, " to stop")
                }
            };
            let name = part_name(&self.services[service.index()].spec.name, part);
            format_smolstr!("{name}{note}")
        });
        format_smolstr!("waits for {}", few(text, waits.len()))
    }

    /// Why a service is not ready: itself first, then what it waits for, nearest first.
    pub fn explain(&self, key: ServiceKey) -> Vec<Cause> {
        let mut causes = Vec::new();
        let mut seen = HashSet::from([key]);
        let mut open = std::collections::VecDeque::from([(key, 0, None, None)]);
        while let Some((key, depth, needed_by, part)) = open.pop_front() {
            let Some(service) = self.services.get(key.index()) else {
                continue;
            };
            causes.push(Cause {
                service: key,
                depth,
                needed_by,
                part,
                state: service.state(),
                ready: service.ready(),
                message: self.message(key),
                failure: service.current_failure(),
            });
            for wait in self.waits_for(key) {
                if let WaitsFor::Condition {
                    service: next,
                    part,
                    condition,
                    ..
                } = wait
                    && seen.insert(next)
                {
                    open.push_back((next, depth + 1, Some((key, condition)), part));
                }
            }
        }
        causes
    }
}

impl Service {
    /// Whether it should stop, runs, and lets its dependents go first.
    fn waits_to_stop(&self) -> bool {
        self.holds > 0
            && !self.kill
            && self.slots.iter().enumerate().any(|(number, slot)| {
                matches!(slot.run, Run::Up(_) | Run::Starting { .. })
                    && (self.desired == Desired::Stopped
                        || (self.wants(number) && self.outdated(slot)))
            })
    }

    /// What the first slot says of which there is something to say.
    fn first(&self, text: impl Fn(&Slot) -> Option<SmolStr>) -> SmolStr {
        self.slots.iter().find_map(text).unwrap_or_default()
    }

    /// Whether it should start, and a condition or a conflict keeps it from that.
    fn waits_to_start(&self) -> bool {
        (self.unmet > 0 || self.conflicts > 0)
            && self
                .wanted_slots()
                .iter()
                .any(|slot| matches!(slot.run, Run::Idle))
    }

    fn current_failure(&self) -> Option<Failure> {
        let failure = |slot: &Slot| {
            let updated = || {
                slot.failure
                    .as_deref()
                    .filter(|_| slot.update_failed.is_some())
            };
            slot.fell_for().or_else(updated).cloned()
        };
        self.slots.iter().find_map(failure)
    }
}

fn in_words(failure: &Failure) -> SmolStr {
    format_smolstr!("{failure}")
}

/// The first few of a list, and how many more there are: a message is one line.
fn few(names: impl Iterator<Item = SmolStr>, count: usize) -> String {
    const FEW: usize = 4;
    let mut text = names.take(FEW).collect::<Vec<_>>().join(", ");
    if count > FEW {
        text.push_str(&format_smolstr!(" and {} more", count - FEW));
    }
    text
}

fn view(key: InstanceKey, slot: &Slot) -> InstanceView {
    let (state, retry_at): (_, Option<Millis>) = match &slot.run {
        Run::Idle => (ServiceState::Stopped, None),
        Run::Starting { .. } => (ServiceState::Starting, None),
        Run::Up(up) if up.update.is_some() => (ServiceState::Updating, None),
        Run::Up(up) if up.been_ready.is_none() => (ServiceState::Starting, None),
        Run::Up(_) => (ServiceState::Running, None),
        Run::Stopping { .. } => (ServiceState::Stopping, None),
        Run::Backoff { until, .. } => (ServiceState::Backoff, Some(*until)),
        Run::Failed => (ServiceState::Failed, None),
        Run::Completed => (ServiceState::Completed, None),
        Run::Unknown { .. } => (ServiceState::Unknown, None),
    };
    InstanceView {
        key,
        state,
        generation: slot.generation,
        revision: slot.revision,
        ready: slot.ready(),
        live: matches!(&slot.run, Run::Up(up) if up.live),
        pid: slot.pid(),
        started_at: slot.started_at,
        restarts: slot.restarts,
        last_exit: slot.last_exit.clone(),
        retry_at,
        evidence: slot.evidence.clone(),
        resists: slot.resists().cloned(),
        failure: slot.fell_for().or(slot.failure.as_deref()).cloned(),
    }
}
