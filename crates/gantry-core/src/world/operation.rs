//! Operations: who waits for which services, and how it ends. Exactly once.

use smol_str::{SmolStr, format_smolstr};

use super::World;
use super::service::{Run, Service, Slot};
use super::timers::TimerTarget;
use crate::effect::Effect;
use crate::failure::{Failure, Stage};
use crate::ids::{Millis, OperationId, ServiceKey, TimerId};
use crate::outcome::{Outcome, OutcomeKind, Refusal, ServiceFailure};
use crate::spec::Kind;
use crate::state::Desired;

/// Where an operation wants a service to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// Ready; a job: completed.
    Up,
    /// Nothing alive.
    Down,
}

/// An operation under way.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) members: Vec<ServiceKey>,
    /// How many members have not got there. At zero it ends.
    open: usize,
    failures: Vec<(ServiceKey, Failure)>,
    timer: Option<TimerId>,
    end: Option<OutcomeKind>,
    wants_up: bool,
}

impl World {
    pub(super) fn refuse(id: OperationId, refusal: Refusal, out: &mut Vec<Effect>) {
        let mut outcome = Outcome::new(OutcomeKind::Refused);
        outcome.refusal = Some(refusal);
        out.push(Effect::OperationEnded {
            operation: id,
            outcome,
        });
    }

    pub(super) fn begin(
        &mut self,
        id: OperationId,
        members: Vec<(ServiceKey, Goal)>,
        timeout: Option<Millis>,
        out: &mut Vec<Effect>,
    ) {
        for &(key, goal) in &members {
            let service = &mut self.services[key.index()];
            service.operation = Some(id);
            service.waiters.push((id, goal));
            self.touch(key);
        }
        let timer = timeout.map(|after| self.set_timer(TimerTarget::Operation(id), after, out));
        let operation = Operation {
            open: members.len(),
            wants_up: members.iter().any(|(_, goal)| *goal == Goal::Up),
            members: members.into_iter().map(|(key, _)| key).collect(),
            failures: Vec::new(),
            timer,
            end: None,
        };
        if operation.open == 0 {
            self.ending.push(id);
        }
        self.operations.insert(id, operation);
    }

    /// Tells the operations that wait for a service, if it has got where they want it.
    pub(super) fn check_waiters(&mut self, key: ServiceKey) {
        if self.services[key.index()].waiters.is_empty() {
            return;
        }
        let waiters = std::mem::take(&mut self.services[key.index()].waiters);
        let mut still = Vec::new();
        for (id, goal) in waiters {
            let Some(arrival) = self.arrival(key, goal) else {
                still.push((id, goal));
                continue;
            };
            let Some(operation) = self.operations.get_mut(&id) else {
                continue;
            };
            if let Err(failure) = arrival {
                operation.failures.push((key, failure));
            }
            operation.open = operation.open.saturating_sub(1);
            if operation.open == 0 {
                self.ending.push(id);
            }
        }
        self.services[key.index()].waiters = still;
    }

    /// Whether the service is where an operation wants it, or cannot get there; `None`: not yet.
    fn arrival(&self, key: ServiceKey, goal: Goal) -> Option<Result<(), Failure>> {
        let service = &self.services[key.index()];
        match goal {
            Goal::Up => self.arrival_up(key, service),
            Goal::Down => {
                if service.desired == Desired::Running {
                    return Some(Err(superseded("it was asked to run")));
                }
                let mut alive = service.slots.iter().filter(|slot| slot.alive()).peekable();
                let Some(first) = alive.peek() else {
                    return Some(Ok(()));
                };
                let resisted = first.resists().map(resisting);
                alive
                    .all(|slot| slot.resists().is_some())
                    .then_some(resisted.map_or(Ok(()), Err))
            }
        }
    }

