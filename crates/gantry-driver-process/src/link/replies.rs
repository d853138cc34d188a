//! What the keeper answers.

use gantry_core::{Failure, Generation, InstanceId, Stage};
use gantry_driver::{DriverError, DriverEvent};
use gantry_keeper::protocol::{JobName, Listing, Refusal, Reply, Request};

use super::{Asked, Link, ListFor};
use crate::signal;

impl Link {
    pub(super) fn reply(&mut self, asked: Asked, reply: Reply) {
        match asked {
            Asked::Spawn(instance, generation) => match reply {
                Reply::Known => self.resolve_later(instance),
                Reply::Refused(refusal) => self.spawn_refused(&instance, generation, &refusal),
                Reply::Done | Reply::Listing(_) => {}
            },
            Asked::Stop(instance, generation) => match reply {
                Reply::Refused(Refusal::NotFound { .. } | Refusal::Superseded { .. }) => {
                    self.resolve_later(instance);
                }
                Reply::Refused(refusal) => self.stop_refused(&instance, generation, &refusal),
                Reply::Done | Reply::Known | Reply::Listing(_) => {}
            },
            Asked::Job(name) => match reply {
                Reply::Known => self.ask(&Request::List, Asked::List(ListFor::Job(name))),
                Reply::Refused(refusal) => {
                    let error = DriverError::transient("job", "the keeper did not start the job")
                        .with_evidence(refusal.to_string());
                    self.end_job(&name, &Err(error));
                }
                Reply::Done | Reply::Listing(_) => {}
            },
            Asked::Signal(answer) => {
                // Whoever asked may have given up.
                let _ = answer.send(match reply {
                    Reply::Refused(refusal) => {
                        Err(DriverError::permanent("signal", refusal.to_string()))
                    }
                    _ => Ok(()),
                });
            }
            Asked::Release(service) => {
                if let Reply::Refused(refusal) = reply {
                    tracing::warn!(service, %refusal, "its sockets stay open");
                }
            }
            Asked::Shutdown(answer) => {
                // Whoever asked may have given up.
                let _ = answer.send(match reply {
                    Reply::Refused(refusal) => Err(refusal),
                    _ => Ok(()),
                });
            }
            Asked::List(purpose) => match reply {
                Reply::Listing(listing) => self.listed(purpose, listing),
                Reply::Refused(refusal) => tracing::error!(%refusal, "the keeper lists nothing"),
                Reply::Done | Reply::Known => {}
            },
        }
    }

    /// How the requests of this instance ended is seen from a listing.
    fn resolve_later(&mut self, instance: InstanceId) {
        if self.unresolved.is_empty() {
            self.ask(&Request::List, Asked::List(ListFor::Unresolved));
        }
        self.unresolved.push(instance);
    }

    fn spawn_refused(&mut self, instance: &InstanceId, generation: Generation, refusal: &Refusal) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        if let Refusal::NotOver {
            generation: earlier,
            ..
        } = refusal
            && slot.stops.is_empty()
        {
            // Its leader is gone, or it would not be started again; the rest of its tree goes too.
            for start in &mut slot.starts {
                start.sent &= start.generation != generation;
            }
            self.ask_stop_of(instance, Generation(*earlier), signal::KILL, 0);
            return;
        }
        for start in slot.take_starts(|of| of == generation) {
            let (effect, instance) = (start.effect, instance.clone());
            self.report(match refusal {
                Refusal::NotOver { .. } => DriverEvent::Cancelled {
                    effect,
                    instance,
                    generation,
                },
                Refusal::Superseded { .. } => DriverEvent::Lost {
                    effect,
                    instance,
                    generation,
                    reason: refusal.to_string(),
                },
                _ => {
                    let mut failure = Failure::new(
                        Stage::Start,
                        format!("failed to start: the keeper refused: {refusal}"),
                    );
                    failure.step = Some("keeper".into());
                    DriverEvent::StartFailed {
                        effect,
                        instance,
                        generation,
                        failure,
                    }
                }
            });
        }
    }

    fn stop_refused(&mut self, instance: &InstanceId, generation: Generation, refusal: &Refusal) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        for stop in slot.take_stops(|of| of >= generation) {
            self.report(DriverEvent::Lost {
                effect: stop.effect,
                instance: instance.clone(),
                generation: stop.generation,
                reason: format!("the keeper refused to stop it: {refusal}"),
            });
        }
    }

    fn listed(&mut self, purpose: ListFor, listing: Listing) {
        match purpose {
            ListFor::Session(reply) => {
                // Whoever asked may have given up.
                let _ = reply.send(listing);
            }
            ListFor::Unresolved => {
                let mut instances = std::mem::take(&mut self.unresolved);
                instances.sort_unstable();
                instances.dedup();
                for instance in instances {
                    self.resolve(&instance, &listing);
                }
            }
            ListFor::Job(name) => self.resolve_job(name, &listing),
            ListFor::Reachable => {
                self.reported_away = false;
                if let Some(pairs) = self.pairs.upgrade() {
                    pairs.back(self.layout.pair(), &listing);
                }
            }
            ListFor::Leave(instance) => self.leave(&instance, listing),
            ListFor::Shutdown(reply) => {
                // The next life of the stack counts its generations anew.
                for state in listing.instances {
                    if state.lives() {
                        continue;
                    }
                    self.tell(&Request::Forget {
                        instance: state.instance,
                        generation: state.generation,
                    });
                }
                self.slots.retain(|_, slot| !slot.is_idle());
                self.ask(&Request::Shutdown, Asked::Shutdown(reply));
            }
            ListFor::Adopt => self.adopt(&listing),
        }
    }

    /// A job of that name is known. If it runs, its end comes; if not, its end was told to an earlier
    /// session, and it is run anew.
    fn resolve_job(&mut self, name: JobName, listing: &Listing) {
        if listing.jobs.iter().any(|job| job.job == name) {
            return;
        }
        if let Some(end) = self.ends.before(&name) {
            self.job_ended(end, self.seen);
        } else if let Some(job) = self.jobs.get(&name) {
            let request = job.request.clone();
            self.ask(&request, Asked::Job(name));
        }
    }
}
