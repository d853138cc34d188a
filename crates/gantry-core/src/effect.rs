//! What the world asks the outside to do.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::hook::Hook;
use crate::ids::{
    EffectId, Generation, InstanceKey, Millis, OperationId, Revision, ServiceKey, TimerId,
};
use crate::outcome::Outcome;
use crate::state::ServiceState;

/// How an instance is stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopHow {
    /// Its stop signal, its grace, then the whole tree.
    #[default]
    Graceful,
    /// The whole tree at once.
    Kill,
}

/// A service, or one of its readiness flags, changed. Feeds the event stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The service.
    pub service: ServiceKey,
    /// The state before.
    pub from: ServiceState,
    /// The state now; the same as before when only readiness changed.
    pub to: ServiceState,
    /// Whether it is ready now.
    pub ready: bool,
    /// Why, in one line; empty when the state says it all.
    pub message: SmolStr,
    /// The operation that last asked something of the service, if one did.
    pub operation: Option<OperationId>,
}

/// One thing to do.
///
/// `Start`, `Stop` and `Update` each end in exactly one terminal event with the same id (or `Lost`).
/// A `Stop` overtakes the `Start` of the same generation: the start is cancelled, and once the stop
/// has ended that generation never comes to life. A later `Stop` of the same generation (a kill)
/// replaces an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Start this instance.
    Start {
        /// The id that the completion carries.
        id: EffectId,
        /// Which.
        instance: InstanceKey,
        /// Which start of it. Idempotent: the same generation is never started twice.
        generation: Generation,
        /// Which specification to start from.
        revision: Revision,
        /// Whether what an earlier generation left in the backend is to be removed first.
        recreate: bool,
    },
    /// Stop this instance, if it runs, until nothing of it is left.
    Stop {
        /// The id that the completion carries.
        id: EffectId,
        /// Which.
        instance: InstanceKey,
        /// Which start of it, and all earlier ones.
        generation: Generation,
        /// Which specification it was started from, as far as that is known.
        revision: Revision,
        /// Politely or at once.
        how: StopHow,
    },
    /// Run a hook of this instance. Ends in one [`crate::Event::HookEnded`], unless it is cancelled.
    /// Idempotent: asked again for the same generation, the one that runs or has run well answers.
    RunHook {
        /// The id that the completion carries.
        id: EffectId,
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
        /// Which specification has the hook.
        revision: Revision,
        /// Which hook.
        hook: Hook,
    },
    /// Kill that hook. Nobody waits for its end any more.
    CancelHook {
        /// The hook's effect.
        id: EffectId,
    },
    /// Bring a running instance to this specification without a restart.
    Update {
        /// The id that the completion carries.
        id: EffectId,
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
        /// The specification to bring it to.
        revision: Revision,
    },
    /// Watch the probes of this instance, and report as `Ready`, `NotReady`, `Live`, `NotLive`.
    WatchProbes {
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
        /// Which specification has the probes.
        revision: Revision,
        /// Readiness (a startup probe counts as part of it).
        ready: bool,
        /// Liveness.
        live: bool,
    },
    /// Stop watching.
    UnwatchProbes {
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
    },
    /// What was changed as it ran has not become ready in time: a backend that can takes the change back.
    OutOfTime {
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
    },
    /// Say again what the backend has of these services, as [`crate::Event::Observed`].
    Observe {
        /// The services.
        services: Vec<ServiceKey>,
    },
    /// Send [`crate::Event::Timer`] after this time.
    SetTimer {
        /// The timer.
        id: TimerId,
        /// The time from now.
        after: Millis,
    },
    /// Forget that timer. One that comes anyway is ignored.
    CancelTimer {
        /// The timer.
        id: TimerId,
    },
    /// Tell everyone who listens.
    Transition(Transition),
    /// Tell whoever waits for the service: nothing but the message is another.
    Message(Transition),
    /// The service left the file and nothing of it is left: forget what is kept about it.
    Removed {
        /// The service.
        service: ServiceKey,
    },
    /// What should be saved ([`crate::World::saved`]) changed. Comes before the effects that rely on
    /// it, so that what is running is never more than what was saved.
    Save,
    /// The operation has ended. Comes exactly once for each.
    OperationEnded {
        /// Which.
        operation: OperationId,
        /// How.
        outcome: Outcome,
    },
}
