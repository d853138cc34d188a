//! What the outside tells the world.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::effect::StopHow;
use crate::failure::{ExitStatus, Failure};
use crate::ids::{
    EffectId, Generation, InstanceKey, Millis, OperationId, Revision, ServiceKey, ServiceName,
    TimerId,
};
use crate::spec::ServiceSpec;
use crate::view::ChildView;
use crate::world::SavedService;

/// Which services an `up` is about. What they depend on comes along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Targets {
    /// All that start by themselves, and all that someone asked for. What left the file is removed.
    #[default]
    AutoStart,
    /// These only. Nothing else is touched, and nothing is removed.
    Named(Vec<ServiceName>),
}

/// What a changed specification needs, as the driver's diff says. Ordered by how much it takes.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeEffect {
    /// Nothing: the next start takes it up.
    None,
    /// Nothing of what runs: it is asked otherwise how it is.
    Watch,
    /// The driver can change what runs.
    InPlace,
    /// Stop, then start.
    #[default]
    Restart,
    /// Remove, then make anew.
    Recreate,
}

/// How one service's specification differs from what runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The service.
    pub service: ServiceName,
    /// What the difference needs.
    pub effect: ChangeEffect,
    /// The fields that differ, as a user would name them: `command`, `env.LOG`.
    pub fields: Vec<SmolStr>,
    /// Whether what it is made from differs, or what runs was changed by others, though the specification is the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
}

/// What someone may ask for, besides a new model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Start these and what they depend on. Failed ones are tried again.
    Start {
        /// The services.
        services: Vec<ServiceName>,
        /// Those instances that were started already when this was asked for before.
        done: BTreeSet<InstanceKey>,
    },
    /// Stop these, dependents first. Refused while others that depend on them run.
    Stop {
        /// The services.
        services: Vec<ServiceName>,
        /// Take the dependents along.
        cascade: bool,
        /// Do not care about dependents that run.
        force: bool,
        /// Politely or at once. [`StopHow::Kill`] does not wait for dependents either.
        how: StopHow,
    },
    /// Stop these, then start them again. Dependents that follow come along.
    Restart {
        /// The services.
        services: Vec<ServiceName>,
        /// Restart all running dependents too.
        cascade: bool,
        /// Those instances that were started already when this was asked for before.
        done: BTreeSet<InstanceKey>,
    },
    /// Stop everything, dependents first.
    Down {
        /// Politely or at once.
        how: StopHow,
    },
    /// Have so many instances.
    Scale {
        /// The service.
        service: ServiceName,
        /// How many.
        replicas: u16,
    },
    /// End that operation. What it has begun is finished, what it has not begun is dropped.
    Cancel {
        /// The operation to end.
        operation: OperationId,
    },
}

/// What a driver saw of one instance that it recorded as ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedInstance {
    /// Which.
    pub instance: InstanceKey,
    /// Which start of it.
    pub generation: Generation,
    /// Which specification it was started from, if the record tells.
    pub revision: Option<Revision>,
    /// Whether it runs.
    pub run: ObservedRun,
}

/// What an instance's restarts are decided by, so that a new supervisor decides as the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bad ends since it was last stable.
    pub attempts: u32,
    /// When it was started again, as far as that counts for the ceiling.
    pub recent: Vec<Millis>,
    /// Why it was given up, if it was: it is not tried again until someone asks.
    pub failed: Option<Box<Failure>>,
}

/// Whether an observed instance runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedRun {
    /// It runs.
    Running {
        /// Its process, where it is one of this machine.
        pid: Option<u32>,
        /// Since when, on the caller's clock.
        since: Option<Millis>,
    },
    /// A stop that nobody here asked for is under way, and something of it is left: the supervisor that
    /// did is gone.
    Stopping {
        /// Its process, if that still runs and is one of this machine.
        pid: Option<u32>,
    },
    /// It ended by itself.
    Exited {
        /// How.
        exit: ExitStatus,
        /// What of its tree is still alive. It is cleared away before the next start.
        left: Option<SmolStr>,
        /// The last lines of its output.
        tail: Vec<String>,
    },
    /// It was stopped because someone asked for that, and nothing of it is left. Reported so that
    /// the next start counts on from its generation.
    Stopped,
    /// It could not be started.
    NotStarted {
        /// Why.
        cause: Failure,
    },
}

impl ObservedRun {
    /// Whether something of it may be alive that has not ended by itself.
    pub(crate) fn lives(&self) -> bool {
        matches!(self, Self::Running { .. } | Self::Stopping { .. })
    }
}

