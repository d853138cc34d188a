//! A start is not done the moment a process exists.
//!
//! A service without probes is ready as soon as it runs, and whoever waits for it goes on at once.
//! But to tell a user that it is up, a moment must have passed: a program that ends right after its
//! start has failed, and `up` says so.

use std::time::Duration;

use gantry_api::{OperationKind, Outcome, ResultWord, ServiceFailure, Unfinished};
use gantry_core::{Desired, Kind, Millis, OperationId, ServiceKey, ServiceState, ServiceView};

use crate::dispatcher::Dispatcher;
use crate::inbox::Incoming;
use crate::wire;

/// How long something without probes must have run.
const MOMENT: Millis = Millis(50);

/// What is to be seen of one service yet.
enum Seen {
    /// It is up, or not asked to be.
    Fine,
    /// Something must happen first, or this time pass.
    Not(Option<Millis>),
    /// It has failed.
    Failed,
}

impl Dispatcher {
    /// Whether the end of this operation must wait for a moment; then [`Incoming::Settled`] comes.
    pub(super) fn settles(&mut self, id: OperationId, outcome: &Outcome) -> bool {
        let Some(operation) = self.operations.live.get(&id) else {
            return false;
        };
        let starts = matches!(
            operation.kind,
            OperationKind::Up | OperationKind::Start | OperationKind::Restart
        );
        if !starts || operation.ended || outcome.result != ResultWord::Done {
            return false;
        }
        self.operations.settling.insert(id, outcome.clone());
        self.settled(id);
        true
    }

    /// Look (again) whether an operation can end.
    pub(crate) fn settled(&mut self, id: OperationId) {
        let Some(operation) = self.operations.live.get(&id) else {
            self.operations.settling.remove(&id);
            return;
        };
        let begin = operation.begin;
        let limit = operation.timeout.map(Millis::to_duration);
        let late = limit.is_some_and(|limit| begin.elapsed() >= limit);
        let mut wait: Option<Millis> = None;
        let mut open: Vec<ServiceKey> = Vec::new();
        let mut failed: Vec<ServiceKey> = Vec::new();
        for name in &operation.services {
            let Some(key) = self.world.key(name) else {
                continue;
            };
            match self.seen(key) {
                Seen::Fine => {}
                Seen::Failed => failed.push(key),
                Seen::Not(rest) => {
                    open.push(key);
                    wait = wait.max(rest);
                }
            }
        }
        if failed.is_empty() && !open.is_empty() && !late {
            let rest = limit.map(|limit| limit.saturating_sub(begin.elapsed()));
            let rest = [wait.map(Millis::to_duration), rest]
                .into_iter()
                .flatten()
                .min();
            if let Some(rest) = rest {
                let outbox = self.outbox.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(rest.max(Duration::from_millis(1))).await;
                    let _ = outbox.send(Incoming::Settled(id));
                });
            }
            return;
        }
        let Some(mut outcome) = self.operations.settling.remove(&id) else {
            return;
        };
        if !failed.is_empty() {
            outcome = Outcome::new(ResultWord::Failed);
            outcome.failures = failed
                .into_iter()
                .filter_map(|key| self.fell(key))
                .collect();
        } else if late && !open.is_empty() {
            outcome = Outcome::new(ResultWord::NotReady);
            outcome.unfinished = open
                .into_iter()
                .filter_map(|key| self.is_open(key))
                .collect();
        }
        outcome.services = self.arrived(id, &outcome);
        self.end(id, outcome);
    }

    /// A service changed: look at the operations that wait for a moment.
    pub(crate) fn resettle(&self, service: &str) {
        for id in self.operations.settling.keys() {
            let operation = self.operations.live.get(id);
            if operation.is_some_and(|it| it.services.contains(service)) {
                let _ = self.outbox.send(Incoming::Settled(*id));
            }
        }
    }

    fn seen(&self, key: ServiceKey) -> Seen {
        let (Some(view), Some(spec)) = (self.world.service(key), self.world.spec(key)) else {
            return Seen::Fine;
        };
        // What has probes was waited for; a job has ended well.
        if spec.probed_ready || spec.kind == Kind::Job || view.desired == Desired::Stopped {
            return Seen::Fine;
        }
        match view.state {
            ServiceState::Running | ServiceState::Degraded => self.age(&view),
            ServiceState::Failed => Seen::Failed,
            ServiceState::Completed | ServiceState::Stopped | ServiceState::Unknown => Seen::Fine,
            _ => Seen::Not(None),
        }
    }

    fn age(&self, view: &ServiceView) -> Seen {
        let now = self.clock.now();
        let begins = view.instances.iter().filter_map(|it| it.started_at);
        let youngest = begins.max().unwrap_or_default();
        let age = now.since(youngest);
        if age >= MOMENT {
            Seen::Fine
        } else {
            Seen::Not(Some(MOMENT.since(age)))
        }
    }

    fn fell(&self, key: ServiceKey) -> Option<ServiceFailure> {
        let view = self.world.service(key)?;
        let failure = view.instances.iter().find_map(|it| it.failure.as_ref())?;
        Some(ServiceFailure {
            service: self.world.name(key)?.to_string(),
            state: wire::state(view.state),
            failure: self.told_failure(key, failure),
        })
    }

    fn is_open(&self, key: ServiceKey) -> Option<Unfinished> {
        let status = self.service_status(key)?;
        Some(Unfinished {
            service: status.name,
            state: status.state,
            waits_for: status.waits_for,
            message: status.message,
            tail: Vec::new(),
        })
    }
}
