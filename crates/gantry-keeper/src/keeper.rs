//! The keeper: one event loop that spawns, signals, waits and writes logs.
//!
//! Everything that happens comes through one epoll: requests, output, children's ends (as a signal),
//! the guard's bell, timers. A turn of the loop handles what is ready, then what is due, then sends
//! what has come of it. What is done is in the [`ledger`](crate::ledger) before it is visible to
//! anyone, so that the next keeper, made by the guard when this one dies, goes on where it stopped.
//!
//! | file | what it does |
//! |---|---|
//! | `run` | what is known of one program that was started |
//! | `requests` | what the supervisor asks |
//! | `start` | starting a program |
//! | `births` | starts whose programs do not run yet |
//! | `prepare` | looking up all that a command names |
//! | `output` | whose pipe is read when |
//! | `behind` | when `run.json` are written |
//! | `pass` | one piece of a pipe into a log |
//! | `voice` | what services say of themselves, and what becomes of it |
//! | `letters` | whose message it is, and what it does |
//! | `streams` | what a program has as its standard streams |
//! | `terminal` | from a service's terminal into its pipe |
//! | `attach` | who has joined a terminal: showing, typing |
//! | `sockets` | what is opened for services, and passed in |
//! | `children` | who ended, and how |
//! | `stop` | signal, grace, kill, proof of emptiness |
//! | `tree` | which processes a run consists of |
//! | `events` | numbering, keeping and sending what happened |
//! | `recover` | taking over from a keeper that died |
//! | `handed_on` | what goes from a keeper to the next |
//! | `unguarded` | becoming the guard when it is dead |

mod attach;
mod behind;
mod births;
mod children;
mod connection;
mod events;
mod handed_on;
mod job_log;
mod letters;
mod output;
mod pass;
mod poller;
mod prepare;
mod recover;
mod requests;
mod run;
mod runs;
mod salvage;
mod sockets;
mod start;
mod stop;
mod streams;
mod terminal;
mod timers;
mod tree;
mod unguarded;
mod voice;

use std::collections::{HashMap, VecDeque};
use std::os::fd::AsRawFd;
use std::time::Instant;

use gantry_sys::{CgroupRoot, OldHierarchies, Pipe, Pipes, ProcessTable, SignalFd, Spawner};

use crate::layout::FIRST_PAIR;
use crate::ledger::{Entry, Ledger};
use crate::orphans::{Orphan, OrphanReader};
use crate::protocol::{InstanceName, JobName};
use crate::report::report;
use crate::shared::Shared;
use behind::Behind;
use births::Begun;
use connection::Connections;
use events::EventQueue;
use output::OpenLogs;
use poller::{Poller, Token};
use run::RunId;
use runs::Runs;
use sockets::Opened;
use timers::{Timer, Timers};
use unguarded::Guarding;

/// The size of one read of a pipe: all that it holds.
const READ: usize = 64 * 1024;

/// With this in the environment of `up`, control groups are left alone.
pub const NO_CGROUP: &str = "GANTRY_NO_CGROUP";

/// How a keeper's work came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeeperEnd {
    /// The process is to end with this code.
    Code(i32),
    /// The guard is dead, and this process is to be the guard.
    Unguarded,
}

/// Be the keeper, in a child of the guard that shares its descriptors.
pub(crate) fn run(shared: &Shared, guards_fds: &[i32]) -> KeeperEnd {
    match Keeper::new(shared, guards_fds) {
        Ok(mut keeper) => {
            keeper.turn();
            if keeper.guarding.is_dead() {
                keeper.leave();
                KeeperEnd::Unguarded
            } else {
                KeeperEnd::Code(0)
            }
        }
        Err(message) => {
            report(message);
            KeeperEnd::Code(1)
        }
    }
}