/// One thing that happened.
///
/// Completions carry the id of the effect that they complete. Spontaneous news carry the generation
/// that they are about. Either is ignored when it is about something that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A supervisor starts: this is what the one before it had saved. Every instance is `unknown`
    /// until [`Event::Observed`] tells. Only meaningful as the first event of a world.
    Restored {
        /// The saved services, in their order.
        services: Vec<SavedService>,
    },
    /// What an earlier supervisor had noted of an instance. Right after [`Event::Restored`], and only for
    /// instances that are still wanted.
    Remembered {
        /// Which.
        instance: InstanceKey,
        /// What.
        memory: Memory,
    },
    /// `up`: this should be, from now on.
    Model {
        /// Who asks.
        operation: OperationId,
        /// The whole new model, in the order of the files.
        specs: Vec<Arc<ServiceSpec>>,
        /// How those that run differ from it. A changed digest without an entry restarts.
        changes: Vec<Change>,
        /// What to bring up.
        targets: Targets,
        /// After so long the operation ends as timed out; the services go on.
        timeout: Option<Millis>,
    },
    /// Someone asks for something.
    Command {
        /// Who asks.
        operation: OperationId,
        /// What.
        command: Command,
        /// After so long the operation ends as timed out; the services go on.
        timeout: Option<Millis>,
    },
    /// A start succeeded: it runs now.
    Started {
        /// The start.
        effect: EffectId,
        /// Which.
        instance: InstanceKey,
        /// Its process, where it is one of this machine.
        pid: Option<u32>,
    },
    /// A start failed; nothing of it is left.
    StartFailed {
        /// The start.
        effect: EffectId,
        /// Which.
        instance: InstanceKey,
        /// Why.
        cause: Failure,
    },
    /// A stop succeeded: nothing of that generation runs any more, nor ever will.
    Stopped {
        /// The stop.
        effect: EffectId,
        /// Which.
        instance: InstanceKey,
        /// How it ended, if it was still running.
        exit: Option<ExitStatus>,
    },
    /// A stop is resisted. It goes on: [`Event::Stopped`] may still come.
    StopResisted {
        /// The stop.
        effect: EffectId,
        /// Which.
        instance: InstanceKey,
        /// What is still alive, and what was tried.
        what: SmolStr,
    },
    /// A hook has ended.
    HookEnded {
        /// The hook's effect.
        effect: EffectId,
        /// Which.
        instance: InstanceKey,
        /// What it did wrong, if anything.
        failure: Option<Failure>,
    },
    /// An update in place succeeded.
    Updated {
        /// The update.
        effect: EffectId,
        /// Which.
        instance: InstanceKey,
    },
    /// An update in place failed; the instance runs as before.
    UpdateFailed {
        /// The update.
        effect: EffectId,
        /// Which.
        instance: InstanceKey,
        /// Why.
        cause: Failure,
    },
    /// The outcome of an effect cannot be known. The world asks to observe.
    Lost {
        /// The effect.
        effect: EffectId,
        /// Which.
        instance: InstanceKey,
    },
    /// It ended, by itself or as part of a stop. May come before its [`Event::Started`].
    Exited {
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
        /// How.
        exit: ExitStatus,
        /// What of its tree is still alive. It is cleared away before the next start.
        left: Option<SmolStr>,
        /// The last lines of its output.
        tail: Vec<String>,
    },
    /// It is ready (again). Thresholds were applied already.
    Ready {
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
    },
    /// It is not ready (any more, or still not): the evidence is kept for the message.
    NotReady {
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
        /// What was seen.
        evidence: SmolStr,
    },
    /// Its backend says that it will never become ready. If it has not been ready yet it is stopped, and has
    /// failed for this reason; of one that has been, nothing is concluded.
    Doomed {
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
        /// Why.
        cause: Failure,
    },
    /// Its liveness probe passes (again).
    Live {
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
    },
    /// Its liveness probe failed for good: it is restarted.
    NotLive {
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
        /// What was seen.
        evidence: SmolStr,
    },
    /// Another process of it counts as the whole now.
    Leader {
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
        /// That process.
        pid: u32,
    },
    /// It asks for time to become ready: so much from now, if it has not more than that anyway. Of one
    /// that has been ready, nothing is changed.
    MoreTime {
        /// Which.
        instance: InstanceKey,
        /// Which start of it.
        generation: Generation,
        /// How much.
        wanted: Millis,
    },
    /// A timer ran out.
    Timer {
        /// Which.
        id: TimerId,
    },
    /// The backend of these services cannot be reached.
    BackendLost {
        /// The services.
        services: Vec<ServiceKey>,
        /// What was seen.
        reason: SmolStr,
    },
    /// All that a backend has of these services: the answer to [`crate::Effect::Observe`], and what
    /// a driver tells after it reached its backend (again). A generation that is missing here will
    /// not come to life later.
    Observed {
        /// The services that were asked about, including those of which nothing was found.
        services: Vec<ServiceKey>,
        /// What was found.
        instances: Vec<ObservedInstance>,
    },
    /// A part of a service, as its backend shows it.
    Child {
        /// The service.
        service: ServiceKey,
        /// The part's name.
        name: SmolStr,
        /// How it is doing; `None` when it is gone.
        shown: Option<ChildView>,
    },
    /// A prerequisite is missing: the service fails without being tried.
    PreflightFailed {
        /// The operation that needed it.
        operation: OperationId,
        /// The service.
        service: ServiceKey,
        /// What is missing.
        cause: Failure,
    },
}
