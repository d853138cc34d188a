//! What people ask for, besides a new model.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::World;
use super::act::instance;
use super::operation::Goal;
use super::service::Run;
use crate::effect::{Effect, StopHow};
use crate::event::Command;
use crate::graph::{Direction, Link, key_at};
use crate::ids::{InstanceKey, Millis, OperationId, ServiceKey, ServiceName};
use crate::outcome::{OutcomeKind, Refusal};
use crate::spec::{Condition, Kind};
use crate::state::Desired;

impl World {
    pub(super) fn command(
        &mut self,
        id: OperationId,
        command: Command,
        timeout: Option<Millis>,
        out: &mut Vec<Effect>,
    ) {
        if self.operations.contains_key(&id) {
            // The same request twice: the one under way answers for both.
            return;
        }
        let members = match command {
            Command::Start { services, done } => self.start_command(&services, &done),
            Command::Stop {
                services,
                cascade,
                force,
                how,
            } => self.stop_command(&services, cascade, force, how),
            Command::Restart {
                services,
                cascade,
                done,
            } => self.restart_command(&services, cascade, &done, out),
            Command::Down { how } => {
                let keys: Vec<_> = self.services();
                self.want_stopped(&keys, how);
                Ok(keys.into_iter().map(|key| (key, Goal::Down)).collect())
            }
            Command::Scale { service, replicas } => self.scale_command(&service, replicas),
            Command::Cancel { operation } => self.cancel_command(operation),
        };
        match members {
            Ok(members) => {
                out.push(Effect::Save);
                self.begin(id, members, timeout, out);
            }
            Err(refusal) => Self::refuse(id, refusal, out),
        }
    }

    /// The keys of services that someone named. One that left the file can only be stopped.
    fn named(&self, names: &[ServiceName], leaving: bool) -> Result<Vec<ServiceKey>, Refusal> {
        let key = |name: &ServiceName| {
            self.key(name.as_str())
                .filter(|key| leaving || !self.services[key.index()].leaving)
                .ok_or_else(|| Refusal::NoSuchService(name.clone()))
        };
        names.iter().map(key).collect()
    }

    fn start_command(
        &mut self,
        names: &[ServiceName],
        done: &BTreeSet<InstanceKey>,
    ) -> Result<Vec<(ServiceKey, Goal)>, Refusal> {
        let chosen = self.named(names, false)?;
        let all = self.with_dependencies(&chosen);
        self.refuse_conflicts(&all)?;
        let is_chosen = self.marked(&chosen);
        for &key in &all {
            self.want_running(key, is_chosen[key.index()], done);
        }
        Ok(all.into_iter().map(|key| (key, Goal::Up)).collect())
    }

    /// A table that says of each service whether it is among `keys`.
    fn marked(&self, keys: &[ServiceKey]) -> Vec<bool> {
        let mut marks = vec![false; self.services.len()];
        for key in keys {
            marks[key.index()] = true;
        }
        marks
    }

    fn with_dependencies(&self, keys: &[ServiceKey]) -> Vec<ServiceKey> {
        self.graph
            .closure(keys.iter().copied(), Direction::Dependencies, |_, _| true)
    }

