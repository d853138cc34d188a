//! What `status` and `explain` ask.

use smol_str::SmolStr;

use crate::failure::{ExitStatus, Failure};
use crate::ids::{Generation, InstanceKey, Millis, OperationId, Revision, ServiceKey};
use crate::spec::{Condition, ServiceSpec};
use crate::state::{Desired, ServiceState};

/// Something that a service waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitsFor {
    /// A dependency's condition.
    Condition {
        /// The dependency.
        service: ServiceKey,
        /// The part of it that is needed, if not all of it.
        part: Option<SmolStr>,
        /// What is waited for.
        condition: Condition,
        /// Whether it cannot come by itself: the dependency has failed, is blocked or is stopped.
        blocked: bool,
    },
    /// The end of a service that it conflicts with.
    Conflict {
        /// The other service.
        service: ServiceKey,
    },
    /// The end of a dependent, before it may itself be stopped.
    Dependent {
        /// The dependent.
        service: ServiceKey,
    },
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceView {
    /// Which.
    pub key: InstanceKey,
    /// Its state, in the words of services.
    pub state: ServiceState,
    /// Which start of it; zero before the first.
    pub generation: Generation,
    /// Which specification it was started from.
    pub revision: Revision,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it is up and its liveness probe, if any, has not failed.
    pub live: bool,
    /// Its process.
    pub pid: Option<u32>,
    /// When its last start began to run.
    pub started_at: Option<Millis>,
    /// How often it was started again after it ended by itself.
    pub restarts: u32,
    /// How it last ended.
    pub last_exit: Option<ExitStatus>,
    /// When the next start is due, in `backoff`.
    pub retry_at: Option<Millis>,
    /// What its readiness probe said last, while it is not ready.
    pub evidence: Option<SmolStr>,
    /// What resists being stopped.
    pub resists: Option<SmolStr>,
    /// Why it failed or ended last, until it is ready again.
    pub failure: Option<Failure>,
}

/// A part of a service that its backend shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildView {
    /// Its name.
    pub name: SmolStr,
    /// The backend's word for its state.
    pub state: SmolStr,
    /// Whether it has been started.
    pub started: bool,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it ended well, and was meant to.
    pub completed: bool,
    /// What is wrong with it, if something is.
    pub message: Option<SmolStr>,
}

impl ChildView {
    /// One that is ready, with the backend's word for that.
    pub fn ready(name: impl Into<SmolStr>, state: impl Into<SmolStr>) -> Self {
        Self {
            name: name.into(),
            state: state.into(),
            started: true,
            ready: true,
            completed: false,
            message: None,
        }
    }
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceView {
    /// Which.
    pub key: ServiceKey,
    /// Its state.
    pub state: ServiceState,
    /// What someone asked for last.
    pub desired: Desired,
    /// Which specification is wanted.
    pub revision: Revision,
    /// Whether all wanted instances are ready.
    pub ready: bool,
    /// Whether all wanted instances are live.
    pub live: bool,
    /// Whether it left the file, and is kept only until it has stopped.
    pub leaving: bool,
    /// Restarts of all its instances.
    pub restarts: u32,
    /// When the oldest of its instances that are alive began to run.
    pub started_at: Option<Millis>,
    /// How an instance of it last ended.
    pub last_exit: Option<ExitStatus>,
    /// What it waits for, to start or to stop.
    pub waits_for: Vec<WaitsFor>,
    /// The service whose failure or stop blocks it: the root, not the next in the chain.
    pub blocked_by: Option<ServiceKey>,
    /// The state in one line; empty when there is nothing to add to the state.
    pub message: SmolStr,
    /// The operation that last asked something of it.
    pub operation: Option<OperationId>,
    /// Its instances by slot.
    pub instances: Vec<InstanceView>,
    /// The parts that its backend shows.
    pub children: Vec<ChildView>,
}

/// What a list shows of a service.
#[derive(Debug, Clone)]
pub struct GlanceView<'a> {
    /// Its specification.
    pub spec: &'a ServiceSpec,
    /// Its state.
    pub state: ServiceState,
    /// Whether all wanted instances are ready.
    pub ready: bool,
    /// Restarts of all its instances.
    pub restarts: u32,
    /// When the oldest of its instances that are alive began to run.
    pub started_at: Option<Millis>,
    /// The state in one line; empty when there is nothing to add to the state.
    pub message: SmolStr,
    /// The parts that its backend shows.
    pub children: &'a [ChildView],
}

/// What a list shows of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceGlance {
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it has a process.
    pub runs: bool,
}

/// One link of the chain that explains why a service is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The service.
    pub service: ServiceKey,
    /// How far from the service that was asked about: 0 for itself.
    pub depth: u32,
    /// The service one nearer to the question that waits for this one, and for what.
    pub needed_by: Option<(ServiceKey, Condition)>,
    /// The part of it that is needed by that one, if not all of it.
    pub part: Option<SmolStr>,
    /// Its state.
    pub state: ServiceState,
    /// Whether it is ready.
    pub ready: bool,
    /// The state in one line.
    pub message: SmolStr,
    /// Its failure, if it has one.
    pub failure: Option<Failure>,
}
