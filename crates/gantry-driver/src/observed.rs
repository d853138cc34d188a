//! What a backend has.

use gantry_core::{Digest, ExitStatus, Failure, Generation, InstanceId, Revision};
use jiff::Timestamp;

use crate::{ChildStatus, Handle, Said};

/// One instance that the driver recorded as this stack's, or what is left of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Which.
    pub instance: InstanceId,
    /// Which start of it.
    pub generation: Generation,
    /// Which specification it was started from, where the backend keeps that.
    pub revision: Option<Revision>,
    /// The hash of that specification, where the backend keeps it.
    pub digest: Option<Digest>,
    /// How it is doing.
    pub state: ObservedState,
    /// Whether it is ready, where the backend decides that.
    pub ready: Option<bool>,
    /// What it has said of itself, if it has.
    pub said: Option<Box<Said>>,
    /// What is enough to find it again.
    pub handle: Option<Handle>,
    /// The parts that it has now.
    pub children: Vec<ChildStatus>,
    /// How it is known what belongs to it (`cgroup`, `lineage`, `marker`, `label`).
    pub proof: Option<&'static str>,
    /// Whether who keeps it was killed since it was started, so that its exit may remain unknown.
    pub unguarded: bool,
    /// What was asked for and could not be had, each with the reason.
    pub warnings: Vec<String>,
}

/// How an observed instance is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum ObservedState {
    /// It runs.
    Running {
        /// Its process, where it is one of this machine.
        pid: Option<u32>,
        /// Since when.
        since: Option<Timestamp>,
    },
    /// It is being stopped by someone's earlier request, and something of it is left.
    Stopping {
        /// Its process, if that still runs.
        pid: Option<u32>,
    },
    /// It ended because someone asked for that, and nothing of it is left. Reported so that its
    /// generation is not used again.
    Stopped {
        /// How, if it was running.
        exit: Option<ExitStatus>,
        /// When, if that is known.
        at: Option<Timestamp>,
    },
    /// It ended by itself.
    Exited {
        /// How.
        exit: ExitStatus,
        /// When, if that is known.
        at: Option<Timestamp>,
        /// Whether something of it is left, which a stop clears away.
        left: bool,
        /// The last lines of its output.
        tail: Vec<String>,
    },
    /// It could not be started.
    Failed {
        /// Why.
        failure: Failure,
    },
}