    /// Refuses to bring up what conflicts with something that is up, or comes up with it.
    pub(super) fn refuse_conflicts(&self, keys: &[ServiceKey]) -> Result<(), Refusal> {
        if self.conflicts.is_empty() {
            return Ok(());
        }
        let mut up: Vec<bool> = self
            .services
            .iter()
            .map(|service| service.desired == Desired::Running)
            .collect();
        for key in keys {
            up[key.index()] = true;
        }
        for key in keys {
            for other in self.conflicts.get(key).into_iter().flatten() {
                if up[other.index()] {
                    return Err(Refusal::Conflict {
                        service: self.services[key.index()].spec.name.clone(),
                        with: self.services[other.index()].spec.name.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// From now on this should run. What failed is tried again; what completed is done again if it
    /// was named, or is no job.
    pub(super) fn want_running(
        &mut self,
        key: ServiceKey,
        named: bool,
        done: &BTreeSet<InstanceKey>,
    ) {
        let service = &mut self.services[key.index()];
        service.desired = Desired::Running;
        service.kill = false;
        let redo = named || service.spec.kind == Kind::Service;
        for (number, slot) in service.slots.iter_mut().enumerate() {
            match slot.run {
                // How that went is the answer.
                _ if done.contains(&instance(key, number)) => continue,
                Run::Failed => {}
                Run::Completed if redo => {}
                _ => {
                    // What was changed and is not ready is not changed again.
                    slot.update_failed
                        .take_if(|failed| *failed != slot.revision);
                    continue;
                }
            }
            slot.run = Run::Idle;
            slot.attempts = 0;
            slot.recent.clear();
        }
        self.touch(key);
    }

    fn want_stopped(&mut self, keys: &[ServiceKey], how: StopHow) {
        for &key in keys {
            let service = &mut self.services[key.index()];
            service.desired = Desired::Stopped;
            service.kill = how == StopHow::Kill;
            self.touch(key);
        }
    }

    fn stop_command(
        &mut self,
        names: &[ServiceName],
        cascade: bool,
        force: bool,
        how: StopHow,
    ) -> Result<Vec<(ServiceKey, Goal)>, Refusal> {
        let mut keys = self.named(names, true)?;
        if cascade {
            keys = self.with_dependents(&keys);
        } else if !force {
            self.refuse_while_needed(&keys)?;
        }
        self.want_stopped(&keys, how);
        Ok(keys.into_iter().map(|key| (key, Goal::Down)).collect())
    }

    /// `keys` and all that need them to run. Who only needed the end of a job does not need it now.
    fn with_dependents(&self, keys: &[ServiceKey]) -> Vec<ServiceKey> {
        let needs = |_, link: &Link| link.condition != Condition::Completed;
        self.graph
            .closure(keys.iter().copied(), Direction::Dependents, needs)
    }

    fn refuse_while_needed(&self, keys: &[ServiceKey]) -> Result<(), Refusal> {
        let stops = self.marked(keys);
        for &key in keys {
            let mut dependents: Vec<ServiceKey> = self
                .graph
                .dependents(key)
                .iter()
                .filter(|link| link.condition != Condition::Completed && !stops[link.to.index()])
                .map(|link| link.to)
                .filter(|dependent| {
                    let dependent = &self.services[dependent.index()];
                    dependent.desired == Desired::Running && dependent.any_alive()
                })
                .collect();
            dependents.sort_unstable_by_key(|key| self.ranks.get(key.index()));
            dependents.dedup();
            if !dependents.is_empty() {
                let name = |key: ServiceKey| self.services[key.index()].spec.name.clone();
                let service = name(key);
                let dependents = dependents.into_iter().map(name).collect();
                return Err(Refusal::DependentsRun {
                    service,
                    dependents,
                });
            }
        }
        Ok(())
    }

    fn restart_command(
        &mut self,
        names: &[ServiceName],
        cascade: bool,
        done: &BTreeSet<InstanceKey>,
        out: &mut Vec<Effect>,
    ) -> Result<Vec<(ServiceKey, Goal)>, Refusal> {
        let chosen = self.named(names, false)?;
        let comes_along = |_, link: &Link| {
            let dependent = &self.services[link.to.index()];
            let needs = cascade && link.condition != Condition::Completed;
            (needs || link.follow) && dependent.desired == Desired::Running && !dependent.leaving
        };
        let restarts =
            self.graph
                .closure(chosen.iter().copied(), Direction::Dependents, comes_along);
        let all = self.with_dependencies(&restarts);
        self.refuse_conflicts(&all)?;
        let restarts_too = self.marked(&restarts);
        for &key in &all {
            self.want_running(key, restarts_too[key.index()], done);
        }
        for &key in &restarts {
            for number in 0..self.services[key.index()].slots.len() {
                if done.contains(&instance(key, number)) {
                    continue;
                }
                // What waits to start again need not wait any longer.
                self.rest(key, number, out);
                let slot = &mut self.services[key.index()].slots[number];
                slot.replace = slot.alive();
            }
        }
        Ok(all.into_iter().map(|key| (key, Goal::Up)).collect())
    }

    fn scale_command(
        &mut self,
        name: &ServiceName,
        replicas: u16,
    ) -> Result<Vec<(ServiceKey, Goal)>, Refusal> {
        let keys = self.named(std::slice::from_ref(name), false)?;
        for &key in &keys {
            Arc::make_mut(&mut self.services[key.index()].spec).replicas = replicas;
            self.touch(key);
        }
        let wanted = |key: &ServiceKey| self.services[key.index()].desired == Desired::Running;
        // Of a stopped service only the number is kept, for its next start.
        Ok(keys
            .into_iter()
            .filter(wanted)
            .map(|key| (key, Goal::Up))
            .collect())
    }

    /// Ends another operation. What it has not begun yet goes back to what it was, unless someone
    /// else waits for the same.
    fn cancel_command(&mut self, id: OperationId) -> Result<Vec<(ServiceKey, Goal)>, Refusal> {
        let Some(operation) = self.operations.get(&id) else {
            return Err(Refusal::NoSuchOperation(id));
        };
        for (key, _) in operation.members.clone() {
            let service = &self.services[key.index()];
            let &[(waiting, goal)] = service.waiters.as_slice() else {
                continue;
            };
            if waiting != id {
                continue;
            }
            match goal {
                Goal::Up => self.undo_start(key),
                Goal::Down => self.undo_stop(key),
            }
        }
        self.end_early(id, OutcomeKind::Cancelled);
        Ok(Vec::new())
    }

    fn undo_start(&mut self, key: ServiceKey) {
        let service = &mut self.services[key.index()];
        for slot in &mut service.slots {
            // A restart that has begun has stopped the slot already.
            if matches!(slot.run, Run::Starting { .. } | Run::Up(_)) {
                slot.replace = false;
            }
        }
        let begun = |run: &Run| !matches!(run, Run::Idle);
        if !service
            .slots
            .iter()
            .any(|slot| begun(&slot.run) || slot.generation.0 > 0 && slot.replace)
        {
            service.desired = Desired::Stopped;
        }
        self.touch(key);
    }

    fn undo_stop(&mut self, key: ServiceKey) {
        let service = &self.services[key.index()];
        let untouched = service.any_alive()
            && service
                .slots
                .iter()
                .all(|slot| matches!(slot.run, Run::Starting { .. } | Run::Up(_) | Run::Idle));
        if untouched && !service.leaving && self.refuse_conflicts(&[key]).is_ok() {
            let service = &mut self.services[key.index()];
            service.desired = Desired::Running;
            service.kill = false;
            self.touch(key);
        }
    }

    /// The position of every service in start order, from the graph.
    pub(super) fn rank(&mut self) {
        let order = self.graph.order();
        self.ranks = vec![u32::MAX; self.services.len()];
        for (position, key) in order.iter().enumerate() {
            self.ranks[key.index()] = key_at(position).0;
        }
    }
}
