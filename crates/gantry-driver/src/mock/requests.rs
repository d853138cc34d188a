//! What sessions ask of the mock's backend.

use std::sync::Arc;

use gantry_core::{EffectId, ExitStatus, Failure, FailureKind, Stage, StopHow};

use super::Shared;
use super::backend::{Backend, Held, Key, Life, Thing};
use super::life::{started, stopped};
use super::spec::{MockSpec, millis};
use crate::{DriverEvent, StartRequest, StopRequest, UpdateRequest};

impl Shared {
    pub(super) fn start(
        self: &Arc<Self>,
        backend: &mut Backend,
        session: u64,
        request: StartRequest,
    ) {
        let Some(open) = backend.sessions.get(&session) else {
            return;
        };
        let key: Key = (open.stack.clone(), request.instance.clone());
        let group = open.group.clone();
        if !backend.is_reachable(&group) {
            backend.held.push(Held::Start(session, request));
            return;
        }
        let (effect, generation) = (request.effect, request.generation);
        let instance = request.instance.clone();
        backend.makes.insert(key.clone(), request.make);
        if backend
            .floors
            .get(&key)
            .is_some_and(|floor| generation <= *floor)
        {
            backend.answer(session, cancelled(&key, generation, effect));
            return;
        }
        let spec = match MockSpec::read(&request.from.spec) {
            Ok(spec) => Arc::new(spec),
            Err(error) => {
                let reason = format!("failed to start: {error}");
                let failure = Failure::new(Stage::Start, reason).kind(FailureKind::Permanent);
                backend.answer(
                    session,
                    DriverEvent::StartFailed {
                        effect,
                        instance,
                        generation,
                        failure,
                    },
                );
                return;
            }
        };
        if let Some(thing) = backend.things.get_mut(&key) {
            if thing.generation == generation {
                // The same start again: it waits with the first, or is told how that ended.
                match thing.life {
                    Life::Starting => thing.starts.push((session, effect)),
                    Life::Running { pid, since } => {
                        let event = started(&key, generation, effect, Some(pid), since);
                        backend.answer(session, event);
                    }
                    Life::Ended { .. } => backend.answer(
                        session,
                        lost(&key, generation, effect, "it has run and ended already"),
                    ),
                }
                return;
            }
            if thing.generation > generation {
                let event = lost(&key, generation, effect, "a later start of it is known");
                backend.answer(session, event);
                return;
            }
            // Never two at once: an earlier one that lives makes way.
            if thing.lives() {
                let of = thing.generation;
                let overtaken = std::mem::take(&mut thing.starts);
                for (session, effect) in overtaken {
                    backend.answer(session, cancelled(&key, of, effect));
                }
                self.end(backend, &key, ExitStatus::Signal(9));
            }
        }
        let step = backend.next_step();
        let delay = millis(spec.start_delay);
        backend.things.insert(
            key.clone(),
            Thing {
                group,
                generation,
                revision: request.from.revision,
                digest: request.from.digest,
                spec,
                settings: request.from.settings,
                life: Life::Starting,
                ready: false,
                restarts: 0,
                children: Vec::new(),
                starts: vec![(session, effect)],
                stops: Vec::new(),
                step,
            },
        );
        self.later(&key, step, delay, |shared, backend, key| {
            shared.come_to_life(backend, key);
        });
    }

    pub(super) fn stop(
        self: &Arc<Self>,
        backend: &mut Backend,
        session: u64,
        request: StopRequest,
    ) {
        let Some(open) = backend.sessions.get(&session) else {
            return;
        };
        let key: Key = (open.stack.clone(), request.instance.clone());
        let group = open.group.clone();
        let floor = backend.floors.entry(key.clone()).or_default();
        *floor = (*floor).max(request.generation);
        if !backend.is_reachable(&group) {
            backend.held.push(Held::Stop(session, request));
            return;
        }
        let (effect, generation) = (request.effect, request.generation);
        let step = backend.next_step();
        let thing = backend.things.get_mut(&key);
        let Some(thing) = thing.filter(|thing| thing.lives() && thing.generation <= generation)
        else {
            // A backend that would have restarted it by itself does not any more.
            if let Some(thing) = backend.things.get_mut(&key).filter(|thing| !thing.lives()) {
                thing.step = step;
            }
            backend.answer(session, stopped(&key, generation, effect, None));
            return;
        };
        if thing.life == Life::Starting {
            let starts = std::mem::take(&mut thing.starts);
            let of = thing.generation;
            backend.things.remove(&key);
            for (session, effect) in starts {
                backend.answer(session, cancelled(&key, of, effect));
            }
            backend.answer(session, stopped(&key, generation, effect, None));
            return;
        }
        thing.stops.push((session, effect, generation));
        let (spec, current) = (Arc::clone(&thing.spec), thing.step);
        let policy = request
            .from
            .as_ref()
            .map_or(&thing.settings, |from| &from.settings);
        let grace = policy.stop.grace;
        match request.how {
            StopHow::Graceful if spec.ignore_stop => {
                self.later(&key, current, grace, Self::kill);
            }
            StopHow::Graceful => {
                let time = millis(spec.stop_delay).min(grace);
                let killed = millis(spec.stop_delay) > grace;
                self.later(&key, current, time, move |shared, backend, key| {
                    if killed {
                        Self::kill(shared, backend, key);
                    } else {
                        shared.end(backend, key, ExitStatus::Signal(15));
                    }
                });
            }
            StopHow::Kill => Self::kill(self, backend, &key),
        }
    }

