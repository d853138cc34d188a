//! What the mock's backend has.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use gantry_core::{Digest, EffectId, ExitStatus, Generation, InstanceId, Revision};
use jiff::Timestamp;
use smol_str::SmolStr;
use tokio::sync::watch;
use tokio::time::Instant;

use super::output::Output;
use super::spec::MockSpec;
use crate::{ChildStatus, DriverEvent, EventSink, Make, Observed, ObservedState, Settings};

/// The beginning of time, for a clock that begins anew with every backend.
const EPOCH: i64 = 1_767_225_600;

/// Names an instance in the whole backend: other stacks have theirs in it too.
pub(super) type Key = (SmolStr, InstanceId);

/// Everything.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(super) things: BTreeMap<Key, Thing>,
    pub(super) sessions: HashMap<u64, Open>,
    pub(super) last_session: u64,
    /// Nothing up to this generation comes to life any more.
    pub(super) floors: HashMap<Key, Generation>,
    /// How often each was started, and how often its start failed.
    pub(super) starts: HashMap<Key, u32>,
    pub(super) failures: HashMap<Key, u32>,
    /// Groups that cannot be reached, and why.
    pub(super) unreachable: HashMap<SmolStr, String>,
    /// What was asked of them meanwhile.
    pub(super) held: Vec<Held>,
    pub(super) outputs: BTreeMap<Key, Output>,
    /// Changes whenever something is printed.
    pub(super) printed: watch::Sender<u64>,
    /// What would be made from something else by now, and how each was made last.
    pub(super) outdated: HashMap<Key, SmolStr>,
    pub(super) makes: HashMap<Key, Make>,
    begun: Option<Instant>,
    last_pid: u32,
    last_step: u64,
}

impl Default for Backend {
    fn default() -> Self {
        Self {
            things: BTreeMap::new(),
            sessions: HashMap::new(),
            last_session: 0,
            floors: HashMap::new(),
            starts: HashMap::new(),
            failures: HashMap::new(),
            unreachable: HashMap::new(),
            held: Vec::new(),
            outputs: BTreeMap::new(),
            printed: watch::Sender::new(0),
            outdated: HashMap::new(),
            makes: HashMap::new(),
            begun: None,
            last_pid: 1000,
            last_step: 0,
        }
    }
}

/// An open session.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) stack: SmolStr,
    pub(super) group: SmolStr,
    pub(super) events: EventSink,
}

/// A request that came while the backend was unreachable.
#[derive(Debug)]
pub(super) enum Held {
    Start(u64, crate::StartRequest),
    Stop(u64, crate::StopRequest),
    Update(u64, crate::UpdateRequest),
}

/// One instance.
#[derive(Debug)]
pub(super) struct Thing {
    pub(super) group: SmolStr,
    pub(super) generation: Generation,
    pub(super) revision: Revision,
    pub(super) digest: Digest,
    pub(super) spec: Arc<MockSpec>,
    pub(super) settings: Arc<Settings>,
    pub(super) life: Life,
    pub(super) ready: bool,
    pub(super) restarts: u32,
    pub(super) children: Vec<ChildStatus>,
    /// Starts that have not ended, with the session that asked.
    pub(super) starts: Vec<(u64, EffectId)>,
    /// Stops that have not ended.
    pub(super) stops: Vec<(u64, EffectId, Generation)>,
    /// Changes with every change of its life, so that what was planned before is known to be late.
    pub(super) step: u64,
}

/// Where it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Life {
    Starting,
    Running {
        pid: u32,
        since: Timestamp,
    },
    Ended {
        exit: ExitStatus,
        at: Timestamp,
        /// Whether someone had asked for it.
        asked: bool,
    },
}

impl Thing {
    pub(super) fn lives(&self) -> bool {
        !matches!(self.life, Life::Ended { .. })
    }

    fn observed(&self, instance: &InstanceId) -> Observed {
        Observed {
            instance: instance.clone(),
            generation: self.generation,
            revision: Some(self.revision),
            digest: Some(self.digest),
            state: match &self.life {
                _ if self.lives() && !self.stops.is_empty() => {
                    ObservedState::Stopping { pid: self.pid() }
                }
                // It was accepted, and will run.
                Life::Starting => ObservedState::Running {
                    pid: None,
                    since: None,
                },
                Life::Running { pid, since } => ObservedState::Running {
                    pid: Some(*pid),
                    since: Some(*since),
                },
                Life::Ended {
                    exit,
                    at,
                    asked: true,
                } => ObservedState::Stopped {
                    exit: Some(exit.clone()),
                    at: Some(*at),
                },
                Life::Ended { exit, at, .. } => ObservedState::Exited {
                    exit: exit.clone(),
                    at: Some(*at),
                    left: false,
                    tail: self.spec.last_words.clone(),
                },
            },
            ready: self.spec.ready_after.map(|_| self.ready),
            said: None,
            handle: None,
            children: self.children.clone(),
            proof: Some("mock"),
            unguarded: false,
            warnings: Vec::new(),
        }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        match self.life {
            Life::Running { pid, .. } => Some(pid),
            _ => None,
        }
    }
}

impl Backend {
    /// The time, counted from the first question about it.
    pub(super) fn now(&mut self) -> Timestamp {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let micros = i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX / 2);
        Timestamp::from_microsecond(EPOCH * 1_000_000 + micros).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn next_pid(&mut self) -> u32 {
        self.last_pid += 1;
        self.last_pid
    }

    pub(super) fn next_step(&mut self) -> u64 {
        self.last_step += 1;
        self.last_step
    }

    /// Everything of one stack in one group.
    pub(super) fn observe(&self, stack: &SmolStr, group: &SmolStr) -> Vec<Observed> {
        self.things
            .iter()
            .filter(|((of, _), thing)| of == stack && thing.group == *group)
            .map(|((_, instance), thing)| thing.observed(instance))
            .collect()
    }

    pub(super) fn is_reachable(&self, group: &SmolStr) -> bool {
        !self.unreachable.contains_key(group)
    }

    /// Reports the end of an effect to the session that asked for it, if that still listens.
    pub(super) fn answer(&self, session: u64, event: DriverEvent) {
        if let Some(open) = self.sessions.get(&session) {
            open.events.send(event);
        }
    }

    /// Reports what happened to a thing to the sessions of its stack.
    pub(super) fn report(&self, key: &Key, event: &DriverEvent) {
        let Some(thing) = self.things.get(key) else {
            return;
        };
        if !self.is_reachable(&thing.group) {
            return;
        }
        // Only the last session hears: one that was replaced is as good as dead.
        let last = self
            .sessions
            .iter()
            .filter(|(_, open)| open.stack == key.0 && open.group == thing.group)
            .max_by_key(|(number, _)| **number);
        if let Some((_, open)) = last {
            open.events.send(event.clone());
        }
    }
}
