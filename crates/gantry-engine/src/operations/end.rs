//! How operations end.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::{OperationKind, Outcome, Progress, ResultWord, ServiceFailure, Unfinished};
use gantry_core::{Command, Event, OperationId, OutcomeKind, Refusal, Stage, StopHow};
use gantry_driver::Close;

use crate::dispatcher::{Dispatcher, Phase};
use crate::explain::Reader;
use crate::inbox::Incoming;

/// How many last lines are told of a service that did not get there.
const TAIL: usize = 10;

/// Of how many services at most.
const READERS: usize = 20;

/// How long a supervisor stays that was never asked for anything that could be begun.
const IDLE: Duration = Duration::from_secs(5);

/// How long sessions may take to remove what was made for the stack as a whole.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

impl Dispatcher {
    /// The world says that an operation has ended.
    pub(crate) fn operation_ended(&mut self, id: OperationId, outcome: &gantry_core::Outcome) {
        let mut told = self.outcome(outcome);
        told.services = self.arrived(id, &told);
        let is_down = self
            .operations
            .live
            .get(&id)
            .is_some_and(|operation| operation.kind == OperationKind::Down);
        if is_down && outcome.kind == OutcomeKind::Done && self.world.is_at_rest() {
            self.operations.held.push((id, told));
            self.close();
            return;
        }
        let readers = self.readers(&told);
        if readers.is_empty() {
            self.end(id, told);
            return;
        }
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            for (service, reader) in readers {
                let lines = reader.read(TAIL).await;
                let failures = told.failures.iter_mut();
                for failure in failures.filter(|it| it.service == service) {
                    failure.failure.tail.clone_from(&lines);
                }
                let unfinished = told.unfinished.iter_mut();
                for unfinished in unfinished.filter(|it| it.service == service) {
                    unfinished.tail.clone_from(&lines);
                }
            }
            let _ = outbox.send(Incoming::Tailed(id, Box::new(told)));
        });
    }

    /// The services that got where the operation wanted them, in start order.
    fn arrived(&self, id: OperationId, outcome: &Outcome) -> Vec<String> {
        let Some(operation) = self.operations.live.get(&id) else {
            return Vec::new();
        };
        let missed = |name: &str| {
            outcome.failures.iter().any(|it| it.service == name)
                || outcome.unfinished.iter().any(|it| it.service == name)
        };
        let names = self.world.services().into_iter();
        let names = names.filter_map(|key| self.world.name(key));
        let names = names.map(ToString::to_string);
        names
            .filter(|name| operation.services.contains(name) && !missed(name))
            .collect()
    }

    /// Where the last lines of those can be read that did not get there, and whose lines are not
    /// known yet.
    fn readers(&self, outcome: &Outcome) -> Vec<(String, Reader)> {
        let failures = outcome.failures.iter();
        let failures = failures.filter(|it| {
            matches!(
                it.failure.stage.as_str(),
                "ready" | "run" | "crash-loop" | "live"
            )
        });
        let silent = failures.filter(|it| it.failure.tail.is_empty());
        let unfinished = outcome
            .unfinished
            .iter()
            .filter(|it| it.waits_for.is_empty());
        let names = silent
            .map(|it| &it.service)
            .chain(unfinished.map(|it| &it.service));
        names
            .take(READERS)
            .filter_map(|name| {
                let key = self.world.key(name)?;
                Some((name.clone(), self.reader_of(key)?))
            })
            .collect()
    }

    /// Tell the end of an operation.
    pub(crate) fn end(&mut self, id: OperationId, mut outcome: Outcome) {
        let Some(operation) = self.operations.live.get_mut(&id) else {
            return;
        };
        if !operation.ended {
            let took = operation.begin.elapsed().as_millis();
            outcome.duration_ms = u64::try_from(took).unwrap_or(u64::MAX);
            operation.ended = true;
            let (kind, result) = (operation.kind, outcome.result);
            operation.send(Progress::Ended { outcome });
            self.tell_end(id, kind, result);
            self.calm.ended();
        }
        if !self.begun {
            let outbox = self.outbox.clone();
            tokio::spawn(async move {
                tokio::time::sleep(IDLE).await;
                let _ = outbox.send(Incoming::Idle);
            });
        }
        let stays = self
            .operations
            .live
            .get(&id)
            .is_some_and(|it| it.foreground);
        if !stays {
            self.operations.live.remove(&id);
        }
    }

    /// The client does not want to wait: what was begun goes on.
    pub(super) fn operations_end_early(&mut self, id: OperationId) {
        self.end(id, Outcome::new(ResultWord::Done));
    }

    /// The client of an operation is gone.
    pub(crate) fn client_gone(&mut self, id: OperationId) {
        let Some(operation) = self.operations.live.get_mut(&id) else {
            return;
        };
        operation.progress = None;
        let (foreground, ended) = (operation.foreground, operation.ended);
        operation.foreground = false;
        if ended {
            self.operations.live.remove(&id);
        }
        if foreground {
            self.forsaken();
        }
    }

    /// If the stack belonged to a client, and none is there any more, it goes down.
    pub(crate) fn forsaken(&mut self) {
        if self.identity.foreground && !self.operations.is_held() {
            self.take_down(StopHow::Graceful, "down, since its client has gone");
        }
    }

    /// Nothing could be begun, and nobody asked again: there is nothing to keep.
    pub(crate) fn idle(&mut self) {
        let busy = self.begun || !self.operations.live.is_empty();
        if !busy && self.strays.is_empty() && self.world.is_at_rest() {
            self.close();
        }
    }

    /// A signal asks for the end.
    pub(crate) fn interrupted(&mut self) {
        self.interruptions += 1;
        match self.interruptions {
            1 => self.take_down(StopHow::Graceful, "down, asked for by a signal"),
            _ => self.take_down(StopHow::Kill, "killed, asked for by a second signal"),
        }
    }

    /// Take the stack down without a client that waits for it.
    fn take_down(&mut self, how: StopHow, why: &str) {
        if self.phase != Phase::Serving {
            return;
        }
        let id = self.register(OperationKind::Down, None, false);
        self.tell_begin(id, OperationKind::Down, why.to_owned());
        self.queue.push_back(Event::Command {
            operation: id,
            command: Command::Down { how },
            timeout: None,
        });
    }

    /// Everything has stopped: remove what was made for the stack as a whole.
    fn close(&mut self) {
        if self.phase != Phase::Serving {
            return;
        }
        self.phase = Phase::Closing;
        self.probes.clear();
        let mut sessions = self.sessions.all();
        // The host's session is opened for its end, if nothing ever ran: whoever serves it must hear
        // that the stack is down. So is every one that may have data to remove.
        let mut targets: Vec<_> = self.sessions.host_target().into_iter().collect();
        if self.discard.is_anything() {
            let services = self.world.services().into_iter();
            targets.extend(services.filter_map(|service| self.target_of(service).ok()));
        }
        targets.sort_unstable();
        targets.dedup();
        targets.retain(|target| self.sessions.get(target).is_none());
        let opening: Vec<_> = targets
            .into_iter()
            .map(|target| {
                let opener = self.sessions.opener(&target, self.journal.handles());
                (target, opener)
            })
            .collect();
        let how = Close::Down(self.discard);
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            for (target, opener) in opening {
                match tokio::time::timeout(CLOSE_LIMIT, opener).await {
                    Ok(Ok(session)) => sessions.push((target, session)),
                    Ok(Err(error)) => tracing::warn!(%target, %error, "failed to open"),
                    Err(_) => tracing::warn!(%target, "did not open in time"),
                }
            }
            for (target, session) in sessions {
                // Whatever the world knows of has stopped.
                let left = crate::strays::end(Arc::clone(&session), |_| true).await;
                if !left.is_empty() {
                    tracing::error!(%target, ?left, "what nobody knows of could not be stopped");
                }
                let closed = tokio::time::timeout(CLOSE_LIMIT, session.close(how)).await;
                match closed {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!(%target, %error, "failed to close"),
                    Err(_) => tracing::warn!(%target, "did not close in time"),
                }
            }
            let _ = outbox.send(Incoming::Closed);
        });
    }

    /// All sessions are closed.
    pub(crate) fn closed(&mut self) {
        self.ports.release();
        self.secrets.clear();
        // The plan stays, with everything stopped: revisions and generations count on from it.
        self.identity.foreground = false;
        if self.begun {
            self.save_now();
        }
        for (id, outcome) in std::mem::take(&mut self.operations.held) {
            self.end(id, outcome);
        }
        self.phase = Phase::Down;
    }

    fn outcome(&self, outcome: &gantry_core::Outcome) -> Outcome {
        let preflight =
            |failure: &gantry_core::ServiceFailure| failure.cause.stage == Stage::Preflight;
        let word = match outcome.kind {
            OutcomeKind::Done => ResultWord::Done,
            OutcomeKind::Failed if outcome.failures.iter().any(preflight) => ResultWord::Preflight,
            OutcomeKind::Failed => ResultWord::Failed,
            OutcomeKind::NotReady => ResultWord::NotReady,
            OutcomeKind::Refused => ResultWord::Refused,
            OutcomeKind::Cancelled => ResultWord::Cancelled,
        };
        let mut told = Outcome::new(word);
        told.refusal = outcome.refusal.as_ref().map(ToString::to_string);
        told.hint = outcome.refusal.as_ref().and_then(hint);
        let mut failures: Vec<_> = outcome.failures.iter().collect();
        // Root causes first: what only waits for them comes after.
        failures.sort_by_key(|failure| failure.cause.stage == Stage::Dependency);
        let history = self.events.recent();
        for failure in failures {
            let key = self.world.key(failure.service.as_str());
            let view = key.and_then(|key| self.world.service(key));
            told.failures.push(ServiceFailure {
                service: failure.service.to_string(),
                state: view
                    .map(|view| crate::wire::state(view.state))
                    .unwrap_or_default(),
                failure: match key {
                    Some(key) => self.told_failure(key, &failure.cause, &history),
                    None => crate::wire::failure(&failure.cause),
                },
            });
        }
        for name in &outcome.unfinished {
            let Some(key) = self.world.key(name.as_str()) else {
                continue;
            };
            let Some(status) = self.service_status(key) else {
                continue;
            };
            let mut evidence = status.instances.iter().map(|it| it.message.as_str());
            let evidence = evidence.find(|it| !it.is_empty()).unwrap_or_default();
            let message = if status.message.is_empty() {
                evidence.to_owned()
            } else {
                status.message.clone()
            };
            told.unfinished.push(Unfinished {
                service: status.name,
                state: status.state,
                waits_for: status.waits_for,
                message,
                tail: Vec::new(),
            });
        }
        told
    }
}

fn hint(refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::DependentsRun { .. } => {
            Some("`--cascade` stops them too, `--force` does not care".into())
        }
        Refusal::Conflict { with, .. } => Some(format!("stop {with} first")),
        _ => None,
    }
}
