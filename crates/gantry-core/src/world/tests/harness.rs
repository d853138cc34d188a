//! A world with names instead of keys, and the last effects at hand.

use std::collections::BTreeSet;

use crate::effect::{Effect, StopHow};
use crate::event::{Change, ChangeEffect, Command, Event, ObservedInstance, ObservedRun, Targets};
use crate::failure::{ExitStatus, Failure, Stage};
use crate::ids::{
    Digest, EffectId, Generation, InstanceKey, Millis, ModeName, OperationId, ServiceKey,
    ServiceName, TimerId,
};
use crate::outcome::{Outcome, OutcomeKind};
use crate::spec::{Condition, Dependency, Kind, ServiceSpec};
use crate::state::ServiceState;
use crate::view::ServiceView;
use crate::world::World;
use crate::world::operation::SETTLE;

pub(super) fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("a name")
}

/// A service without probes that needs these to be ready.
pub(super) fn spec(text: &str, needs: &[&str]) -> ServiceSpec {
    let mut spec = ServiceSpec::new(name(text), ModeName::new("mock"));
    let ready = |on: &&str| Dependency::new(name(on), Condition::Ready);
    spec.depends_on = needs.iter().map(ready).collect();
    spec
}

pub(super) fn probed(mut spec: ServiceSpec) -> ServiceSpec {
    spec.probed_ready = true;
    spec
}

pub(super) fn job(text: &str) -> ServiceSpec {
    ServiceSpec {
        kind: Kind::Job,
        ..spec(text, &[])
    }
}

pub(super) fn changed(mut spec: ServiceSpec) -> ServiceSpec {
    spec.digest = Digest([1 + spec.digest.0[0]; 16]);
    spec
}

pub(super) fn change(service: &str, effect: ChangeEffect) -> Change {
    Change {
        service: name(service),
        effect,
        fields: vec!["command".into()],
        anew: false,
    }
}

pub(super) struct Harness {
    pub(super) world: World,
    pub(super) now: Millis,
    /// The effects of the last event.
    pub(super) effects: Vec<Effect>,
    /// All effects so far.
    pub(super) all: Vec<Effect>,
    operations: u64,
}

impl Harness {
    pub(super) fn new() -> Self {
        let (effects, all) = (Vec::new(), Vec::new());
        Self {
            world: World::new(1),
            now: Millis(0),
            effects,
            all,
            operations: 0,
        }
    }

    /// A world in which everything of this model has been started.
    pub(super) fn up(specs: &[ServiceSpec]) -> Self {
        let mut harness = Self::new();
        harness.model(specs);
        harness.start_all();
        harness
    }

