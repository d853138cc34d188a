//! From a driver's words to the core's.

use std::collections::HashSet;

use gantry_core::{
    ChildView, Desired, Event, InstanceId, InstanceKey, ObservedInstance, ObservedRun, ServiceKey,
    ServiceState,
};
use gantry_driver::{ChildStatus, DriverEvent, Make, Observed, ObservedState, Target};
use smol_str::SmolStr;

use crate::book::Run;
use crate::clock::Clock;
use crate::dispatcher::Dispatcher;
use crate::effects::probes::BackendWord;

impl Dispatcher {
    /// A session reports.
    pub(super) fn driver_event(&mut self, target: &Target, event: DriverEvent) {
        let about = event.instance().map(|(instance, _)| instance.clone());
        let Some(id) = about else {
            match event {
                DriverEvent::Unreachable { reason } => {
                    let services = self.services_in(target);
                    self.note(None, format!("{target} cannot be reached: {reason}"));
                    self.queue.push_back(Event::BackendLost {
                        services,
                        reason: reason.into(),
                    });
                }
                DriverEvent::Reachable { observed } => {
                    let services = self.services_in(target);
                    self.take_observed(observed, services);
                }
                _ => {}
            }
            return;
        };
        let Some(instance) = self.key_of(&id) else {
            return;
        };
        if matches!(
            event,
            DriverEvent::StartFailed { .. }
                | DriverEvent::Stopped { .. }
                | DriverEvent::Exited { .. }
        ) {
            self.ended.push(instance);
        }
        if let Some(event) = self.about_instance(&id, instance, event) {
            self.queue.push_back(event);
        }
    }

    fn about_instance(
        &mut self,
        id: &InstanceId,
        instance: InstanceKey,
        event: DriverEvent,
    ) -> Option<Event> {
        Some(match event {
            DriverEvent::Started {
                effect,
                generation,
                pid,
                handle,
                warnings,
                at,
                ..
            } => {
                let run = self.book.run_mut(instance);
                if let Some(run) = run.filter(|run| run.generation == generation) {
                    run.since = Some(at);
                }
                if let Some(handle) = handle {
                    self.journal.note_handle(id, generation, handle);
                }
                // It was made afresh now; what crashes is started from what there is.
                if self.making.get(&id.service) == Some(&Make::Afresh) {
                    self.making.remove(&id.service);
                }
                for warning in &warnings {
                    self.note(Some(id), warning.clone());
                }
                if let Some(run) = self.book.run_mut(instance) {
                    run.warnings = warnings;
                }
                Event::Started {
                    effect,
                    instance,
                    pid,
                }
            }
            DriverEvent::StartFailed {
                effect, failure, ..
            } => Event::StartFailed {
                effect,
                instance,
                cause: failure,
            },
            DriverEvent::Stopped { effect, exit, .. } => Event::Stopped {
                effect,
                instance,
                exit,
            },
            DriverEvent::StopResisted { effect, what, .. } => Event::StopResisted {
                effect,
                instance,
                what,
            },
            DriverEvent::Updated {
                effect,
                generation,
                handle,
                ..
            } => {
                if let Some(handle) = handle {
                    self.journal.note_handle(id, generation, handle);
                }
                Event::Updated { effect, instance }
            }
            DriverEvent::UpdateFailed {
                effect, failure, ..
            } => Event::UpdateFailed {
                effect,
                instance,
                cause: failure,
            },
            // One that the world gave up is ignored by it; of any other nothing is known now.
            DriverEvent::Cancelled { effect, .. } | DriverEvent::Lost { effect, .. } => {
                Event::Lost { effect, instance }
            }
            DriverEvent::Exited {
                generation,
                exit,
                left,
                tail,
                ..
            } => Event::Exited {
                instance,
                generation,
                exit,
                left,
                tail,
            },
            DriverEvent::Restarted { count, exit, .. } => {
                let how = exit.map_or_else(String::new, |exit| format!(" after {exit}"));
                self.note(
                    Some(id),
                    format!("restarted by its backend{how} ({count} times)"),
                );
                return None;
            }
            DriverEvent::Ready { generation, .. } => {
                let events = self.backend_says(instance, generation, BackendWord::Ready);
                self.queue.extend(events);
                return None;
            }
            DriverEvent::NotReady {
                generation,
                evidence,
                ..
            } => {
                let word = BackendWord::NotReady(evidence.to_string());
                let events = self.backend_says(instance, generation, word);
                if events.is_empty() && self.is_starting(instance) {
                    // Nobody watches yet; what the start is at is told all the same.
                    return Some(Event::NotReady {
                        instance,
                        generation,
                        evidence,
                    });
                }
                self.queue.extend(events);
                return None;
            }
            DriverEvent::Said {
                generation, said, ..
            } => {
                let events = self.said(instance, generation, &said);
                self.queue.extend(events);
                return None;
            }
            DriverEvent::Addresses {
                generation,
                addresses,
                ..
            } => {
                self.book.put_addresses(instance, generation, addresses);
                return None;
            }
            DriverEvent::Doomed {
                generation,
                failure,
                ..
            } => {
                // The probes may still be asked: it is one of their two deciders, whatever follows.
                let word = BackendWord::NotReady(failure.to_string());
                let events = self.backend_says(instance, generation, word);
                self.queue.extend(events);
                Event::Doomed {
                    instance,
                    generation,
                    cause: failure,
                }
            }
            DriverEvent::Note { text, .. } => {
                self.note(Some(id), text);
                return None;
            }
            DriverEvent::Happened {
                child, at, text, ..
            } => {
                self.happened(id, &child, at, text);
                return None;
            }
            DriverEvent::Preparing {
                generation, text, ..
            } => {
                if let Some(text) = text {
                    self.note(Some(id), text);
                }
                Event::MoreTime {
                    instance,
                    generation,
                    wanted: self.world.spec(instance.service)?.start_timeout,
                }
            }
            DriverEvent::Child { child, .. } => child_event(instance.service, child),
            DriverEvent::Unreachable { .. } | DriverEvent::Reachable { .. } => return None,
        })
    }

