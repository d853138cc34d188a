//! What the keeper has, and what follows from it.

use gantry_core::{Generation, InstanceId};
use gantry_driver::{DriverEvent, Observed, ObservedState};
use gantry_keeper::layout::Layout;
use gantry_keeper::protocol::{InstanceState, Listing, Phase, Request};

use super::events::{End, handle, time};
use super::slot::Alive;
use super::{Found, Link, Slot};
use crate::{logs, sentence, signal};

/// How many of its last lines come with an instance that is found to have ended.
const TAIL: usize = 20;

/// A listing in the words of the seam.
pub(crate) fn observed(layout: &Layout, listing: &Listing) -> Vec<Observed> {
    listing
        .instances
        .iter()
        .filter_map(|state| one(layout, state))
        .collect()
}

fn one(layout: &Layout, state: &InstanceState) -> Option<Observed> {
    let instance: InstanceId = state.instance.as_str().parse().ok()?;
    let pid = state.process.as_ref().map(|process| process.pid);
    let ended = state.ended_us.map(time);
    let since = time(state.started_us);
    Some(Observed {
        instance,
        generation: Generation(state.generation),
        revision: None,
        digest: None,
        state: match &state.phase {
            Phase::Running => ObservedState::Running {
                pid,
                since: Some(since),
            },
            Phase::Stopping { exit } => ObservedState::Stopping {
                pid: pid.filter(|_| exit.is_none()),
            },
            Phase::Exited { exit, tree_empty } => {
                let exit = sentence::status(exit, state.out_of_memory.as_ref());
                let tail = if exit.success() {
                    Vec::new()
                } else {
                    logs::tail(layout, &state.instance, Some(since), TAIL)
                };
                ObservedState::Exited {
                    exit,
                    at: ended,
                    left: !tree_empty,
                    tail,
                }
            }
            Phase::Stopped { exit } => ObservedState::Stopped {
                exit: Some(sentence::status(exit, None)),
                at: ended,
            },
            Phase::Failed { failure } if failure.interrupted => ObservedState::Stopped {
                exit: None,
                at: ended,
            },
            Phase::Failed { failure } => ObservedState::Failed {
                failure: sentence::start_failure(failure, None),
            },
        },
        ready: None,
        said: state
            .said
            .as_ref()
            .map(|said| Box::new(sentence::said(said))),
        handle: state.process.as_ref().map(handle),
        children: Vec::new(),
        proof: Some(sentence::proof(state.proof)),
        unguarded: state.unguarded || (state.adopted && state.lives()),
        warnings: sentence::not_applied(&state.not_applied),
    })
}

impl Link {
    /// What runs already when the session begins.
    pub(super) fn adopt(&mut self, listing: &Listing) {
        for state in listing.instances.iter().filter(|state| state.lives()) {
            if let Ok(instance) = state.instance.as_str().parse::<InstanceId>() {
                let slot = self.slots.entry(instance).or_default();
                if slot.alive.is_none() {
                    slot.alive = Some(Alive {
                        generation: Generation(state.generation),
                        since: Some(time(state.started_us)),
                        pid: state.process.as_ref().map(|process| process.pid),
                    });
                }
            }
        }
        if let Some(adopted) = self.adopted.take() {
            let all = listing.instances.iter();
            let instances = all.filter_map(|state| {
                let instance = state.instance.as_str().parse().ok()?;
                Some((instance, Generation(state.generation)))
            });
            let running = listing.jobs.iter().map(|state| &state.job);
            let found = Found {
                instances: instances.collect(),
                jobs: running.chain(self.ends.of_before()).cloned().collect(),
            };
            // Nobody waits for what a pair has that was started by this session.
            let _ = adopted.send(found);
        }
    }

    /// Nothing of an instance is to be left at this pair.
    pub(super) fn leave(&mut self, instance: &InstanceId, listing: Listing) {
        let name = instance.to_string();
        let of_it = listing.instances.into_iter();
        for state in of_it.filter(|state| state.instance.as_str() == name) {
            // Its leader is gone, or it would not be started again.
            self.tell(&if state.lives() {
                Request::Stop {
                    instance: state.instance,
                    generation: state.generation,
                    signal: signal::KILL,
                    grace_ms: 0,
                }
            } else {
                Request::Forget {
                    instance: state.instance,
                    generation: state.generation,
                }
            });
        }
        if self.slots.get(instance).is_some_and(Slot::is_idle) {
            self.slots.remove(instance);
        }
    }

    /// The requests of this instance whose end the keeper will not report are ended from what it has.
    pub(super) fn resolve(&mut self, instance: &InstanceId, listing: &Listing) {
        let name = instance.to_string();
        let states: Vec<&InstanceState> = listing
            .instances
            .iter()
            .filter(|state| state.instance.as_str() == name)
            .collect();
        self.resolve_starts(instance, &states);
        self.resolve_stops(instance, &states);
    }

    fn resolve_starts(&mut self, instance: &InstanceId, states: &[&InstanceState]) {
        let pending: Vec<Generation> = self.slots.get(instance).map_or_else(Vec::new, |slot| {
            let sent = slot.starts.iter().filter(|start| start.sent);
            sent.map(|start| start.generation).collect()
        });
        for generation in pending {
            let Some(state) = states.iter().find(|state| state.generation == generation.0) else {
                if states.iter().any(|state| state.generation > generation.0) {
                    self.lose_start(instance, generation, "a later start of it is known");
                }
                continue;
            };
            if let Phase::Failed { failure } = &state.phase {
                self.spawn_failed(instance, generation, failure);
                continue;
            }
            let process = state.process.as_ref().filter(|_| state.lives());
            let Some(process) = process else {
                // It was told to an earlier session. Only who observes can know what that means now.
                self.lose_start(instance, generation, "it has run and ended already");
                continue;
            };
            self.spawned(instance, generation, time(state.started_us), process, &[]);
            if let Phase::Exited { exit, .. } = &state.phase {
                let left = Some("a part of its tree is still alive".to_owned());
                let at = time(state.ended_us.unwrap_or(state.started_us));
                let name = state.instance.clone();
                let end = End {
                    at,
                    exit,
                    out_of_memory: state.out_of_memory,
                    left,
                    stopping: false,
                };
                self.exited(&name, instance, generation, end);
            }
        }
    }

    pub(super) fn lose_start(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        reason: &str,
    ) {
        if let Some(slot) = self.slots.get_mut(instance) {
            for start in slot.take_starts(|of| of == generation) {
                self.report(DriverEvent::Lost {
                    effect: start.effect,
                    instance: instance.clone(),
                    generation,
                    reason: reason.to_owned(),
                });
            }
        }
    }

    fn resolve_stops(&mut self, instance: &InstanceId, states: &[&InstanceState]) {
        let Some(stop) = self.slots.get(instance).and_then(|slot| slot.most_urgent()) else {
            return;
        };
        let (signal, grace, newest) = (stop.signal, stop.grace, stop.generation);
        let left = states
            .iter()
            .find(|state| state.generation <= newest.0 && state.lives());
        match left {
            Some(state) => {
                self.ask_stop_of(instance, Generation(state.generation), signal, grace);
            }
            None => self.over(instance, Generation(0), None, None),
        }
    }
}