    /// Answers every start with success until nothing more starts.
    pub(super) fn start_all(&mut self) {
        loop {
            let open: Vec<_> = self
                .world
                .services()
                .into_iter()
                .flat_map(|key| self.world.service(key).expect("a service").instances)
                .filter(|view| view.state == ServiceState::Starting && view.started_at.is_none())
                .map(|view| view.key)
                .collect();
            if open.is_empty() {
                return;
            }
            for instance in open {
                let effect = self.start_effect(instance);
                self.tell(Event::Started {
                    effect,
                    instance,
                    pid: Some(7),
                });
            }
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.effects.clear();
        self.world.apply(self.now, event, &mut self.effects);
        self.all.extend(self.effects.iter().cloned());
        self.world.audit().expect("the counters are right");
    }

    fn operation(&mut self) -> OperationId {
        self.operations += 1;
        OperationId(self.operations)
    }

    pub(super) fn model(&mut self, specs: &[ServiceSpec]) -> OperationId {
        self.model_with(specs, Vec::new(), Targets::AutoStart)
    }

    pub(super) fn model_with(
        &mut self,
        specs: &[ServiceSpec],
        changes: Vec<Change>,
        targets: Targets,
    ) -> OperationId {
        let operation = self.operation();
        self.tell(Event::Model {
            operation,
            specs: specs.iter().cloned().map(Into::into).collect(),
            changes,
            targets,
            timeout: None,
        });
        operation
    }

    pub(super) fn command(&mut self, command: Command) -> OperationId {
        let operation = self.operation();
        self.tell(Event::Command {
            operation,
            command,
            timeout: None,
        });
        operation
    }

    pub(super) fn start(&mut self, service: &str) -> OperationId {
        self.command(Command::Start {
            services: vec![name(service)],
            done: BTreeSet::new(),
        })
    }

    pub(super) fn restart(&mut self, service: &str, cascade: bool) -> OperationId {
        self.command(Command::Restart {
            services: vec![name(service)],
            cascade,
            done: BTreeSet::new(),
        })
    }

    pub(super) fn stop(&mut self, service: &str) -> OperationId {
        self.stop_with(service, false, false)
    }

    pub(super) fn stop_with(&mut self, service: &str, cascade: bool, force: bool) -> OperationId {
        let (services, how) = (vec![name(service)], StopHow::Graceful);
        self.command(Command::Stop {
            services,
            cascade,
            force,
            how,
        })
    }

    pub(super) fn down(&mut self) -> OperationId {
        self.command(Command::Down {
            how: StopHow::Graceful,
        })
    }

    pub(super) fn key(&self, service: &str) -> ServiceKey {
        self.world.key(service).expect("a service of the world")
    }

    pub(super) fn at(&self, service: &str, slot: u16) -> InstanceKey {
        InstanceKey {
            service: self.key(service),
            slot,
        }
    }

    pub(super) fn view(&self, service: &str) -> ServiceView {
        self.world
            .service(self.key(service))
            .expect("a service of the world")
    }

    pub(super) fn state(&self, service: &str) -> ServiceState {
        self.view(service).state
    }

    pub(super) fn generation(&self, service: &str) -> Generation {
        self.view(service).instances[0].generation
    }

    /// The newest start of an instance.
    pub(super) fn start_effect(&self, at: InstanceKey) -> EffectId {
        let found = self.all.iter().rev().find_map(|effect| match effect {
            Effect::Start { id, instance, .. } if *instance == at => Some(*id),
            _ => None,
        });
        found.expect("it was started")
    }

    fn stop_effect(&self, at: InstanceKey) -> EffectId {
        let found = self.all.iter().rev().find_map(|effect| match effect {
            Effect::Stop { id, instance, .. } if *instance == at => Some(*id),
            _ => None,
        });
        found.expect("it was stopped")
    }

    pub(super) fn started(&mut self, service: &str) {
        let instance = self.at(service, 0);
        let effect = self.start_effect(instance);
        self.tell(Event::Started {
            effect,
            instance,
            pid: Some(7),
        });
    }

    pub(super) fn start_failed(&mut self, service: &str, cause: Failure) {
        let instance = self.at(service, 0);
        let effect = self.start_effect(instance);
        self.tell(Event::StartFailed {
            effect,
            instance,
            cause,
        });
    }

    pub(super) fn stopped(&mut self, service: &str) {
        let instance = self.at(service, 0);
        let effect = self.stop_effect(instance);
        self.tell(Event::Stopped {
            effect,
            instance,
            exit: Some(ExitStatus::Signal(15)),
        });
    }

    pub(super) fn resisted(&mut self, service: &str) {
        let instance = self.at(service, 0);
        let effect = self.stop_effect(instance);
        self.tell(Event::StopResisted {
            effect,
            instance,
            what: "pid 9".into(),
        });
    }

    pub(super) fn exited(&mut self, service: &str, code: i32) {
        let (instance, generation) = (self.at(service, 0), self.generation(service));
        let (exit, tail) = (ExitStatus::Code(code), vec!["last words".to_string()]);
        self.tell(Event::Exited {
            instance,
            generation,
            exit,
            left: None,
            tail,
        });
    }

    pub(super) fn ready(&mut self, service: &str) {
        let (instance, generation) = (self.at(service, 0), self.generation(service));
        self.tell(Event::Ready {
            instance,
            generation,
        });
    }

    pub(super) fn not_ready(&mut self, service: &str, evidence: &str) {
        let (instance, generation) = (self.at(service, 0), self.generation(service));
        self.tell(Event::NotReady {
            instance,
            generation,
            evidence: evidence.into(),
        });
    }

    pub(super) fn doomed(&mut self, service: &str) {
        let (instance, generation) = (self.at(service, 0), self.generation(service));
        let mut cause = Failure::new(Stage::Ready, "its health check fails");
        cause.tail = vec!["last words".to_string()];
        self.tell(Event::Doomed {
            instance,
            generation,
            cause,
        });
    }

    pub(super) fn observed(&mut self, found: &[(&str, u32, ObservedRun)]) {
        let services = self.world.services();
        let instances = found
            .iter()
            .map(|(service, generation, run)| ObservedInstance {
                instance: self.at(service, 0),
                generation: Generation(*generation),
                revision: None,
                run: run.clone(),
            });
        let instances = instances.collect();
        self.tell(Event::Observed {
            services,
            instances,
        });
    }

    /// A new supervisor with what this one saved.
    pub(super) fn restarted(&self) -> Self {
        let mut next = Self::new();
        next.now = self.now;
        next.tell(Event::Restored {
            services: self.world.saved(),
        });
        next
    }

    /// The timer that is set for this long and still runs, runs out.
    pub(super) fn time_out(&mut self, after: Millis) {
        let mut set: Vec<TimerId> = Vec::new();
        for effect in &self.all {
            match effect {
                Effect::SetTimer { id, after: time } if *time == after => set.push(*id),
                Effect::CancelTimer { id } => set.retain(|other| other != id),
                _ => {}
            }
        }
        let id = set.pop().expect("a timer of this length");
        self.now = self.now.plus(after);
        self.tell(Event::Timer { id });
    }

    /// The back-off timer that was set last runs out.
    pub(super) fn back_off(&mut self, service: &str) {
        let until = self.view(service).instances[0]
            .retry_at
            .expect("it backs off");
        self.time_out(until.since(self.now));
    }

    /// The services whose start is among the last effects.
    pub(super) fn starts(&self) -> Vec<String> {
        self.named(|effect| match effect {
            Effect::Start { instance, .. } => Some(*instance),
            _ => None,
        })
    }

    /// The services whose stop is among the last effects.
    pub(super) fn stops(&self) -> Vec<String> {
        self.named(|effect| match effect {
            Effect::Stop { instance, .. } => Some(*instance),
            _ => None,
        })
    }

    /// What else was said of services whose states are the same, by the last event.
    pub(super) fn more(&self) -> Vec<&str> {
        let more = self.effects.iter().filter_map(|effect| match effect {
            Effect::Message(told) => Some(told.message.as_str()),
            _ => None,
        });
        more.collect()
    }

    fn named(&self, which: fn(&Effect) -> Option<InstanceKey>) -> Vec<String> {
        let name = |at: InstanceKey| self.world.name(at.service).expect("a name").to_string();
        self.effects.iter().filter_map(which).map(name).collect()
    }

    pub(super) fn outcomes(&self, id: OperationId) -> Vec<Outcome> {
        let ended = |effect: &Effect| match effect {
            Effect::OperationEnded { operation, outcome } if *operation == id => {
                Some(outcome.clone())
            }
            _ => None,
        };
        self.all.iter().filter_map(ended).collect()
    }

    /// How an operation ended; it must have, once, or be held only until its members settle.
    pub(super) fn outcome(&mut self, id: OperationId) -> Outcome {
        if self.outcomes(id).is_empty() {
            self.time_out(SETTLE);
        }
        let [outcome] = self.outcomes(id).try_into().expect("it ended once");
        outcome
    }

    pub(super) fn kind(&mut self, id: OperationId) -> OutcomeKind {
        self.outcome(id).kind
    }
}

/// A process that runs since a time.
pub(super) fn running(since: u64) -> ObservedRun {
    ObservedRun::Running {
        pid: Some(7),
        since: Some(Millis(since)),
    }
}

pub(super) fn exited(code: i32) -> ObservedRun {
    ObservedRun::Exited {
        exit: ExitStatus::Code(code),
        left: None,
        tail: Vec::new(),
    }
}

pub(super) fn failure(reason: &'static str) -> Failure {
    Failure::new(Stage::Start, reason)
}
