//! Telling what happened: to the event log, and to the operations that wait for it.

use gantry_api::{Awaited, Event, EventKind, OperationKind, Progress, ResultWord};
use gantry_core::{InstanceId, OperationId, ServiceKey, ServiceState, Transition, WaitsFor};
use gantry_driver::ChildName;
use jiff::Timestamp;

use crate::dispatcher::Dispatcher;
use crate::wire;

impl Dispatcher {
    pub(crate) fn tell(&mut self, transition: &Transition) {
        if transition.to != transition.from && rests(transition.to) {
            self.release(transition.service);
        }
        // What a new supervisor only finds again did not happen; what it finds fallen did.
        let fell = matches!(
            transition.to,
            ServiceState::Failed | ServiceState::Backoff | ServiceState::Degraded
        );
        if self.restoring && !fell {
            return;
        }
        let Some(name) = self.world.name(transition.service).cloned() else {
            return;
        };
        let failed = transition.to != transition.from
            && matches!(
                transition.to,
                ServiceState::Failed | ServiceState::Backoff | ServiceState::Stopping
            );
        let mut event = self.transition(name.to_string(), transition);
        let failure = failed.then(|| self.world.failure(transition.service));
        event.failure = failure.flatten().map(wire::failure);
        if matches!(transition.to, ServiceState::Waiting | ServiceState::Blocked) {
            event.waits_for = self.awaited(transition.service);
        }
        event.sequence = self.events.append(event.clone());
        self.tell_waiting(name.as_str(), event);
    }

    /// What else is to be said of a service whose state is the same. It is told to those who wait for the service, and is
    /// in no event log: there it would be one line for each answer of a probe.
    pub(crate) fn tell_more(&self, told: &Transition) {
        if let Some(name) = self.world.name(told.service) {
            let event = self.transition(name.to_string(), told);
            self.tell_waiting(name.as_str(), event);
        }
    }

    fn transition(&self, service: String, transition: &Transition) -> Event {
        Event {
            service: Some(service),
            from: Some(wire::state(transition.from)),
            to: Some(wire::state(transition.to)),
            ready: Some(transition.ready),
            operation: transition.operation.map(|operation| operation.0),
            ..self.event(EventKind::Transition, transition.message.to_string())
        }
    }

    /// Tell the operations that are about a service.
    fn tell_waiting(&self, service: &str, event: Event) {
        let event = Box::new(event);
        self.operations.tell(service, &Progress::Event { event });
    }

    /// What a service waits for, to start.
    fn awaited(&self, service: ServiceKey) -> Vec<Awaited> {
        let waits = self.world.waits_for(service).into_iter();
        let awaited = waits.filter_map(|wait| {
            let (other, part, condition) = match wait {
                WaitsFor::Condition {
                    service,
                    part,
                    condition,
                    ..
                } => (service, part, condition.as_str()),
                WaitsFor::Conflict { service } => (service, None, "stopped"),
                WaitsFor::Dependent { .. } => return None,
            };
            Some(Awaited {
                service: self.world.name(other)?.to_string(),
                part: part.map(|part| part.to_string()),
                condition: condition.to_owned(),
            })
        });
        awaited.collect()
    }

    /// Nothing of a service is to run for now: what is kept open for its next start is closed, so that
    /// nobody waits there for an answer.
    pub(crate) fn release(&self, service: ServiceKey) {
        if let Some(name) = self.world.name(service)
            && let Ok(target) = self.target_of(service)
            && let Some(session) = self.sessions.get(&target)
        {
            session.release(name);
        }
    }

    /// Something that someone should know.
    pub(crate) fn note(&mut self, instance: Option<&InstanceId>, message: String) {
        let mut event = self.event(EventKind::Note, message);
        event.service = instance.map(|instance| instance.service.to_string());
        event.instance = instance.map(ToString::to_string);
        event.sequence = self.events.append(event.clone());
        if let Some(service) = event.service.clone() {
            self.tell_waiting(&service, event);
        }
    }

    /// A backend tells of something that happened to a part. It changes nothing, so nobody who waits is told.
    pub(crate) fn happened(
        &mut self,
        instance: &InstanceId,
        child: &ChildName,
        at: Timestamp,
        text: String,
    ) {
        self.events.append(Event {
            service: Some(instance.service.to_string()),
            instance: Some(instance.to_string()),
            child: Some(child.to_string()),
            ..Event::new(EventKind::Backend, at, text)
        });
    }

    /// An operation began.
    pub(crate) fn tell_begin(&mut self, id: OperationId, kind: OperationKind, message: String) {
        let mut event = self.event(EventKind::OperationBegun, message);
        event.operation = Some(id.0);
        event.operation_kind = Some(kind);
        self.events.append(event);
    }

    /// An operation ended.
    pub(crate) fn tell_end(&mut self, id: OperationId, kind: OperationKind, result: ResultWord) {
        let message = format!("{} {}", kind.as_str(), words(result));
        let mut event = self.event(EventKind::OperationEnded, message);
        event.operation = Some(id.0);
        event.operation_kind = Some(kind);
        event.result = Some(result);
        self.events.append(event);
    }

    pub(crate) fn event(&self, kind: EventKind, message: String) -> Event {
        Event::new(kind, self.clock.wall(), message)
    }
}

/// Whether nothing of a service runs in this state, nor will before somebody asks for it.
fn rests(state: ServiceState) -> bool {
    matches!(
        state,
        ServiceState::Stopped | ServiceState::Failed | ServiceState::Completed
    )
}

fn words(result: ResultWord) -> &'static str {
    match result {
        ResultWord::Done => "done",
        ResultWord::Failed => "failed",
        ResultWord::NotReady => "not ready in time",
        ResultWord::Preflight => "not begun: something is missing",
        ResultWord::Refused => "refused",
        ResultWord::Cancelled => "cancelled",
    }
}