    /// Kills it, which may take a while.
    fn kill(shared: &Arc<Self>, backend: &mut Backend, key: &Key) {
        let Some(thing) = backend.things.get(key) else {
            return;
        };
        if thing.spec.resist_kill == 0 {
            shared.end(backend, key, ExitStatus::Signal(9));
            return;
        }
        for (session, effect, generation) in &thing.stops {
            backend.answer(
                *session,
                DriverEvent::StopResisted {
                    effect: *effect,
                    instance: key.1.clone(),
                    generation: *generation,
                    what: "1 process is still alive: the mock resists".into(),
                },
            );
        }
        let (step, time) = (thing.step, millis(thing.spec.resist_kill));
        shared.later(key, step, time, |shared, backend, key| {
            shared.end(backend, key, ExitStatus::Signal(9));
        });
    }

    pub(super) fn update(backend: &mut Backend, session: u64, request: UpdateRequest) {
        let Some(open) = backend.sessions.get(&session) else {
            return;
        };
        let key: Key = (open.stack.clone(), request.instance.clone());
        if !backend.is_reachable(&open.group) {
            backend.held.push(Held::Update(session, request));
            return;
        }
        let (effect, generation) = (request.effect, request.generation);
        let thing = backend.things.get_mut(&key);
        let result = match (thing, MockSpec::read(&request.to.spec)) {
            (_, Err(error)) => Err(error.to_string()),
            (Some(thing), Ok(spec)) if thing.lives() && thing.generation == generation => {
                if let Some(reason) = spec.update_error {
                    Err(reason)
                } else {
                    thing.spec = Arc::new(spec);
                    thing.settings = request.to.settings;
                    thing.revision = request.to.revision;
                    thing.digest = request.to.digest;
                    Ok(())
                }
            }
            _ => Err("it does not run".to_owned()),
        };
        let instance = request.instance;
        backend.answer(
            session,
            match result {
                Ok(()) => DriverEvent::Updated {
                    effect,
                    instance,
                    generation,
                    handle: None,
                },
                Err(reason) => DriverEvent::UpdateFailed {
                    effect,
                    instance,
                    generation,
                    failure: Failure::new(Stage::Update, reason),
                },
            },
        );
    }

    /// Gives up a start that has not come to life, or a request that is held back.
    pub(super) fn cancel(backend: &mut Backend, session: u64, effect: EffectId) {
        let found = backend.things.iter_mut().find_map(|(key, thing)| {
            let place = thing
                .starts
                .iter()
                .position(|one| *one == (session, effect))?;
            thing.starts.remove(place);
            Some((key.clone(), thing.generation, thing.starts.is_empty()))
        });
        if let Some((key, generation, alone)) = found {
            if alone {
                backend.things.remove(&key);
            }
            backend.answer(session, cancelled(&key, generation, effect));
            return;
        }
        let held = backend.held.iter().position(|held| {
            (session, effect)
                == match held {
                    Held::Start(of, request) => (*of, request.effect),
                    Held::Stop(of, request) => (*of, request.effect),
                    Held::Update(of, request) => (*of, request.effect),
                }
        });
        if let Some(place) = held {
            let (instance, generation) = match backend.held.remove(place) {
                Held::Start(_, request) => (request.instance, request.generation),
                Held::Stop(_, request) => (request.instance, request.generation),
                Held::Update(_, request) => (request.instance, request.generation),
            };
            backend.answer(
                session,
                DriverEvent::Cancelled {
                    effect,
                    instance,
                    generation,
                },
            );
        }
    }
}

fn cancelled(key: &Key, generation: gantry_core::Generation, effect: EffectId) -> DriverEvent {
    DriverEvent::Cancelled {
        effect,
        instance: key.1.clone(),
        generation,
    }
}

pub(super) fn lost(
    key: &Key,
    generation: gantry_core::Generation,
    effect: EffectId,
    reason: &str,
) -> DriverEvent {
    DriverEvent::Lost {
        effect,
        instance: key.1.clone(),
        generation,
        reason: reason.to_owned(),
    }
}
