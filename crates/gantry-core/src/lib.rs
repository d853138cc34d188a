//! Ids, graph, life cycle, plan and back-off: the pure part that decides.
//!
//! Nothing here reads a file, a socket or a clock. The [`World`] holds the state of one stack; every
//! [`Event`] that the outside reports goes into [`World::apply`] together with the time, and comes
//! out as [`Effect`]s that someone else carries out. Given the same seed and the same events, a world
//! gives the same effects, which is what makes the simulation and every bug report repeatable.
//!
//! | module | what it fixes |
//! |---|---|
//! | [`ids`] | names, keys and counters |
//! | [`spec`] | what the core must know of a service, and nothing of how it runs |
//! | [`hook`] | commands before and after start and stop |
//! | [`signal`] | names of signals |
//! | [`state`] | the words of the life cycle and their table |
//! | [`graph`] | order, levels, cycles, closures |
//! | [`mod@plan`] | from what is to what should be, with a reason for every step |
//! | [`restart`] | restart policy, back-off and the crash-loop ceiling |
//! | [`event`], [`effect`], [`outcome`] | the language spoken with the outside |
//! | [`world`] | the machine |
//! | [`view`] | what `status` and `explain` ask |

pub mod effect;
pub mod event;
pub mod failure;
pub mod graph;
pub mod hook;
pub mod ids;
pub mod outcome;
pub mod plan;
pub mod restart;
pub mod signal;
#[cfg(any(test, feature = "simulation"))]
pub mod simulation;
pub mod spec;
pub mod state;
pub mod view;
pub mod world;

pub use effect::{Effect, StopHow, Transition};
pub use event::{
    Change, ChangeEffect, Command, Event, Memory, ObservedInstance, ObservedRun, Targets,
};
pub use failure::{ExitStatus, Failure, FailureKind, Stage};
pub use graph::{Graph, GraphError};
pub use hook::Hook;
pub use ids::{
    Digest, EffectId, Generation, InstanceId, InstanceKey, Millis, ModeName, NameError,
    OperationId, Revision, ServiceKey, ServiceName, TimerId,
};
pub use outcome::{Outcome, OutcomeKind, Refusal, ServiceFailure};
pub use plan::{Action, Phase, PlanError, Present, Reason, Step, plan};
pub use restart::{RestartPolicy, RestartWhen};
pub use spec::{Condition, Dependency, Kind, Origin, ServiceSpec};
pub use state::{Desired, ServiceState};
pub use view::{Cause, ChildView, GlanceView, InstanceGlance, InstanceView, ServiceView, WaitsFor};
pub use world::{SavedService, World};
