//! What the actor knows of one instance.

use std::collections::BTreeMap;

use gantry_container_engine::state::Run;
use gantry_core::{EffectId, ExitStatus, Generation};
use gantry_driver::{ChildName, ChildStatus, StartRequest, StopPolicy};
use jiff::Timestamp;
use smol_str::SmolStr;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::judge::{Known, Standing};
use crate::look::Seen;
use crate::record::Record;

/// One instance.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The newest generation that was stopped, or has ended.
    pub(super) floor: Generation,
    /// What was noted of what runs.
    pub(super) record: Option<Record>,
    /// A start that is under way.
    pub(super) begun: Option<Begun>,
    /// A start that waits for the end of the one that is under way, which has failed already.
    pub(super) next: Option<StartRequest>,
    /// Its containers by their ids.
    pub(super) things: BTreeMap<String, Thing>,
    /// What was told of this generation.
    pub(super) told: Told,
    /// The parts as they were told last.
    pub(super) children: BTreeMap<ChildName, ChildStatus>,
    /// How the parts stand, for a start that brings them up one after the other.
    pub(super) standing: watch::Sender<BTreeMap<String, Standing>>,
    /// Stops that have not ended.
    pub(super) stops: Vec<Stop>,
    /// Tells the stop that is under way to hurry.
    pub(super) stopping: Option<CancellationToken>,
    /// Whether it has failed or ended, and its last words are awaited.
    pub(super) ending: bool,
}

/// A start that is under way.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(super) generation: Generation,
    pub(super) effects: Vec<EffectId>,
    pub(super) give_up: CancellationToken,
}

/// One container.
#[derive(Debug)]
pub(crate) struct Thing {
    pub(super) seen: Option<Seen>,
    /// It ended before the start that is under way.
    pub(super) old: bool,
    /// Who copies its output.
    pub(super) copier: Option<JoinHandle<()>>,
    /// The run of it whose output is, or was, copied.
    pub(super) copied: Option<Run>,
    /// Who runs its health check, where its engine does not.
    pub(super) checker: Option<AbortOnDropHandle<()>>,
    /// The number of the look that is under way.
    pub(super) looking: Option<u64>,
    /// Whether there was news of it meanwhile.
    pub(super) again: bool,
}

impl Thing {
    pub(super) fn unseen() -> Self {
        Self {
            seen: None,
            old: false,
            copier: None,
            copied: None,
            checker: None,
            looking: None,
            again: false,
        }
    }
}

/// What was told of a generation.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// That it was started.
    pub(super) started: bool,
    /// The last word about readiness.
    pub(super) word: Word,
    /// Whether it has been ready.
    pub(super) been_ready: bool,
    /// That it ended or failed.
    pub(super) over: bool,
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
    pub(super) reason: SmolStr,
    /// `None`: it runs, and will never be ready.
    pub(super) exit: Option<ExitStatus>,
    pub(super) at: Timestamp,
    pub(super) left: Option<SmolStr>,
    pub(super) tail: Vec<String>,
}

impl Slot {
    /// Whether a start is under way that has ended by all that was told, but whose command has not returned.
    pub(super) fn begun_is_over(&self) -> bool {
        self.begun.is_some() && self.told.over && self.stopping.is_none()
    }

    /// The start that it is about.
    pub(super) fn generation(&self) -> Option<Generation> {
        let begun = self.begun.as_ref().map(|begun| begun.generation);
        begun.or(self.record.as_ref().map(|record| record.generation))
    }

    /// All containers that were seen.
    pub(super) fn known(&self) -> Vec<Known<'_>> {
        let all = self.things.values();
        let all = all.filter_map(|thing| {
            let old = thing.old;
            thing.seen.as_ref().map(|seen| Known { seen, old })
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|known| (&known.seen.part, known.seen.number));
        all
    }

    /// What has ended by now is not this start's.
    pub(super) fn begin_anew(&mut self) {
        self.told = Told::default();
        for thing in self.things.values_mut() {
            let seen = thing.seen.as_ref();
            thing.old = seen.is_some_and(|seen| !matches!(seen.state.run, Run::Running { .. }));
        }
    }
}
