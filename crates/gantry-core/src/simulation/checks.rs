//! What must hold, and the checker's own book-keeping of what the world has been told.

use std::collections::{BTreeMap, BTreeSet};

use super::backend::Backend;
use crate::effect::{Effect, StopHow};
use crate::event::{Event, ObservedRun};
use crate::hook::Hook;
use crate::ids::{EffectId, Generation, InstanceKey, OperationId, ServiceName};
use crate::outcome::OutcomeKind;
use crate::spec::{Condition, Kind, ServiceSpec};
use crate::state::{Desired, ServiceState};
use crate::view::InstanceView;
use crate::world::World;

/// What the world can know of a slot, from the news it was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are facts, not a machine"
)]
struct Told {
    start: Option<EffectId>,
    stop: Option<EffectId>,
    generation: Generation,
    /// The newest generation that is known to have ended.
    over: Generation,
    up: bool,
    ready: bool,
    completed: bool,
    /// It ended well, and counts as completed when its leftovers are gone.
    clearing: bool,
    /// The hook that is awaited.
    hook: Option<(EffectId, Hook)>,
    /// Whether the `pre-start` of the next generation has ended well.
    prepared: bool,
    /// Whether its `pre-stop` has begun, and with it its stop.
    stops: bool,
    /// Whether it has been ready.
    been_ready: bool,
    /// Whether it was ended because its backend said that it will never be ready.
    doomed: bool,
}

#[derive(Debug, Default)]
pub(super) struct Checker {
    told: BTreeMap<InstanceKey, Told>,
    /// Services that someone stopped, and nobody has asked for since.
    stopped: BTreeSet<ServiceName>,
    /// What the news that the world is given now is the doom of.
    dooming: Option<InstanceKey>,
    /// What an operation that brings something up promises, if it ends as done.
    pub(super) promises: BTreeMap<OperationId, Vec<ServiceName>>,
    /// Operations and whether they have ended.
    pub(super) operations: BTreeMap<OperationId, bool>,
}

impl Checker {
    /// A new supervisor knows nothing, and owes nothing to the clients of the one before it.
    pub(super) fn restarted(&mut self) {
        self.told.clear();
        self.operations.clear();
    }

    pub(super) fn asked_to_stop(&mut self, services: impl IntoIterator<Item = ServiceName>) {
        self.stopped.extend(services);
    }

    pub(super) fn asked_to_run(&mut self) {
        self.stopped.clear();
        self.changed();
    }

    /// Someone asked for something else than before: what was given up may be tried again.
    pub(super) fn changed(&mut self) {
        for told in self.told.values_mut() {
            told.doomed = false;
        }
    }

