//! What the actor knows of one instance.

use gantry_core::{EffectId, ExitStatus, Generation};
use gantry_driver::StopPolicy;
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::look::Health;

/// One instance.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The newest generation that was stopped, or has ended.
    pub(super) floor: Generation,
    /// A start that is under way.
    pub(super) begun: Option<Begun>,
    /// Its container.
    pub(super) alive: Option<Alive>,
    /// Stops that have not ended.
    pub(super) stops: Vec<Stop>,
    /// Tells the stop that is under way to hurry.
    pub(super) stopping: Option<CancellationToken>,
    /// Containers that the engine spoke of while a start was under way.
    pub(super) early: Vec<String>,
}

/// A start that is under way.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(super) generation: Generation,
    pub(super) effects: Vec<EffectId>,
    /// Whether it is to become healthy: a job is to end.
    pub(super) awaited: bool,
    pub(super) give_up: CancellationToken,
}

/// A container that was started, or found.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent marks, not states of one machine"
)]
pub(crate) struct Alive {
    pub(super) generation: Generation,
    pub(super) id: String,
    pub(super) pid: Option<u32>,
    pub(super) made: Option<Timestamp>,
    pub(super) since: Option<Timestamp>,
    pub(super) health: Health,
    /// Whether it was started by this session, has not been healthy since, and is to become so.
    pub(super) awaited: bool,
    /// Who copies its output; taken by whoever waits for its end.
    pub(super) copier: Option<JoinHandle<()>>,
    /// Who has its health checked, where its engine does not.
    pub(super) checker: Option<AbortOnDropHandle<()>>,
    /// What was asked for and could not be had.
    pub(super) warnings: Vec<String>,
    /// Whether it has ended, and its last words are awaited.
    pub(super) ending: bool,
    /// Whether it is being looked at.
    pub(super) looking: bool,
    /// Whether there was news of it meanwhile.
    pub(super) again: bool,
}

/// A stop that has not ended.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(super) effect: EffectId,
    pub(super) generation: Generation,
    pub(super) policy: StopPolicy,
    pub(super) kill: bool,
}

/// How a container ended by itself.
#[derive(Debug)]
pub(crate) struct End {
    pub(super) exit: ExitStatus,
    pub(super) at: Timestamp,
    pub(super) since: Option<Timestamp>,
    pub(super) tail: Vec<String>,
}
