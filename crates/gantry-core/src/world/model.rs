//! `up`: a new model, and what it changes.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use smol_str::SmolStr;

use super::World;
use super::act::instance;
use super::offer::Conditions;
use super::operation::Goal;
use super::service::{Run, Service, Slot};
use crate::effect::Effect;
use crate::event::{Change, ChangeEffect, Targets};
use crate::graph::{Edge, Graph, PartKey, key_at};
use crate::ids::{Millis, OperationId, ServiceKey, ServiceName};
use crate::outcome::Refusal;
use crate::plan::{Action, Phase, PlanError, Present, Step, plan};
use crate::spec::ServiceSpec;
use crate::state::Desired;

impl World {
    /// The steps that [`crate::Event::Model`] with the same arguments would take.
    pub fn plan(
        &self,
        specs: &[Arc<ServiceSpec>],
        changes: &[Change],
        targets: &Targets,
    ) -> Result<Vec<Step>, PlanError> {
        let present = |key: ServiceKey| {
            let service = &self.services[key.index()];
            Present {
                spec: &service.spec,
                phase: service.phase(),
                wanted: service.desired == Desired::Running,
            }
        };
        let present: Vec<_> = self.services().into_iter().map(present).collect();
        plan(&present, specs, changes, targets)
    }

    pub(super) fn model(
        &mut self,
        id: OperationId,
        specs: Vec<Arc<ServiceSpec>>,
        changes: &[Change],
        targets: &Targets,
        timeout: Option<Millis>,
        out: &mut Vec<Effect>,
    ) {
        if self.operations.contains_key(&id) {
            return;
        }
        let steps = match self.plan(&specs, changes, targets) {
            Ok(steps) => steps,
            Err(PlanError::NoSuchService(name)) => {
                return Self::refuse(id, Refusal::NoSuchService(name), out);
            }
            Err(PlanError::Graph(error)) => {
                return Self::refuse(id, Refusal::Model(error.to_string()), out);
            }
        };
        if let Err(refusal) = self.conflict_in(&specs, &steps, targets) {
            return Self::refuse(id, refusal, out);
        }
        out.push(Effect::Save);
        let watched: HashSet<&ServiceName> = changes
            .iter()
            .filter(|change| change.effect == ChangeEffect::Watch)
            .map(|change| &change.service)
            .collect();
        let actions: HashMap<ServiceName, Action> = steps
            .into_iter()
            .map(|step| (step.service, step.action))
            .collect();
        let known = |spec: &&Arc<ServiceSpec>| self.keys.contains_key(&spec.name);
        let new = specs.len() - specs.iter().filter(known).count();
        self.services.reserve_exact(new);
        let names: HashSet<ServiceName> = specs.iter().map(|spec| spec.name.clone()).collect();

        let mut members = Vec::with_capacity(actions.len());
        let mut positions = vec![u32::MAX; self.services.len()];
        for (position, spec) in specs.into_iter().enumerate() {
            let action = actions.get(&spec.name).copied();
            let only_watched = watched.contains(&spec.name);
            let key = self.take_spec(spec, action, only_watched, out);
            if positions.len() <= key.index() {
                positions.resize(key.index() + 1, u32::MAX);
            }
            positions[key.index()] = key_at(position).0;
            if let Some(action) = action {
                self.take_action(key, action);
                members.push((key, Goal::Up));
            }
        }
        if *targets == Targets::AutoStart {
            for key in self.all_keys() {
                let service = &mut self.services[key.index()];
                if !service.gone && !names.contains(&service.spec.name) {
                    service.leaving = true;
                    service.desired = Desired::Stopped;
                    members.push((key, Goal::Down));
                }
            }
        }
        self.rebuild(Some(&positions));
        self.begin(id, members, timeout, out);
    }

    /// Two services that conflict and would both be up.
    fn conflict_in(
        &self,
        specs: &[Arc<ServiceSpec>],
        steps: &[Step],
        targets: &Targets,
    ) -> Result<(), Refusal> {
        // Not only those of services that exist: one that runs may conflict with one that comes.
        let known = self.services.iter().map(|service| &service.spec);
        if specs
            .iter()
            .chain(known)
            .all(|spec| spec.conflicts_with.is_empty())
        {
            return Ok(());
        }
        let in_file: HashSet<&ServiceName> = specs.iter().map(|spec| &spec.name).collect();
        let removes = *targets == Targets::AutoStart;
        let running = self.services.iter().filter(|service| {
            let stays = !removes || in_file.contains(&service.spec.name);
            !service.gone && service.desired == Desired::Running && stays
        });
        let mut up: HashSet<&ServiceName> = running.clone().map(|s| &s.spec.name).collect();
        up.extend(
            steps
                .iter()
                .filter(|s| s.action != Action::Remove)
                .map(|s| &s.service),
        );
        let all = specs.iter().chain(running.map(|service| &service.spec));
        for spec in all.filter(|spec| up.contains(&spec.name)) {
            if let Some(with) = spec.conflicts_with.iter().find(|name| up.contains(name)) {
                let (service, with) = (spec.name.clone(), with.clone());
                return Err(Refusal::Conflict { service, with });
            }
        }
        Ok(())
    }

