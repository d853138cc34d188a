//! What a service offers its neighbours.

use super::service::{Run, Service};
use crate::spec::{Condition, Kind};
use crate::state::Desired;

/// How a condition of one service stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is met.
    Met,
    /// It may still come by itself.
    Pending,
    /// It cannot come unless someone does something.
    #[default]
    Impossible,
}

/// What the counters of the neighbours are made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Offer {
    started: Standing,
    ready: Standing,
    completed: Standing,
    /// Something of it may be running.
    pub(super) alive: bool,
    /// Something of it runs that is going down, so that what it needs waits with its own stop. One
    /// that resists does not count: it must not keep everything else up.
    pub(super) going_down: bool,
}

impl Offer {
    pub(super) fn standing(self, condition: Condition) -> Standing {
        match condition {
            Condition::Started => self.started,
            Condition::Ready => self.ready,
            Condition::Completed => self.completed,
        }
    }

    pub(super) fn of(service: &Service) -> Self {
        let alive = service.any_alive();
        let going_down = service.slots.iter().enumerate().any(|(number, slot)| {
            slot.alive()
                && (!service.wants(number) || service.outdated(slot))
                && slot.resists().is_none()
        });
        let (started, ready, completed) = conditions(service);
        Self {
            started,
            ready,
            completed,
            alive,
            going_down,
        }
    }
}

fn conditions(service: &Service) -> (Standing, Standing, Standing) {
    if service.desired == Desired::Stopped || service.spec.replicas == 0 {
        return (
            Standing::Impossible,
            Standing::Impossible,
            Standing::Impossible,
        );
    }
    let wanted = service.wanted_slots();
    // What is about to be replaced offers nothing: a dependent that was stopped for the same
    // replacement would start on the old one and see it go.
    if wanted.iter().any(|slot| service.outdated(slot)) {
        return (Standing::Pending, Standing::Pending, Standing::Pending);
    }
    let failed = wanted.iter().any(|slot| matches!(slot.run, Run::Failed));
    let otherwise = if failed || service.held() {
        Standing::Impossible
    } else {
        Standing::Pending
    };
    let met = |met: bool| if met { Standing::Met } else { otherwise };

    let completed = service.all_wanted(|slot| matches!(slot.run, Run::Completed));
    let started = service.all_wanted(|slot| matches!(slot.run, Run::Up(_) | Run::Completed));
    let ready = match service.spec.kind {
        // A job is never ready; who waits for that means its end.
        Kind::Job => met(completed),
        // One of it ended well by itself, and will not be ready again.
        Kind::Service if wanted.iter().any(|slot| matches!(slot.run, Run::Completed)) => {
            Standing::Impossible
        }
        Kind::Service => met(service.ready()),
    };
    (met(started), ready, met(completed))
}