    fn arrival_up(&self, key: ServiceKey, service: &Service) -> Option<Result<(), Failure>> {
        if service.desired == Desired::Stopped {
            return Some(Err(superseded("it was asked to stop")));
        }
        if let Some(what) = service.slots.iter().find_map(Slot::resists) {
            return Some(Err(resisting(what)));
        }
        let wanted = service.wanted_slots();
        let failed = |slot: &&Slot| {
            matches!(slot.run, Run::Failed) || slot.update_failed == Some(service.revision)
        };
        if let Some(slot) = wanted.iter().find(failed) {
            let unknown = || Failure::new(Stage::Run, "failed");
            return Some(Err(slot
                .failure
                .as_deref()
                .cloned()
                .unwrap_or_else(unknown)));
        }
        let changing = |slot: &Slot| {
            service.outdated(slot)
                || service.to_update(slot)
                || matches!(&slot.run, Run::Up(up) if up.update.is_some())
        };
        if service.slots.iter().any(changing)
            || service.slots[wanted.len()..].iter().any(Slot::alive)
        {
            return None;
        }
        let job = service.spec.kind == Kind::Job;
        let there = |slot: &Slot| matches!(slot.run, Run::Completed) || (!job && slot.ready());
        if service.spec.replicas == 0 || service.all_wanted(there) {
            return Some(Ok(()));
        }
        if !service.held() {
            return None;
        }
        let mut failure = Failure::new(Stage::Dependency, self.message(key));
        let root = self
            .blocked_by(key)
            .map(|root| &self.services[root.index()]);
        failure.evidence = root
            .and_then(|root| root.slots.iter().find_map(|slot| slot.failure.as_ref()))
            .and_then(|failure| failure.evidence.clone());
        Some(Err(failure))
    }

    /// The time of an operation is over.
    pub(super) fn time_over(&mut self, id: OperationId) {
        if let Some(operation) = self.operations.get_mut(&id) {
            operation.timer = None;
            let kind = if operation.wants_up {
                OutcomeKind::NotReady
            } else {
                OutcomeKind::Failed
            };
            self.end_early(id, kind);
        }
    }

    /// Ends an operation although not all of its members are where it wants them.
    pub(super) fn end_early(&mut self, id: OperationId, kind: OutcomeKind) {
        if let Some(operation) = self.operations.get_mut(&id) {
            operation.end = Some(kind);
            self.ending.push(id);
        }
    }

    pub(super) fn end_operations(&mut self, out: &mut Vec<Effect>) {
        for id in std::mem::take(&mut self.ending) {
            // An operation may be here twice, when its last member arrives as it is cancelled.
            let Some(mut operation) = self.operations.remove(&id) else {
                continue;
            };
            if let Some(timer) = operation.timer {
                self.cancel_timer(timer, out);
            }
            let rank = |key: &ServiceKey| self.ranks.get(key.index()).copied();
            let mut unfinished = Vec::new();
            if operation.open > 0 {
                for &key in &operation.members {
                    let waiters = &mut self.services[key.index()].waiters;
                    let before = waiters.len();
                    waiters.retain(|(waiting, _)| *waiting != id);
                    if waiters.len() < before {
                        unfinished.push(key);
                    }
                }
            }
            unfinished.sort_by_key(rank);
            operation.failures.sort_by_key(|(key, _)| rank(key));
            let mut outcome = Outcome::new(kind(&operation));
            let name = |key: ServiceKey| self.services[key.index()].spec.name.clone();
            outcome.unfinished = unfinished.into_iter().map(name).collect();
            outcome.failures = operation
                .failures
                .into_iter()
                .map(|(key, cause)| ServiceFailure {
                    service: name(key),
                    cause,
                })
                .collect();
            out.push(Effect::OperationEnded {
                operation: id,
                outcome,
            });
        }
    }
}

fn kind(operation: &Operation) -> OutcomeKind {
    if operation.end == Some(OutcomeKind::Cancelled) && operation.open > 0 {
        return OutcomeKind::Cancelled;
    }
    let stage = |stage: Stage| move |(_, failure): &(ServiceKey, Failure)| failure.stage == stage;
    let failures = &operation.failures;
    if failures.is_empty() {
        return operation
            .end
            .filter(|_| operation.open > 0)
            .unwrap_or(OutcomeKind::Done);
    }
    let late = failures.iter().any(stage(Stage::Ready));
    let only_late = failures
        .iter()
        .all(|failure| stage(Stage::Ready)(failure) || stage(Stage::Dependency)(failure));
    if late && only_late {
        OutcomeKind::NotReady
    } else {
        OutcomeKind::Failed
    }
}

fn superseded(reason: &'static str) -> Failure {
    Failure::new(Stage::Superseded, SmolStr::new_static(reason))
}

fn resisting(what: &SmolStr) -> Failure {
    Failure::new(
        Stage::Stop,
        format_smolstr!("resists being stopped: {what}"),
    )
}