    /// Takes up one specification. What runs and is not part of the plan keeps the one it has.
    fn take_spec(
        &mut self,
        spec: Arc<ServiceSpec>,
        action: Option<Action>,
        only_watched: bool,
        out: &mut Vec<Effect>,
    ) -> ServiceKey {
        let Some(&key) = self.keys.get(&spec.name) else {
            let key = key_at(self.services.len());
            self.keys.insert(spec.name.clone(), key);
            self.services.push(Service::new(spec));
            return key;
        };
        let service = &mut self.services[key.index()];
        service.gone = false;
        service.leaving = false;
        if action.is_none() && service.desired == Desired::Running {
            return key;
        }
        // What others changed in a backend is changed back by an update to the same.
        let changed = !service.spec.runs_like(&spec) || action == Some(Action::Update);
        service.spec = spec;
        if changed {
            service.revision = service.revision.next();
            match action {
                // Nobody has to do anything to it; whether it is ready is asked anew.
                Some(Action::Update) if only_watched => {
                    for number in 0..service.slots.len() {
                        self.ask_anew(instance(key, number), out);
                    }
                }
                Some(Action::Update) => service.update_below = service.revision,
                Some(Action::Keep) => {
                    for number in 0..service.slots.len() {
                        self.watch_anew(instance(key, number), out);
                    }
                }
                // Whatever is still alive of the old one must not be taken for the new one.
                _ => service.replace_below = service.revision,
            }
        }
        key
    }

    fn take_action(&mut self, key: ServiceKey, action: Action) {
        let service = &mut self.services[key.index()];
        if matches!(action, Action::Restart | Action::Recreate) {
            for slot in &mut service.slots {
                slot.replace = slot.alive();
                if matches!(slot.run, Run::Completed) {
                    slot.run = Run::Idle;
                }
            }
            service.recreate |= action == Action::Recreate;
        }
        self.want_running(key, false, &BTreeSet::new());
    }

    /// Makes the graph, the start order, the conflicts and all counters anew from the specifications.
    /// Without positions of a file, ties are broken by the age of the services.
    pub(super) fn rebuild(&mut self, positions: Option<&[u32]>) {
        let mut edges = Vec::new();
        let mut conflicts: HashMap<ServiceKey, Vec<ServiceKey>> = HashMap::new();
        let mut parts: HashMap<ServiceKey, Vec<SmolStr>> = HashMap::new();
        for key in self.all_keys() {
            let service = &self.services[key.index()];
            if service.gone {
                continue;
            }
            for dependency in &service.spec.depends_on {
                if let Some(to) = self.key(dependency.on.as_str()) {
                    let part = dependency.part.as_ref();
                    edges.push(Edge {
                        dependent: key,
                        dependency: to,
                        part: part.map(|part| part_key(parts.entry(to).or_default(), part)),
                        condition: dependency.condition,
                        follow: dependency.follow,
                    });
                }
            }
            for name in &service.spec.conflicts_with {
                if let Some(&other) = self.keys.get(name)
                    && other != key
                    && !conflicts
                        .get(&key)
                        .is_some_and(|others| others.contains(&other))
                {
                    conflicts.entry(key).or_default().push(other);
                    conflicts.entry(other).or_default().push(key);
                }
            }
        }
        self.conflicts = conflicts;
        let position = |at: usize| match positions {
            Some(positions) => positions.get(at).copied().unwrap_or(u32::MAX),
            None => key_at(at).0,
        };
        let ties = (0..self.services.len())
            .map(|at| (self.services[at].spec.order, position(at)))
            .collect();
        self.graph = Graph::ranked(ties, edges);
        for key in self.all_keys() {
            let names = parts.remove(&key).unwrap_or_default().into_iter();
            // How they stand is counted anew with everything else.
            self.services[key.index()].parts =
                names.map(|name| (name, Conditions::default())).collect();
        }
        self.leaving = self
            .services
            .iter()
            .filter(|service| service.leaving)
            .count();
        self.rank();
        self.recount();
    }

    /// Forgets a service that left the file, once nothing of it is alive.
    pub(super) fn forget_if_gone(&mut self, key: ServiceKey, out: &mut Vec<Effect>) {
        let service = &mut self.services[key.index()];
        if service.leaving && !service.gone && !service.any_alive() {
            service.gone = true;
            service.leaving = false;
            self.children.remove(&key);
            out.push(Effect::Removed { service: key });
            // Once for all that leave: a supervisor that dies before that finds the others stopped,
            // and forgets them again.
            self.leaving = self.leaving.saturating_sub(1);
            if self.leaving == 0 {
                out.push(Effect::Save);
            }
        }
    }
}

/// The position of a part among those that others need.
fn part_key(parts: &mut Vec<SmolStr>, name: &SmolStr) -> PartKey {
    let known = parts.iter().position(|other| other == name);
    let at = known.unwrap_or_else(|| {
        parts.push(name.clone());
        parts.len() - 1
    });
    PartKey(u16::try_from(at).unwrap_or(u16::MAX))
}

impl Service {
    /// What it is doing, for a plan.
    pub(super) fn phase(&self) -> Phase {
        let wanted = self.wanted_slots();
        let any = |test: fn(&Slot) -> bool| wanted.iter().any(test);
        if wanted.is_empty() {
            Phase::Down
        } else if any(|slot| slot.alive() || matches!(slot.run, Run::Backoff { .. })) {
            Phase::Up
        } else if any(|slot| matches!(slot.run, Run::Failed)) {
            Phase::Failed
        } else if self.all_wanted(|slot| matches!(slot.run, Run::Completed)) {
            Phase::Completed
        } else {
            Phase::Down
        }
    }
}