    /// Takes note of what the world is about to be told.
    pub(super) fn hear(&mut self, event: &Event, world: &World) {
        let ready_by_itself = |at: InstanceKey| {
            world
                .spec(at.service)
                .is_some_and(|s| !s.probed_ready && s.kind == Kind::Service)
        };
        self.dooming = None;
        match event {
            Event::Started {
                effect, instance, ..
            } => {
                let told = self.told.entry(*instance).or_default();
                if told.start == Some(*effect) {
                    told.up = true;
                    told.ready |= ready_by_itself(*instance);
                }
            }
            Event::Ready {
                instance,
                generation,
            }
            | Event::NotReady {
                instance,
                generation,
                ..
            } => {
                let told = self.told.entry(*instance).or_default();
                if told.generation == *generation && told.up {
                    told.ready = matches!(event, Event::Ready { .. });
                    let set_up = !matches!(told.hook, Some((_, Hook::PostStart)));
                    told.been_ready |= told.ready && set_up;
                }
            }
            Event::Doomed {
                instance,
                generation,
                ..
            } => {
                let told = self.told.entry(*instance).or_default();
                self.dooming = (told.generation == *generation).then_some(*instance);
            }
            Event::Exited {
                instance,
                generation,
                exit,
                left,
                ..
            } => {
                let told = self.told.entry(*instance).or_default();
                if told.generation == *generation {
                    told.over = *generation;
                    let runs = told.up || told.start.is_some();
                    told.completed |= runs && exit.success() && left.is_none();
                    told.clearing |= runs && exit.success() && left.is_some();
                    (told.up, told.ready) = (false, false);
                    told.start = None;
                }
            }
            Event::HookEnded {
                effect,
                instance,
                failure,
            } => {
                let told = self.told.entry(*instance).or_default();
                let ended = told.hook.take_if(|(id, _)| id == effect);
                told.prepared |= failure.is_none() && matches!(ended, Some((_, Hook::PreStart)));
            }
            Event::Stopped {
                effect, instance, ..
            } => {
                let told = self.told.entry(*instance).or_default();
                if told.stop != Some(*effect) {
                    return;
                }
                told.over = told.generation;
                (told.up, told.ready) = (false, false);
                told.completed |= std::mem::take(&mut told.clearing);
            }
            Event::BackendLost { services, .. } => {
                for (at, told) in &mut self.told {
                    if services.contains(&at.service) {
                        (told.up, told.ready) = (false, false);
                    }
                }
            }
            Event::Observed { instances, .. } => {
                for seen in instances {
                    let told = self.told.entry(seen.instance).or_default();
                    if seen.generation < told.generation {
                        continue;
                    }
                    told.generation = seen.generation;
                    if !seen.run.lives() {
                        told.over = seen.generation;
                    } else if seen.generation <= told.over {
                        continue;
                    }
                    match &seen.run {
                        // Of one that is known to be up, nothing new is said.
                        ObservedRun::Running { .. } if told.up => {}
                        ObservedRun::Running { .. } => {
                            told.up = true;
                            told.ready = ready_by_itself(seen.instance);
                        }
                        ObservedRun::Stopping { .. } => (told.up, told.ready) = (false, false),
                        ObservedRun::Exited { exit, left, .. } => {
                            (told.up, told.ready) = (false, false);
                            told.start = None;
                            told.completed |= exit.success() && left.is_none();
                            told.clearing |= exit.success() && left.is_some();
                        }
                        ObservedRun::Stopped | ObservedRun::NotStarted { .. } => {
                            (told.up, told.ready) = (false, false);
                            told.start = None;
                            told.completed |= std::mem::take(&mut told.clearing);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// Checks what the world wants done, before it is done.
    pub(super) fn check(&mut self, effect: &Effect, world: &World) -> Result<(), String> {
        match effect {
            Effect::Start {
                id,
                instance,
                generation,
                ..
            } => {
                self.check_start(*instance, world)?;
                let told = self.told.entry(*instance).or_default();
                let has_hook = |spec: &ServiceSpec| spec.hooks.contains(&Hook::PreStart);
                if !told.prepared && world.spec(instance.service).is_some_and(|it| has_hook(it)) {
                    return Err(format!(
                        "{instance:?} was started before its pre-start hook had ended well"
                    ));
                }
                if *generation <= told.generation {
                    return Err(format!(
                        "generation {generation} of {instance:?} was used before"
                    ));
                }
                *told = Told {
                    over: told.over,
                    start: Some(*id),
                    generation: *generation,
                    ..Told::default()
                };
            }
            Effect::Stop {
                id, instance, how, ..
            } => {
                // Asked again, since nobody knows what became of the first time: that had its own reason,
                // and waits for nobody.
                let begun = |told: &Told| told.stops || told.stop.is_some();
                let begun = self.told.get(instance).is_some_and(begun);
                if *how == StopHow::Graceful && !begun {
                    self.check_stop(*instance, world)?;
                }
                self.check_doom(*instance, world)?;
                let told = self.told.entry(*instance).or_default();
                (told.stop, told.stops) = (Some(*id), false);
            }
            Effect::RunHook {
                id, instance, hook, ..
            } => {
                match hook {
                    Hook::PreStart => self.check_start(*instance, world)?,
                    Hook::PreStop => {
                        self.check_stop(*instance, world)?;
                        self.check_doom(*instance, world)?;
                    }
                    Hook::PostStart | Hook::PostStop => {}
                }
                let told = self.told.entry(*instance).or_default();
                told.hook = Some((*id, *hook));
                told.prepared = false;
                told.stops = *hook == Hook::PreStop;
            }
            Effect::CancelHook { id } => {
                for told in self.told.values_mut() {
                    told.hook.take_if(|(hook, _)| hook == id);
                }
            }
            Effect::OperationEnded { operation, outcome } => {
                if outcome.kind == OutcomeKind::Done {
                    self.check_promise(*operation, world)?;
                }
                match self.operations.insert(*operation, true) {
                    Some(false) => {}
                    Some(true) => return Err(format!("operation {operation} ended twice")),
                    None => return Err(format!("operation {operation} was never begun")),
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Only one that has not been ready is ended because its backend gives it up.
    fn check_doom(&mut self, at: InstanceKey, world: &World) -> Result<(), String> {
        if self.dooming != Some(at) {
            return Ok(());
        }
        let told = self.told.entry(at).or_default();
        told.doomed = true;
        let job = world
            .spec(at.service)
            .is_some_and(|spec| spec.kind == Kind::Job);
        if told.been_ready && !job {
            return Err(format!(
                "{at:?} was ready, and is ended for a word of its backend"
            ));
        }
        Ok(())
    }

    /// An operation that ended well has everything up that it was about.
    fn check_promise(&self, operation: OperationId, world: &World) -> Result<(), String> {
        for name in self.promises.get(&operation).into_iter().flatten() {
            let view = world.key(name.as_str()).and_then(|key| world.service(key));
            let well = view.is_some_and(|view| {
                let there = |one: &InstanceView| one.ready || one.state == ServiceState::Completed;
                view.desired == Desired::Running && view.instances.iter().all(there)
            });
            if !well {
                return Err(format!(
                    "operation {operation} ended as done, and {name} is not up"
                ));
            }
        }
        Ok(())
    }

    /// What is taken down goes after its dependents that are taken down too. One that resists does
    /// not count, and neither does clearing away what is not up any more.
    fn check_stop(&self, at: InstanceKey, world: &World) -> Result<(), String> {
        let is_up = |at: &InstanceKey| self.told.get(at).is_some_and(|told| told.up);
        let Some(view) = world.service(at.service) else {
            return Ok(());
        };
        if view.desired == Desired::Running || !is_up(&at) {
            return Ok(());
        }
        let name = world.name(at.service);
        for dependent in world.services() {
            let needs = world
                .spec(dependent)
                .is_some_and(|spec| spec.depends_on.iter().any(|edge| Some(&edge.on) == name));
            let Some(view) = world.service(dependent).filter(|_| needs) else {
                continue;
            };
            let goes = view.desired == Desired::Stopped
                && view
                    .instances
                    .iter()
                    .all(|instance| instance.resists.is_none());
            if goes && view.instances.iter().any(|instance| is_up(&instance.key)) {
                let dependent = world.name(dependent);
                return Err(format!(
                    "{name:?} was stopped before {dependent:?}, which needs it"
                ));
            }
        }
        Ok(())
    }

    fn check_start(&self, at: InstanceKey, world: &World) -> Result<(), String> {
        let Some(spec) = world.spec(at.service) else {
            return Err(format!("{at:?} has no specification"));
        };
        if self.told.get(&at).is_some_and(|told| told.doomed) {
            return Err(format!(
                "{} was given up, and is started again by itself",
                spec.name
            ));
        }
        if self.stopped.contains(&spec.name) {
            return Err(format!("{} was started after it was stopped", spec.name));
        }
        for edge in &spec.depends_on {
            let Some(key) = world.key(edge.on.as_str()) else {
                return Err(format!("{} was started without {}", spec.name, edge.on));
            };
            let replicas = world.spec(key).map_or(0, |spec| spec.replicas);
            let probed = world.spec(key).is_some_and(|spec| spec.probed_ready);
            let job = world.spec(key).is_some_and(|spec| spec.kind == Kind::Job);
            for slot in 0..replicas {
                let told = self
                    .told
                    .get(&InstanceKey { service: key, slot })
                    .copied()
                    .unwrap_or_default();
                let met = match edge.condition {
                    Condition::Started => told.up || told.completed,
                    Condition::Ready if job => told.completed,
                    Condition::Ready if matches!(told.hook, Some((_, Hook::PostStart))) => false,
                    // One without a probe is ready when it is up, also if it had one before.
                    Condition::Ready => told.ready || (told.up && !probed),
                    Condition::Completed => told.completed,
                };
                if !met {
                    return Err(format!(
                        "{} was started before {} was {}",
                        spec.name, edge.on, edge.condition
                    ));
                }
            }
        }
        Ok(())
    }
}

/// A service is started while one that it conflicts with runs. (That both run is no mistake in
/// itself: they may have been started under a file that had no conflict yet.)
pub(super) fn check_conflicts(
    started: &ServiceName,
    backend: &Backend,
    world: &World,
) -> Result<(), String> {
    for running in backend.processes.keys().map(|at| &at.service) {
        let says = |one: &ServiceName, other: &ServiceName| {
            let spec = world.key(one.as_str()).and_then(|key| world.spec(key));
            spec.is_some_and(|spec| spec.conflicts_with.contains(other))
        };
        if running != started && (says(started, running) || says(running, started)) {
            return Err(format!(
                "{started} was started while {running} runs, which conflicts"
            ));
        }
    }
    Ok(())
}

/// Right after an `up` of everything, nothing has failed: all is tried again.
pub(super) fn check_tried_again(world: &World) -> Result<(), String> {
    for key in world.services() {
        let failed = world.service(key).is_some_and(|view| {
            let wanted = view.desired == Desired::Running;
            wanted
                && view
                    .instances
                    .iter()
                    .any(|one| one.state == ServiceState::Failed)
        });
        if failed {
            return Err(format!(
                "{:?} has still failed right after an up",
                world.name(key)
            ));
        }
    }
    Ok(())
}