struct Keeper<'a> {
    shared: &'a Shared,
    poller: Poller,
    signals: SignalFd,
    spawner: Spawner,
    pipes: Pipes,
    /// In the order in which they were begun.
    births: VecDeque<Begun>,
    cgroups: Result<CgroupRoot, String>,
    /// For controllers that version 2 does not have.
    old_groups: Result<OldHierarchies, String>,
    /// The value of the mark of all that is ours begins with this.
    hash: String,
    ledger: Ledger,
    orphans: OrphanReader,
    events: EventQueue,
    connections: Connections,
    runs: Runs,
    next_run: RunId,
    instances: HashMap<InstanceName, RunId>,
    jobs: HashMap<JobName, RunId>,
    by_pid: HashMap<u32, RunId>,
    timers: Timers,
    open_logs: OpenLogs,
    guarding: Guarding,
    /// All processes, if somebody wanted to know in this turn.
    table: Option<ProcessTable>,
    buffer: Vec<u8>,
    scratch: Vec<u8>,
    text: Vec<u8>,
    shutting_down: bool,
    behind: Behind,
    /// While taking over: exits of processes that no run knows yet.
    recovering: bool,
    unclaimed: Vec<Orphan>,
    /// The pipe through which others are looked into.
    glass: Option<Pipe>,
    /// Messages that were no instance's.
    foreign_letters: u64,
    /// Sockets that are open for services.
    sockets: Vec<Opened>,
    /// Whether the ledger was damaged, and what runs had to be looked for.
    salvaged: bool,
}

impl<'a> Keeper<'a> {
    fn new(shared: &'a Shared, guards_fds: &[i32]) -> Result<Self, String> {
        let text = |error: gantry_sys::SysError| error.to_string();
        let path = shared.layout.ledger();
        // A further pair begins without one beside services that others keep. A first one may begin where the folder
        // was removed over services that run.
        let is_first = shared.layout.pair() == FIRST_PAIR;
        let had_one = shared.keeper_starts() > 1 || is_first && shared.layout.services().exists();
        let (mut ledger, mut state, damage) = Ledger::open(&path, had_one || is_first)
            .map_err(|error| format!("cannot open {path}: {error}"))?;
        let signals = SignalFd::new(&[17]).map_err(text)?;
        let orphans = OrphanReader::open(&shared.layout.orphans())
            .map_err(|error| format!("{}: {error}", shared.layout.orphans()))?;
        let poller = Poller::new().map_err(text)?;
        let hash = gantry_sys::stack_hash(shared.layout.root().as_std_path());
        let unwanted = shared.environment.get(NO_CGROUP).is_some();
        let unwanted = unwanted.then(|| format!("{NO_CGROUP} is set"));
        let cgroups = match &unwanted {
            Some(why) => Err(why.clone()),
            None => CgroupRoot::open(&format!("gantry-{hash}")).map_err(|error| error.to_string()),
        };
        let old_groups = match (unwanted, &cgroups) {
            (Some(why), _) => Err(why),
            (None, cgroups) => OldHierarchies::find(&format!("gantry-{hash}"), cgroups.is_ok()),
        };
        let mut salvaged = false;
        if let Some(message) = damage {
            let groups = cgroups.as_ref().ok();
            let first = state.sequence;
            let found = salvage::salvage(&mut state, shared, &hash, groups);
            salvaged = had_one || !found.is_empty();
            if salvaged {
                report(message);
            } else {
                // No number was ever given.
                state.sequence = first;
            }
            for entry in found.into_iter().chain([Entry::Searched]) {
                ledger
                    .append(&entry)
                    .map_err(|error| format!("cannot write {path}: {error}"))?;
            }
        }
        let boot_before = state.boot_id.clone();
        ledger
            .append(&Entry::Keeper {
                pid: std::process::id(),
                boot_id: shared.boot_id.to_string(),
            })
            .map_err(|error| format!("cannot write {path}: {error}"))?;
        let mut keeper = Self {
            shared,
            poller,
            signals,
            spawner: Spawner::new(shared.slots.lanes()).map_err(text)?,
            pipes: Pipes::new().map_err(text)?,
            births: VecDeque::new(),
            cgroups,
            old_groups,
            hash,
            events: EventQueue::new(&state),
            ledger,
            orphans,
            connections: Connections::default(),
            runs: Runs::default(),
            next_run: 1,
            instances: HashMap::new(),
            jobs: HashMap::new(),
            by_pid: HashMap::new(),
            timers: Timers::default(),
            open_logs: OpenLogs::default(),
            guarding: Guarding::default(),
            table: None,
            buffer: vec![0; READ],
            scratch: Vec::new(),
            text: Vec::new(),
            shutting_down: false,
            behind: Behind::default(),
            recovering: true,
            unclaimed: Vec::new(),
            glass: None,
            foreign_letters: 0,
            sockets: Vec::new(),
            salvaged,
        };
        keeper.behind.note(Instant::now());
        keeper.recover(state, boot_before.as_deref(), guards_fds)?;
        gantry_sys::become_subreaper().map_err(text)?;
        keeper.listen()?;
        Ok(keeper)
    }

