//! How operations end.

use std::time::Duration;

use gantry_api::{
    EventKind, OperationKind, Outcome, Progress, ResultWord, ServiceFailure, Unfinished,
};
use gantry_core::{Command, Event, OperationId, OutcomeKind, Refusal, Stage, StopHow};
use gantry_driver::Close;

use crate::dispatcher::{Dispatcher, Phase};
use crate::inbox::Incoming;

/// How long sessions may take to remove what was made for the stack as a whole.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

impl Dispatcher {
    /// The world says that an operation has ended.
    pub(crate) fn operation_ended(&mut self, id: OperationId, outcome: &gantry_core::Outcome) {
        let told = self.outcome(outcome);
        let is_down = self
            .operations
            .live
            .get(&id)
            .is_some_and(|operation| operation.kind == OperationKind::Down);
        if is_down && outcome.kind == OutcomeKind::Done && self.world.is_at_rest() {
            self.operations.held.push((id, told));
            self.close();
        } else {
            self.end(id, told);
        }
    }

    /// Tell the end of an operation.
    pub(super) fn end(&mut self, id: OperationId, mut outcome: Outcome) {
        let Some(operation) = self.operations.live.get_mut(&id) else {
            return;
        };
        if !operation.ended {
            let took = operation.begin.elapsed().as_millis();
            outcome.duration_ms = u64::try_from(took).unwrap_or(u64::MAX);
            operation.ended = true;
            let words = format!("{} {}", operation.kind.as_str(), result(outcome.result));
            operation.send(Progress::Ended { outcome });
            self.tell_operation(EventKind::OperationEnded, id, words);
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
        let is_left = self.identity.foreground && !self.operations.is_held();
        if !is_left || self.phase != Phase::Serving {
            return;
        }
        let id = self.register(OperationKind::Down, None, false);
        let what = "down, since its client has gone".to_owned();
        self.tell_operation(EventKind::OperationBegun, id, what);
        self.queue.push_back(Event::Command {
            operation: id,
            command: Command::Down {
                how: StopHow::Graceful,
            },
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
        // that the stack is down.
        let host = self.sessions.host_target();
        let host = host.filter(|target| self.sessions.get(target).is_none());
        let opening = host.map(|target| {
            let opener = self.sessions.opener(&target, self.journal.handles());
            (target, opener)
        });
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            if let Some((target, opener)) = opening {
                match tokio::time::timeout(CLOSE_LIMIT, opener).await {
                    Ok(Ok(session)) => sessions.push((target, session)),
                    Ok(Err(error)) => tracing::warn!(%target, %error, "failed to open"),
                    Err(_) => tracing::warn!(%target, "did not open in time"),
                }
            }
            for (target, session) in sessions {
                let closed = tokio::time::timeout(CLOSE_LIMIT, session.close(Close::Down)).await;
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
        self.clean_up();
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
        for failure in failures {
            let key = self.world.key(failure.service.as_str());
            let view = key.and_then(|key| self.world.service(key));
            told.failures.push(ServiceFailure {
                service: failure.service.to_string(),
                state: view
                    .map(|view| crate::wire::state(view.state))
                    .unwrap_or_default(),
                failure: match key {
                    Some(key) => self.told_failure(key, &failure.cause),
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
            let evidence = status.instances.iter().map(|it| it.message.as_str());
            let evidence = evidence
                .filter(|it| !it.is_empty())
                .next()
                .unwrap_or_default();
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

fn result(word: ResultWord) -> &'static str {
    match word {
        ResultWord::Done => "done",
        ResultWord::Failed => "failed",
        ResultWord::NotReady => "not ready in time",
        ResultWord::Preflight => "not begun: something is missing",
        ResultWord::Refused => "refused",
        ResultWord::Cancelled => "cancelled",
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
