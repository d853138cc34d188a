//! Telling what happened: to the event log, and to the operations that wait for it.

use gantry_api::{Event, EventKind, Progress};
use gantry_core::{InstanceId, OperationId, ServiceKey, ServiceState, Transition};

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
        let failure = failed
            .then(|| self.last_failure(transition.service))
            .flatten();
        let mut event = self.event(EventKind::Transition, transition.message.to_string());
        event.service = Some(name.to_string());
        event.from = Some(wire::state(transition.from));
        event.to = Some(wire::state(transition.to));
        event.ready = Some(transition.ready);
        event.operation = transition.operation.map(|operation| operation.0);
        event.failure = failure;
        event.sequence = self.events.append(event.clone());
        self.operations
            .tell(name.as_str(), &Progress::Event { event });
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

    fn last_failure(&self, service: ServiceKey) -> Option<gantry_api::Failure> {
        let view = self.world.service(service)?;
        let failure = view
            .instances
            .iter()
            .find_map(|instance| instance.failure.as_ref());
        failure.map(wire::failure)
    }

    /// Something that someone should know.
    pub(crate) fn note(&mut self, instance: Option<&InstanceId>, message: String) {
        let mut event = self.event(EventKind::Note, message);
        event.service = instance.map(|instance| instance.service.to_string());
        event.instance = instance.map(ToString::to_string);
        event.sequence = self.events.append(event.clone());
        if let Some(service) = event.service.clone() {
            self.operations.tell(&service, &Progress::Event { event });
        }
    }

    /// An operation began or ended.
    pub(crate) fn tell_operation(&mut self, kind: EventKind, id: OperationId, message: String) {
        let mut event = self.event(kind, message);
        event.operation = Some(id.0);
        self.events.append(event);
    }

    pub(crate) fn event(&self, kind: EventKind, message: String) -> Event {
        Event {
            sequence: 0,
            at: self.clock.wall(),
            kind,
            service: None,
            instance: None,
            from: None,
            to: None,
            ready: None,
            message,
            operation: None,
            failure: None,
        }
    }
}

/// Whether nothing of a service runs in this state, nor will before somebody asks for it.
fn rests(state: ServiceState) -> bool {
    matches!(
        state,
        ServiceState::Stopped | ServiceState::Failed | ServiceState::Completed
    )
}
