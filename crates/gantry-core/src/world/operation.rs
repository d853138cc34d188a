//! Operations: who waits for which services, and how it ends. Exactly once.
//!
//! A member *arrives* when it is where the operation wants it, or cannot get there. When the last one
//! has arrived, all are looked at again, because one that arrived early may have failed while another
//! was slow; what fell back is waited for once more. But not for ever: among several that end again and
//! again one is always down when the last one comes up, so after [`LOOKS`] looks those that do not
//! stay up are failures (an `up` of such services never ended). And because a service without a probe arrives in
//! the instant of its start, the end is held until such a one has been up for [`SETTLE`]: a program
//! that ends at once must not have been a success. Dependents are not held by this.

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

/// So long an instance without a readiness probe has to be up before an operation ends on it.
pub(super) const SETTLE: Millis = Millis(100);

/// So often the members are looked at again before one that does not stay up is a failure.
const LOOKS: u8 = 4;

/// An operation under way.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) members: Vec<(ServiceKey, Goal)>,
    /// How many members have not arrived. At zero all are looked at again.
    open: usize,
    /// How often some had fallen back when all were looked at.
    looks: u8,
    timer: Option<TimerId>,
    /// Runs while the end is held.
    pub(super) settle: Option<TimerId>,
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
        // What is asked for now may be the opposite of what a held operation has reached.
        let held = self
            .operations
            .iter()
            .filter(|(_, other)| other.settle.is_some());
        self.ending.extend(held.map(|(id, _)| *id));
        let timer = timeout.map(|after| self.set_timer(TimerTarget::Operation(id), after, out));
        let operation = Operation {
            open: members.len(),
            looks: 0,
            wants_up: members.iter().any(|(_, goal)| *goal == Goal::Up),
            members,
            timer,
            settle: None,
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
            if self.arrival(key, goal).is_none() {
                still.push((id, goal));
                continue;
            }
            let Some(operation) = self.operations.get_mut(&id) else {
                continue;
            };
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
                    return Some(Err(superseded("started by another command")));
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
            return Some(Err(superseded("stopped by another command")));
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

    /// The end was held for long enough.
    pub(super) fn settled(&mut self, id: OperationId) {
        if let Some(operation) = self.operations.get_mut(&id) {
            operation.settle = None;
            self.ending.push(id);
        }
    }

    /// Ends the operations whose members have all arrived, and still are where they arrived.
    pub(super) fn end_operations(&mut self, out: &mut Vec<Effect>) {
        for id in std::mem::take(&mut self.ending) {
            // An operation may be here twice, when its last member arrives as it is cancelled.
            let Some(operation) = self.operations.get(&id) else {
                continue;
            };
            let mut look = self.look_again(&operation.members);
            let early = operation.end;
            if early.is_none() && operation.looks >= LOOKS {
                self.give_up_on_unsteady(&mut look);
            }
            if early.is_none() && !look.open.is_empty() {
                self.wait_again(id, &look.open);
            } else if early.is_none() && look.settles > self.now {
                if operation.settle.is_none() {
                    let left = look.settles.since(self.now);
                    let timer = self.set_timer(TimerTarget::Settle(id), left, out);
                    if let Some(operation) = self.operations.get_mut(&id) {
                        operation.settle = Some(timer);
                    }
                }
            } else {
                self.end(id, look, early, out);
            }
        }
    }

    /// Where the members are now, whatever they were when they arrived.
    fn look_again(&self, members: &[(ServiceKey, Goal)]) -> Look {
        let mut look = Look {
            open: Vec::new(),
            failures: Vec::new(),
            settles: Millis(0),
        };
        for &(key, goal) in members {
            match self.arrival(key, goal) {
                None => look.open.push((key, goal)),
                Some(Err(failure)) => look.failures.push((key, failure)),
                Some(Ok(())) if goal == Goal::Up => {
                    look.settles = look.settles.max(self.services[key.index()].settles());
                }
                Some(Ok(())) => {}
            }
        }
        let rank = |key: ServiceKey| self.ranks.get(key.index()).copied();
        look.open.sort_by_key(|(key, _)| rank(*key));
        look.failures.sort_by_key(|(key, _)| rank(*key));
        look
    }

    /// Those that are not there because they end again and again will not be there at the next look.
    fn give_up_on_unsteady(&self, look: &mut Look) {
        let unsteady = |&(key, goal): &(ServiceKey, Goal)| {
            let slots = self.services[key.index()].wanted_slots();
            let slot = slots.iter().find(|slot| slot.attempts > 0)?;
            (goal == Goal::Up).then_some((key, slot))
        };
        let (given_up, open): (Vec<_>, Vec<_>) = std::mem::take(&mut look.open)
            .into_iter()
            .partition(|member| unsteady(member).is_some());
        look.open = open;
        for (key, slot) in given_up.iter().filter_map(unsteady) {
            let mut failure = match slot.failure.as_deref() {
                Some(last) => last.clone(),
                None => Failure::new(Stage::Run, "ended"),
            };
            failure.reason = format_smolstr!(
                "does not stay up: started again {} times, last: {}",
                slot.restarts,
                failure.reason
            );
            look.failures.push((key, failure));
        }
    }

    fn wait_again(&mut self, id: OperationId, open: &[(ServiceKey, Goal)]) {
        for &(key, goal) in open {
            let waiters = &mut self.services[key.index()].waiters;
            if !waiters.contains(&(id, goal)) {
                waiters.push((id, goal));
            }
        }
        if let Some(operation) = self.operations.get_mut(&id) {
            operation.open = open.len();
            operation.looks = operation.looks.saturating_add(1);
        }
    }

    fn end(
        &mut self,
        id: OperationId,
        look: Look,
        early: Option<OutcomeKind>,
        out: &mut Vec<Effect>,
    ) {
        let Some(operation) = self.operations.remove(&id) else {
            return;
        };
        for timer in [operation.timer, operation.settle].into_iter().flatten() {
            self.cancel_timer(timer, out);
        }
        for (key, _) in operation.members {
            self.services[key.index()]
                .waiters
                .retain(|(waiting, _)| *waiting != id);
        }
        let mut outcome = Outcome::new(look.kind(early));
        let name = |key: ServiceKey| self.services[key.index()].spec.name.clone();
        outcome.unfinished = look.open.into_iter().map(|(key, _)| name(key)).collect();
        let failed = |(key, cause)| ServiceFailure {
            service: name(key),
            cause,
        };
        outcome.failures = look.failures.into_iter().map(failed).collect();
        out.push(Effect::OperationEnded {
            operation: id,
            outcome,
        });
    }
}

