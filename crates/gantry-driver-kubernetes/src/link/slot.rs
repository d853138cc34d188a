//! What the actor knows of one instance.

use std::collections::{BTreeMap, HashMap};

use gantry_core::{Digest, EffectId, ExitStatus, Generation, Revision};
use gantry_driver::{Address, ChildName, ChildStatus, Recorded, StartRequest, StopPolicy};
use jiff::Timestamp;
use smol_str::SmolStr;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::apply::Marks;
use crate::forward::Forwards;
use crate::judge::{Blame, Errors};
use crate::record::Record;

/// One instance.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The newest generation that was stopped, or has ended.
    pub(super) floor: Generation,
    /// What was applied, and is there; or kept by a stop.
    pub(super) record: Option<Record>,
    /// A start or an update that is under way.
    pub(super) begun: Option<Begun>,
    /// What it was started from, or changed to, last.
    pub(super) from: Option<Recorded>,
    /// The revision that worked before the change that is under way, or not seen to work yet.
    pub(super) worked: Option<u32>,
    /// A start that waits for the end of another one, which has failed already.
    pub(super) next: Option<StartRequest>,
    /// What must be seen of what was applied before it says anything.
    pub(super) marks: Marks,
    /// What was told of this generation.
    pub(super) told: Told,
    /// The parts as they were told last.
    pub(super) children: BTreeMap<ChildName, ChildStatus>,
    /// The ways to it as they were told last.
    pub(super) addresses: Vec<Address>,
    /// Who copies the output of which container.
    pub(super) copiers: HashMap<String, AbortOnDropHandle<()>>,
    /// Ways from this machine to it.
    pub(super) forwards: Forwards,
    /// Stops that have not ended.
    pub(super) stops: Vec<Stop>,
    /// Tells the stop that is under way to hurry.
    pub(super) stopping: Option<CancellationToken>,
    /// Whether it has failed or ended, and its last words are awaited.
    pub(super) ending: bool,
    /// Since when each real error was seen.
    pub(super) errors: Errors,
    /// When it is judged again though nothing was told.
    pub(super) again: Option<Timestamp>,
}

/// A start or an update that is under way.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(super) generation: Generation,
    pub(super) effects: Vec<EffectId>,
    pub(super) work: Work,
    /// What ran before, if this is a change: that is what runs until it has ended.
    pub(super) before: Option<(Revision, Digest)>,
    pub(super) give_up: CancellationToken,
    /// The hooks.
    pub(super) blame: Blame,
}

/// What is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// A start, with a newer chart if there is one.
    Start { afresh: bool },
    /// A change as it runs.
    Update,
    /// The same, back to a revision that its backend keeps.
    Back(u32),
}

impl Work {
    /// Whether it changes what runs.
    pub(super) fn is_update(self) -> bool {
        !matches!(self, Self::Start { .. })
    }
}

/// What was told of a generation.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// That it was started.
    pub(super) started: bool,
    /// The last word about readiness.
    pub(super) word: Word,
    /// Whether it has been ready since it was started or changed.
    pub(super) been_ready: bool,
    /// What was told of its end.
    pub(super) fate: Fate,
}

/// What was told of an end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing.
    #[default]
    Open,
    /// That it will not become ready.
    Doomed,
    /// That it ended.
    Over,
}

/// What was told about readiness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Word {
    /// Nothing yet.
    #[default]
    None,
    Ready,
    NotReady(SmolStr),
}

/// A stop that has not ended.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(super) effect: EffectId,
    pub(super) generation: Generation,
    pub(super) policy: StopPolicy,
    pub(super) kill: bool,
}

/// How an instance ended or failed by itself.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) reason: SmolStr,
    /// `None`: it goes on, and will never be ready.
    pub(crate) exit: Option<ExitStatus>,
    pub(crate) tail: Vec<String>,
}

impl Slot {
    /// The start that runs, or is under way.
    pub(super) fn generation(&self) -> Option<Generation> {
        let begun = self.begun.as_ref().map(|begun| begun.generation);
        let record = self.record.as_ref().filter(|record| !record.stopped);
        begun.or(record.map(|record| record.generation))
    }
}
