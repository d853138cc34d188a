//! What happens in the mock's backend as time goes by.

use std::sync::Arc;
use std::time::Duration;

use gantry_core::{EffectId, ExitStatus, Failure, Generation, Stage};
use smol_str::SmolStr;

use super::Shared;
use super::backend::{Backend, Key, Life};
use super::spec::millis;
use crate::{ChildName, ChildStatus, DriverEvent, OutputStream};

impl Shared {
    /// Does this after a time, unless the thing's life has changed by then.
    pub(super) fn later(
        self: &Arc<Self>,
        key: &Key,
        step: u64,
        after: Duration,
        act: impl FnOnce(&Arc<Self>, &mut Backend, &Key) + Send + 'static,
    ) {
        let (shared, key) = (Arc::clone(self), key.clone());
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let mut backend = shared.lock();
            if backend
                .things
                .get(&key)
                .is_some_and(|thing| thing.step == step)
            {
                act(&shared, &mut backend, &key);
            }
        });
    }

    /// The start delay is over.
    pub(super) fn come_to_life(self: &Arc<Self>, backend: &mut Backend, key: &Key) {
        let Some(spec) = backend.things.get(key).map(|thing| Arc::clone(&thing.spec)) else {
            return;
        };
        if let Some(reason) = &spec.start_error {
            let failures = backend.failures.entry(key.clone()).or_default();
            if spec.start_errors == 0 || *failures < spec.start_errors {
                *failures += 1;
                let mut failure = Failure::new(Stage::Start, format!("failed to start: {reason}"))
                    .kind(spec.start_error_kind);
                failure.step = Some("mock".into());
                fail_start(backend, key, &failure);
                return;
            }
        }
        *backend.starts.entry(key.clone()).or_default() += 1;
        self.run(backend, key);
        let Some(thing) = backend.things.get_mut(key) else {
            return;
        };
        let (generation, pid) = (thing.generation, thing.pid());
        let starts = std::mem::take(&mut thing.starts);
        let at = backend.now();
        for (session, effect) in starts {
            backend.answer(session, started(key, generation, effect, pid, at));
        }
        for name in &spec.children {
            backend.child(key, &child(name, "running"));
        }
    }

    /// It runs from now on, by our start or the backend's own.
    fn run(self: &Arc<Self>, backend: &mut Backend, key: &Key) {
        let (pid, since, step) = (backend.next_pid(), backend.now(), backend.next_step());
        let Some(thing) = backend.things.get_mut(key) else {
            return;
        };
        thing.life = Life::Running { pid, since };
        thing.step = step;
        thing.ready = false;
        let spec = Arc::clone(&thing.spec);
        for line in &spec.lines {
            backend.print(key, OutputStream::Stdout, line);
        }
        if let Some(time) = spec.run_for {
            self.later(key, step, millis(time), |shared, backend, key| {
                let Some(spec) = backend.things.get(key).map(|thing| Arc::clone(&thing.spec))
                else {
                    return;
                };
                for line in &spec.last_words {
                    backend.print(key, OutputStream::Stderr, line);
                }
                let exit = spec
                    .exit_signal
                    .map_or(ExitStatus::Code(spec.exit_code), ExitStatus::Signal);
                shared.end(backend, key, exit);
            });
        }
        if let Some(time) = spec.ready_after {
            self.later(key, step, millis(time), |_, backend, key| {
                backend.set_ready(key, true, "");
            });
            if let Some(more) = spec.unready_after {
                self.later(key, step, millis(time + more), |_, backend, key| {
                    backend.set_ready(key, false, "the mock is not ready any more");
                });
            }
        }
        if let Some(time) = spec.doomed_after {
            self.later(key, step, millis(time), |_, backend, key| backend.doom(key));
        }
        for late in spec.late_children.clone() {
            self.later(key, step, millis(late.after), move |_, backend, key| {
                backend.child(key, &child(&late.name, "running"));
            });
        }
    }

    /// It ended.
    pub(super) fn end(self: &Arc<Self>, backend: &mut Backend, key: &Key, exit: ExitStatus) {
        let (at, step) = (backend.now(), backend.next_step());
        let Some(thing) = backend.things.get_mut(key) else {
            return;
        };
        let (generation, spec) = (thing.generation, Arc::clone(&thing.spec));
        thing.life = Life::Ended {
            exit: exit.clone(),
            at,
            asked: !thing.stops.is_empty(),
        };
        thing.step = step;
        thing.ready = false;
        thing.children.clear();
        // Who has joined it looks what became of it.
        backend.printed.send_modify(|count| *count += 1);
        let Some(thing) = backend.things.get_mut(key) else {
            return;
        };
        if let Some(pause) = spec.restarts_itself
            && thing.stops.is_empty()
        {
            thing.restarts += 1;
            self.later(key, step, millis(pause), move |shared, backend, key| {
                shared.run(backend, key);
                backend.report_restart(key, exit);
            });
            return;
        }
        let stops = std::mem::take(&mut thing.stops);
        let message = match &exit {
            ExitStatus::Code(code) => format!("exited with code {code}"),
            ExitStatus::Signal(signal) => format!("killed by signal {signal}"),
            ExitStatus::Unknown(reason) => format!("ended, exit status unknown: {reason}"),
            exit @ ExitStatus::OutOfMemory { .. } => exit.sentence().to_string(),
        };
        let tail = match exit {
            ExitStatus::Code(0) => Vec::new(),
            _ => spec.last_words.clone(),
        };
        backend.report(
            key,
            &DriverEvent::Exited {
                instance: key.1.clone(),
                generation,
                exit: exit.clone(),
                at,
                message: message.into(),
                left: None,
                tail,
            },
        );
        for (session, effect, generation) in stops {
            backend.answer(
                session,
                stopped(key, generation, effect, Some(exit.clone())),
            );
        }
    }
}

