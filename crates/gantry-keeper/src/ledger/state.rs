//! What the entries of a ledger say, taken together, and which of them say it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::entry::{Entry, Key, Starting};
use crate::protocol::{Event, EventBody, InstanceName, Socket};

/// What the entries say, taken together.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The latest start of each instance, and each job that is not over, in the order of their start.
    pub(crate) runs: Vec<RunState>,
    /// Events that were not acknowledged.
    pub(crate) events: Vec<Event>,
    /// The highest event number.
    pub(crate) sequence: u64,
    /// The highest acknowledged event number.
    pub(crate) acknowledged: u64,
    /// Sockets that are open: whose, what, and descriptor with inode.
    pub(crate) sockets: Vec<(String, Socket, (i32, u64))>,
    /// The boot in which the last keeper ran.
    pub(crate) boot_id: Option<String>,
    /// Whether what runs was looked for, and that did not come to an end.
    pub(crate) searching: bool,
}

/// One start, as far as its entries tell.
#[derive(Debug, Clone)]
pub(crate) struct RunState {
    /// What was to be started.
    pub(crate) starting: Starting,
    /// What happened to it, oldest first.
    pub(crate) events: Vec<Event>,
    /// A job's process: pid and start time.
    pub(crate) started: Option<(u32, u64)>,
    /// The stop that was asked for: signal and deadline.
    pub(crate) stopping: Option<(i32, u64)>,
}

impl State {
    /// Fold the entries.
    pub(crate) fn of(entries: impl Iterator<Item = Entry>) -> Self {
        let mut state = Self::default();
        let mut runs: BTreeMap<usize, RunState> = BTreeMap::new();
        let mut at: HashMap<Key, usize> = HashMap::new();
        let mut latest: HashMap<InstanceName, Key> = HashMap::new();
        for (number, entry) in entries.enumerate() {
            match entry {
                Entry::Keeper { boot_id, .. } => state.boot_id = Some(boot_id),
                Entry::Searching => state.searching = true,
                Entry::Searched => state.searching = false,
                Entry::Starting(starting) => {
                    if let Key::Instance(name, _) = &starting.key
                        && let Some(before) = latest.insert(name.clone(), starting.key.clone())
                        && let Some(before) = at.remove(&before)
                    {
                        runs.remove(&before);
                    }
                    at.insert(starting.key.clone(), number);
                    runs.insert(
                        number,
                        RunState {
                            starting: *starting,
                            events: Vec::new(),
                            started: None,
                            stopping: None,
                        },
                    );
                }
                Entry::Started {
                    key,
                    pid,
                    start_time,
                } => {
                    if let Some(run) = at.get(&key).and_then(|at| runs.get_mut(at)) {
                        run.started = Some((pid, start_time));
                    }
                }
                Entry::Reopened { key, pipes, ready } => {
                    if let Some(run) = at.get(&key).and_then(|at| runs.get_mut(at)) {
                        run.starting.pipes = pipes;
                        run.starting.ready = ready;
                    }
                }
                Entry::Stopping {
                    key,
                    signal,
                    deadline_ms,
                } => {
                    if let Some(run) = at.get(&key).and_then(|at| runs.get_mut(at)) {
                        run.stopping = Some((signal, deadline_ms));
                    }
                }
                Entry::Event { event } => {
                    state.sequence = state.sequence.max(event.sequence);
                    let key = Key::of(&event.body);
                    if let EventBody::JobEnded { .. } = event.body {
                        if let Some(at) = at.remove(&key) {
                            runs.remove(&at);
                        }
                    } else if let Some(run) = at.get(&key).and_then(|at| runs.get_mut(at)) {
                        if let EventBody::Said { .. } = event.body {
                            // The last one says it all.
                            let said = |event: &Event| matches!(event.body, EventBody::Said { .. });
                            run.events.retain(|event| !said(event));
                        }
                        run.events.push(event.clone());
                    }
                    state.events.push(event);
                }
                Entry::Socket {
                    service,
                    socket,
                    fd,
                } => {
                    let same = |known: &(String, Socket, (i32, u64))| {
                        known.0 == service && known.1 == socket
                    };
                    state.sockets.retain(|known| !same(known));
                    state.sockets.push((service, socket, fd));
                }
                Entry::Released { service } => {
                    state.sockets.retain(|(known, _, _)| *known != service);
                }
                Entry::Ack { sequence } => {
                    state.acknowledged = state.acknowledged.max(sequence);
                }
                Entry::Forget { key } => {
                    if let Some(at) = at.remove(&key) {
                        runs.remove(&at);
                    }
                }
            }
        }
        state.sequence = state.sequence.max(state.acknowledged);
        let seen = state.acknowledged;
        state.events.retain(|event| event.sequence > seen);
        state.runs = runs.into_values().collect();
        state
    }

    /// The entries that give the same state together with those of the text that matter: what is not
    /// about one start.
    pub(super) fn outline(&self) -> impl Iterator<Item = Entry> {
        let boot = self.boot_id.iter().map(|boot_id| Entry::Keeper {
            pid: 0,
            boot_id: boot_id.clone(),
        });
        let sockets = self.sockets.iter();
        let sockets = sockets.map(|(service, socket, fd)| Entry::Socket {
            service: service.clone(),
            socket: socket.clone(),
            fd: *fd,
        });
        let sequence = self.acknowledged;
        [Entry::Ack { sequence }]
            .into_iter()
            .chain(self.searching.then_some(Entry::Searching))
            .chain(boot)
            .chain(sockets)
    }
}

/// Which entries of a text still matter.
pub(super) struct Mattering<'a> {
    live: HashSet<&'a Key>,
    events: HashSet<u64>,
    acknowledged: u64,
}

impl<'a> Mattering<'a> {
    pub(super) fn to(state: &'a State) -> Self {
        let events = state.runs.iter().flat_map(|run| &run.events);
        Self {
            live: state.runs.iter().map(|run| &run.starting.key).collect(),
            events: events.map(|event| event.sequence).collect(),
            acknowledged: state.acknowledged,
        }
    }

    pub(super) fn contains(&self, entry: &Entry) -> bool {
        match entry {
            Entry::Keeper { .. }
            | Entry::Searching
            | Entry::Searched
            | Entry::Ack { .. }
            | Entry::Forget { .. }
            | Entry::Socket { .. }
            | Entry::Released { .. } => false,
            Entry::Starting(starting) => self.live.contains(&starting.key),
            Entry::Started { key, .. }
            | Entry::Reopened { key, .. }
            | Entry::Stopping { key, .. } => self.live.contains(key),
            Entry::Event { event } => {
                event.sequence > self.acknowledged || self.events.contains(&event.sequence)
            }
        }
    }
}