    /// Whether its start has not ended.
    fn is_starting(&self, instance: InstanceKey) -> bool {
        let view = self.world.service(instance.service);
        let mut instances = view.into_iter().flat_map(|view| view.instances);
        instances.any(|one| one.key == instance && one.state == ServiceState::Starting)
    }

    pub(crate) fn key_of(&self, id: &InstanceId) -> Option<InstanceKey> {
        Some(InstanceKey {
            service: self.world.key(id.service.as_str())?,
            slot: id.slot,
        })
    }

    /// All services that run in a backend.
    pub(crate) fn services_in(&self, target: &Target) -> Vec<ServiceKey> {
        let services = self.world.services().into_iter();
        services
            .filter(|service| self.target_of(*service).as_ref() == Ok(target))
            .collect()
    }

    /// What a backend has, in the core's words. What is of other services is left out.
    pub(crate) fn take_observed(&mut self, observed: Vec<Observed>, services: Vec<ServiceKey>) {
        let asked: HashSet<_> = services.iter().copied().collect();
        let mut instances = Vec::with_capacity(observed.len());
        let mut then = Vec::new();
        for one in observed {
            let Some(instance) = self.key_of(&one.instance) else {
                continue;
            };
            if !asked.contains(&instance.service) {
                continue;
            }
            let noted = self.journal.get(&one.instance);
            let noted = noted.filter(|start| start.generation == one.generation);
            let revision = one.revision.or_else(|| noted.map(|start| start.revision));
            if let Some(handle) = one.handle {
                self.journal
                    .note_handle(&one.instance, one.generation, handle);
            }
            let children = one.children.into_iter();
            then.extend(children.map(|child| child_event(instance.service, child)));
            let generation = one.generation;
            let known = self.book.run(instance);
            if known.is_none_or(|run| run.generation < one.generation) {
                let latest = self.world.revision(instance.service).unwrap_or_default();
                self.book.put_run(
                    instance,
                    Run {
                        generation: one.generation,
                        revision: revision.unwrap_or(latest),
                        prepared: None,
                        membership: one.proof.map(SmolStr::new_static),
                        unguarded: one.unguarded,
                        since: match one.state {
                            ObservedState::Running { since, .. } => since,
                            _ => None,
                        },
                        said: None,
                        backend: self.first_word(instance, revision.unwrap_or(latest)),
                        warnings: one.warnings,
                    },
                );
            } else if let Some(run) = self.book.run_mut(instance) {
                run.unguarded = one.unguarded;
            }
            if !matches!(one.state, ObservedState::Running { .. }) {
                self.ended.push(instance);
            }
            if let Some(ready) = one.ready {
                let word = if ready {
                    BackendWord::Ready
                } else {
                    BackendWord::NotReady("its backend says that it is not ready".into())
                };
                then.extend(self.backend_says(instance, generation, word));
            }
            if let Some(said) = one.said {
                then.extend(self.said(instance, one.generation, &said));
            }
            instances.push(ObservedInstance {
                instance,
                generation,
                revision,
                run: observed_run(one.state),
            });
        }
        // What was stopped may be unknown to the backend by now; still its next start counts on from
        // its last: a generation never comes twice.
        let found: HashSet<_> = instances.iter().map(|one| one.instance).collect();
        for start in self.journal.all() {
            let Some(instance) = self.key_of(&start.instance) else {
                continue;
            };
            let rests = self.world.desired(instance.service) == Some(Desired::Stopped);
            if rests && !found.contains(&instance) && asked.contains(&instance.service) {
                instances.push(ObservedInstance {
                    instance,
                    generation: start.generation,
                    revision: Some(start.revision),
                    run: ObservedRun::Stopped,
                });
            }
        }
        self.queue.push_back(Event::Observed {
            services,
            instances,
        });
        // After it: they are about what it made known.
        self.queue.extend(then);
    }
}

fn observed_run(state: ObservedState) -> ObservedRun {
    match state {
        ObservedState::Running { pid, since } => ObservedRun::Running {
            pid,
            since: since.map(Clock::millis),
        },
        ObservedState::Stopping { pid } => ObservedRun::Stopping { pid },
        ObservedState::Stopped { .. } => ObservedRun::Stopped,
        ObservedState::Exited {
            exit, left, tail, ..
        } => ObservedRun::Exited {
            exit,
            left: left.then(|| SmolStr::new_static("processes that it started")),
            tail,
        },
        ObservedState::Failed { failure } => ObservedRun::NotStarted { cause: failure },
    }
}

fn child_event(service: ServiceKey, child: ChildStatus) -> Event {
    let name = SmolStr::new(child.name.as_str());
    let shown = child.state.map(|state| ChildView {
        name: name.clone(),
        state,
        started: child.started,
        ready: child.ready,
        completed: child.completed,
        message: child.message.map(SmolStr::new),
    });
    Event::Child {
        service,
        name,
        shown,
    }
}