impl Backend {
    /// A part shows or changes.
    pub(super) fn child(&mut self, key: &Key, child: &ChildStatus) {
        let Some(thing) = self.things.get_mut(key) else {
            return;
        };
        thing.children.retain(|known| known.name != child.name);
        if child.state.is_some() {
            thing.children.push(child.clone());
        }
        let generation = thing.generation;
        self.report(
            key,
            &DriverEvent::Child {
                instance: key.1.clone(),
                generation,
                child: child.clone(),
            },
        );
    }

    /// The backend says whether it is ready.
    pub(super) fn set_ready(&mut self, key: &Key, ready: bool, evidence: &str) {
        let Some(thing) = self.things.get_mut(key) else {
            return;
        };
        thing.ready = ready;
        let (instance, generation) = (key.1.clone(), thing.generation);
        let event = if ready {
            DriverEvent::Ready {
                instance,
                generation,
            }
        } else {
            DriverEvent::NotReady {
                instance,
                generation,
                evidence: evidence.into(),
            }
        };
        self.report(key, &event);
    }

    /// The backend gives it up.
    fn doom(&mut self, key: &Key) {
        let Some(thing) = self.things.get(key) else {
            return;
        };
        let mut failure = Failure::new(Stage::Ready, "its image does not exist");
        failure.tail.clone_from(&thing.spec.last_words);
        let (instance, generation) = (key.1.clone(), thing.generation);
        self.report(
            key,
            &DriverEvent::Doomed {
                instance,
                generation,
                failure,
            },
        );
    }

    fn report_restart(&self, key: &Key, exit: ExitStatus) {
        if let Some(thing) = self.things.get(key) {
            self.report(
                key,
                &DriverEvent::Restarted {
                    instance: key.1.clone(),
                    generation: thing.generation,
                    pid: thing.pid(),
                    count: thing.restarts,
                    exit: Some(exit),
                },
            );
        }
    }
}

fn fail_start(backend: &mut Backend, key: &Key, failure: &Failure) {
    let Some(thing) = backend.things.remove(key) else {
        return;
    };
    for (session, effect) in thing.starts {
        backend.answer(
            session,
            DriverEvent::StartFailed {
                effect,
                instance: key.1.clone(),
                generation: thing.generation,
                failure: failure.clone(),
            },
        );
    }
    for (session, effect, generation) in thing.stops {
        backend.answer(session, stopped(key, generation, effect, None));
    }
}

pub(super) fn started(
    key: &Key,
    generation: Generation,
    effect: EffectId,
    pid: Option<u32>,
    at: jiff::Timestamp,
) -> DriverEvent {
    DriverEvent::Started {
        effect,
        instance: key.1.clone(),
        generation,
        pid,
        at,
        handle: None,
        warnings: Vec::new(),
    }
}

pub(super) fn stopped(
    key: &Key,
    generation: Generation,
    effect: EffectId,
    exit: Option<ExitStatus>,
) -> DriverEvent {
    DriverEvent::Stopped {
        effect,
        instance: key.1.clone(),
        generation,
        exit,
        proof: Some(SmolStr::new_static("nothing is left (by mock)")),
    }
}

fn child(name: &SmolStr, state: &'static str) -> ChildStatus {
    ChildStatus {
        name: ChildName::new(name),
        state: Some(SmolStr::new_static(state)),
        started: true,
        ready: true,
        completed: false,
        message: None,
    }
}