/// Where the members of an operation are.
struct Look {
    open: Vec<(ServiceKey, Goal)>,
    failures: Vec<(ServiceKey, Failure)>,
    /// When the youngest member without a probe will have been up for long enough.
    settles: Millis,
}

impl Look {
    fn kind(&self, early: Option<OutcomeKind>) -> OutcomeKind {
        let early = early.filter(|_| !self.open.is_empty());
        if early == Some(OutcomeKind::Cancelled) {
            return OutcomeKind::Cancelled;
        }
        if self.failures.is_empty() {
            return early.unwrap_or(OutcomeKind::Done);
        }
        // Those that only wait for another are not what it ended for.
        let roots: Vec<Stage> = self
            .failures
            .iter()
            .map(|(_, failure)| failure.stage)
            .filter(|stage| *stage != Stage::Dependency)
            .collect();
        let all = |wanted: Stage| !roots.is_empty() && roots.iter().all(|stage| *stage == wanted);
        if all(Stage::Superseded) {
            OutcomeKind::Cancelled
        } else if all(Stage::Ready) {
            OutcomeKind::NotReady
        } else {
            OutcomeKind::Failed
        }
    }
}

impl Service {
    /// When its youngest instance will have been up for long enough to count; zero if it has a
    /// probe, which counts at once.
    fn settles(&self) -> Millis {
        if self.spec.probed_ready || self.spec.kind == Kind::Job {
            return Millis(0);
        }
        let settles = |slot: &Slot| match &slot.run {
            Run::Up(up) => up.been_ready.map(|since| since.plus(SETTLE)),
            _ => None,
        };
        self.wanted_slots()
            .iter()
            .filter_map(settles)
            .max()
            .unwrap_or_default()
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