    fn listen(&mut self) -> Result<(), String> {
        let shared = self.shared;
        let text = |error: gantry_sys::SysError| error.to_string();
        self.poller
            .add(&shared.listener, Token::Listener)
            .map_err(text)?;
        self.poller
            .add(&self.signals, Token::Signals)
            .map_err(text)?;
        self.poller
            .add(&shared.orphans_bell, Token::Orphans)
            .map_err(text)?;
        if let Some(letters) = &shared.letters {
            self.poller.add(letters, Token::Letters).map_err(text)?;
        }
        self.watch_guard();
        Ok(())
    }

    /// Turn until told to shut down, or until the guard is dead.
    fn turn(&mut self) {
        let mut ready = Vec::new();
        while !(self.shutting_down && self.connections.nothing_to_send()) {
            if self.guarding.is_dead() && !self.shutting_down {
                return;
            }
            let now = Instant::now();
            let files = self.behind.due();
            let files_left = files.map(|due| due.saturating_duration_since(now));
            let timeout = self.timers.left(now).into_iter().chain(files_left).min();
            ready.clear();
            self.poller.wait(timeout, &mut ready);
            if files.is_some_and(|due| due <= Instant::now()) && ready.is_empty() {
                self.write_files();
                if !self.behind.is_any() {
                    gantry_sys::give_back_memory();
                }
            }
            for token in &ready {
                self.handle(*token);
            }
            while let Some(timer) = self.timers.due(Instant::now()) {
                self.time_out(timer);
            }
            self.table = None;
            self.send_events();
            self.flush_all();
        }
        while self.behind.is_any() {
            self.write_files();
        }
        if let Ok(root) = &self.cgroups {
            root.remove();
        }
        if let Ok(old) = &self.old_groups {
            old.remove();
        }
    }

    fn handle(&mut self, token: Token) {
        match token {
            Token::Listener => self.accept(),
            Token::Signals => {
                self.signals.drain();
                // What the dead have said counts before their end, and only now it is known who they were.
                self.hear_letters();
                self.reap_children();
            }
            Token::Orphans => self.read_orphans(),
            Token::Guard => self.guard_died(),
            Token::Connection(id) => self.hear(id),
            Token::Output(id, stream) => {
                self.read_output(id, stream.into());
                self.type_on(id);
            }
            Token::Process(id) => self.process_gone(id),
            Token::Group(id) => self.group_changed(id),
            Token::Ready(id) => self.read_ready(id),
            Token::Letters => {
                self.hear_letters();
            }
        }
    }

    fn time_out(&mut self, timer: Timer) {
        match timer {
            Timer::Stop(id) => self.stop_is_due(id),
            Timer::JobLimit(id) => self.job_is_over_time(id),
            Timer::LogRetry(id) => self.retry_log(id),
            Timer::Watchdog(id) => self.watchdog_is_due(id),
            Timer::Said(id) => self.said_is_due(id),
        }
    }

    /// All processes as they are in this turn of the loop.
    fn table(&mut self) -> Option<&mut ProcessTable> {
        if self.table.is_none() {
            match ProcessTable::snapshot() {
                Ok(table) => self.table = Some(table),
                Err(error) => report(error.to_string()),
            }
        }
        self.table.as_mut()
    }

    /// Write an entry down. The keeper goes on without: what it does is right, but its successor may
    /// not know of it.
    fn note(&mut self, entry: &Entry) {
        if let Err(error) = self.ledger.append(entry) {
            report(format!("cannot write the ledger: {error}"));
        }
    }
}

/// Milliseconds since boot, which go on while the machine sleeps and mean the same to every process.
fn boot_millis() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let millis = now.tv_sec * 1000 + now.tv_nsec / 1_000_000;
    u64::try_from(millis).unwrap_or(0)
}

/// Microseconds of Unix time.
fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// The inode behind an open descriptor.
fn inode(fd: &impl std::os::fd::AsFd) -> u64 {
    rustix::fs::fstat(fd).map_or(0, |stat| stat.st_ino)
}

/// Descriptor and inode, for the ledger.
fn written_down(fd: &(impl std::os::fd::AsFd + AsRawFd)) -> (i32, u64) {
    (fd.as_raw_fd(), inode(fd))
}
