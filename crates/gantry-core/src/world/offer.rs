//! What a service offers its neighbours.

use super::service::{Run, Service, Slot};
use crate::spec::{Condition, Kind};
use crate::state::Desired;
use crate::view::ChildView;

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

/// How the conditions of a service, or of a part of one, stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    started: Standing,
    ready: Standing,
    completed: Standing,
}

/// What the counters of the neighbours are made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Offer {
    /// Of the service as a whole.
    pub(super) conditions: Conditions,
    /// Something of it may be running.
    pub(super) alive: bool,
    /// Something of it runs that is going down, so that what it needs waits with its own stop. One
    /// that resists does not count: it must not keep everything else up.
    pub(super) going_down: bool,
}

impl Conditions {
    const IMPOSSIBLE: Self = Self::all(Standing::Impossible);
    const PENDING: Self = Self::all(Standing::Pending);

    const fn all(standing: Standing) -> Self {
        Self {
            started: standing,
            ready: standing,
            completed: standing,
        }
    }

    pub(super) fn standing(self, condition: Condition) -> Standing {
        match condition {
            Condition::Started => self.started,
            Condition::Ready => self.ready,
            Condition::Completed => self.completed,
        }
    }

    /// Those of a part of a service. One that its backend has not shown when the whole is ready will not show.
    pub(super) fn of_part(service: &Service, part: Option<&ChildView>) -> Self {
        let conditions = match otherwise(service) {
            Ok(otherwise) => otherwise,
            Err(conditions) => return conditions,
        };
        let there =
            |slot: &Slot| matches!(slot.run, Run::Starting { .. } | Run::Up(_) | Run::Completed);
        match part {
            Some(part) if service.wanted_slots().iter().all(there) => {
                let met = |met| if met { Standing::Met } else { conditions };
                Self {
                    started: met(part.started),
                    ready: met(part.ready || part.completed),
                    completed: met(part.completed),
                }
            }
            None if service.ready() => Self::IMPOSSIBLE,
            _ => Self::all(conditions),
        }
    }
}

impl Offer {
    pub(super) fn of(service: &Service) -> Self {
        let alive = service.any_alive();
        let going_down = service.slots.iter().enumerate().any(|(number, slot)| {
            slot.alive()
                && (!service.wants(number) || service.outdated(slot))
                && slot.resists().is_none()
        });
        Self {
            conditions: conditions(service),
            alive,
            going_down,
        }
    }
}

/// How a condition stands that is not met; or all of them, where that does not depend on what is met.
fn otherwise(service: &Service) -> Result<Standing, Conditions> {
    if service.desired == Desired::Stopped || service.spec.replicas == 0 {
        return Err(Conditions::IMPOSSIBLE);
    }
    let wanted = service.wanted_slots();
    // What is about to be replaced offers nothing: a dependent that was stopped for the same
    // replacement would start on the old one and see it go.
    if wanted.iter().any(|slot| service.outdated(slot)) {
        return Err(Conditions::PENDING);
    }
    let failed = wanted.iter().any(|slot| matches!(slot.run, Run::Failed));
    Ok(if failed || service.held() {
        Standing::Impossible
    } else {
        Standing::Pending
    })
}

fn conditions(service: &Service) -> Conditions {
    let otherwise = match otherwise(service) {
        Ok(otherwise) => otherwise,
        Err(conditions) => return conditions,
    };
    let wanted = service.wanted_slots();
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
    Conditions {
        started: met(started),
        ready,
        completed: met(completed),
    }
}
