//! Looking at containers.

use futures::StreamExt as _;
use gantry_driver::{DriverError, Observed, ObservedState};
use jiff::Timestamp;
use std::time::Duration;

pub(crate) use gantry_container_engine::state::{Health, Run};
use gantry_container_engine::{listing, state};

use crate::engine::Engine;
use crate::names::{Names, Tag};

/// How many containers are looked at at once.
const AT_ONCE: usize = 16;

/// One container of ours.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) tag: Tag,
    /// The engine's own name for it.
    pub(crate) id: String,
    /// When it was made: before it printed anything. To the microsecond, as our log store has it.
    pub(crate) made: Option<Timestamp>,
    pub(crate) run: Run,
    pub(crate) health: Health,
    /// How often its health is to be checked, if it has a check.
    pub(crate) check: Option<Duration>,
    /// Whether it has a terminal.
    pub(crate) tty: bool,
}

/// Every container of the stack.
pub(crate) async fn all(engine: &Engine, names: &Names) -> Result<Vec<Seen>, DriverError> {
    let listed = listing::all(engine, &names.filter()).await?;
    let ours = listed.into_iter().filter(|one| names.owns(&one.labels));
    let looks = ours.map(|found| async move { one(engine, names, &found.id).await });
    let looks: Vec<_> = futures::stream::iter(looks)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    // One that was removed in the meantime is none.
    looks.into_iter().filter_map(Result::transpose).collect()
}

/// The container of this name or id, if there is one and it is ours.
pub(crate) async fn one(
    engine: &Engine,
    names: &Names,
    id: &str,
) -> Result<Option<Seen>, DriverError> {
    match look(engine, names, id).await? {
        Found::Ours(seen) => Ok(Some(*seen)),
        Found::Nothing | Found::NotOurs => Ok(None),
    }
}

/// What has a name in an engine.
pub(crate) enum Found {
    Nothing,
    NotOurs,
    Ours(Box<Seen>),
}

/// The same, but something that is not ours is told from nothing.
pub(crate) async fn look(engine: &Engine, names: &Names, id: &str) -> Result<Found, DriverError> {
    let Some(state) = state::inspect(engine, id).await? else {
        return Ok(Found::Nothing);
    };
    let Some(tag) = names.read(&state.labels) else {
        return Ok(Found::NotOurs);
    };
    Ok(Found::Ours(Box::new(Seen {
        tag,
        id: state.id,
        made: state.made,
        run: state.run,
        health: state.health,
        check: state.check.map(|check| check.interval),
        tty: state.tty,
    })))
}

impl Seen {
    /// The same in the words of all drivers; one that was never started is nothing.
    pub(crate) fn observed(&self, tail: Vec<String>) -> Option<Observed> {
        let state = match &self.run {
            Run::Created => return None,
            Run::Running { pid, since } => ObservedState::Running {
                pid: *pid,
                since: *since,
            },
            Run::Exited { exit, at, .. } => ObservedState::Exited {
                exit: exit.clone(),
                at: *at,
                left: false,
                tail,
            },
        };
        let runs = matches!(state, ObservedState::Running { .. });
        Some(Observed {
            instance: self.tag.instance.clone(),
            generation: self.tag.generation,
            revision: self.tag.revision,
            digest: self.tag.digest,
            state,
            ready: self.health.ready().filter(|_| runs),
            said: None,
            handle: None,
            children: Vec::new(),
            proof: Some("label"),
            unguarded: false,
            warnings: Vec::new(),
        })
    }
}
