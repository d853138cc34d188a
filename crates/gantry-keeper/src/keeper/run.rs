//! What is known of one program that was started.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use gantry_log::LogWriter;
use gantry_sys::{Group, GroupEvents, ProcessRef};

use super::job_log::JobWriter;
use super::terminal::Terminal;
use super::voice::Speech;
use crate::ledger::Key;
use crate::protocol::{
    Exit, Generation, InstanceName, JobName, OutOfMemory, Overflow, Phase, Proof, Socket,
    SpawnFailure,
};

/// Names a run within one keeper.
pub(super) type RunId = u32;

/// One program that was started: an instance or a job.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and all combinations occur"
)]
pub(super) struct Run {
    pub(super) what: What,
    /// Its leader, if it ever ran.
    pub(super) process: Option<ProcessRef>,
    /// The boot in which it was started.
    pub(super) boot_id: Rc<str>,
    pub(super) started_us: i64,
    pub(super) ended_us: Option<i64>,
    /// How its leader ended.
    pub(super) exit: Option<Exit>,
    /// What of its tree was killed for want of memory, if its leader ended.
    pub(super) out_of_memory: Option<OutOfMemory>,
    /// Why it could not be started.
    pub(super) failure: Option<Box<SpawnFailure>>,
    /// Whether nothing of its tree is left.
    pub(super) tree_empty: bool,
    pub(super) group: Option<Group>,
    /// Further groups, of version 1, which limit it.
    pub(super) limits: Vec<Group>,
    /// Limits that could not be applied.
    pub(super) not_applied: Vec<String>,
    pub(super) proof: Proof,
    /// The variable that all of its tree carry.
    pub(super) mark: String,
    /// Output and error.
    pub(super) pipes: [Option<OwnedFd>; 2],
    /// Its terminal, if it has one. All that is printed there comes through the first pipe.
    pub(super) terminal: Option<Box<Terminal>>,
    /// Whether it had one that was lost with guard and keeper.
    pub(super) hung_up: bool,
    /// How it says how it is doing, if it can.
    pub(super) speech: Option<Box<Speech>>,
    /// The sockets that it was passed.
    pub(super) sockets: Vec<Socket>,
    /// A descriptor of the leader, if it is not our child.
    pub(super) pidfd: Option<OwnedFd>,
    /// Whether neither keeper nor guard is its parent, so that nobody can wait for it.
    pub(super) adopted: bool,
    /// Whether the guard that it was started under is dead.
    pub(super) unguarded: bool,
    pub(super) stop: Option<Box<Stop>>,
    /// Whether a stop was carried out.
    pub(super) stopped: bool,
    /// Whether `run.json` is behind.
    pub(super) dirty: bool,
}

/// What it was started as.
#[derive(Debug)]
pub(super) enum What {
    Instance {
        name: InstanceName,
        generation: Generation,
        log: Box<Log>,
    },
    Job {
        name: JobName,
        capture: Box<Capture>,
    },
}

/// An instance's log.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) writer: LogWriter,
    pub(super) overflow: Overflow,
    /// Its number in what outlives a keeper.
    pub(super) number: u64,
    /// Whether it could not be written. While that is so, nothing is read.
    pub(super) blocked: bool,
    /// Pipes of starts before, with their streams, that could not be emptied when those were over.
    pub(super) behind: Vec<(u8, OwnedFd)>,
    /// Bytes and lines that were thrown away since the last that was written.
    pub(super) dropped: (u64, u64),
    /// Whether the trouble was reported.
    pub(super) reported: bool,
}

impl Log {
    pub(super) fn new(writer: LogWriter, number: u64, overflow: Overflow) -> Self {
        Self {
            writer,
            overflow,
            number,
            blocked: false,
            behind: Vec::new(),
            dropped: (0, 0),
            reported: false,
        }
    }
}

/// A job's output.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) limit: usize,
    /// How long it has to end when it is asked to.
    pub(super) grace: Duration,
    pub(super) kept: [Vec<u8>; 2],
    pub(super) dropped: u64,
    /// Where all of it goes.
    pub(super) log: Option<JobWriter>,
    pub(super) incomplete: bool,
    pub(super) timed_out: bool,
    pub(super) cancelled: bool,
}

/// A stop under way.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) signal: i32,
    /// When the tree is killed.
    pub(super) deadline: Instant,
    /// When it was first killed.
    pub(super) killed: Option<Instant>,
    /// When to look again.
    pub(super) next: Instant,
    /// How often was looked since the kill, or since the leader's end.
    pub(super) looks: u32,
    /// Whether those that outlived the leader were asked to end.
    pub(super) rest_asked: bool,
    /// Whether the resistance was reported.
    pub(super) resisted: bool,
    /// Rings when the group becomes empty.
    pub(super) watch: Option<GroupEvents>,
}

impl Stop {
    pub(super) fn new(signal: i32, deadline: Instant) -> Self {
        Self {
            signal,
            deadline,
            killed: None,
            next: Instant::now(),
            looks: 0,
            rest_asked: false,
            resisted: false,
            watch: None,
        }
    }
}

impl Run {
    pub(super) fn key(&self) -> Key {
        match &self.what {
            What::Instance {
                name, generation, ..
            } => Key::Instance(name.clone(), *generation),
            What::Job { name, .. } => Key::Job(name.clone()),
        }
    }

    /// What people call it.
    pub(super) fn label(&self) -> String {
        match &self.what {
            What::Instance { name, .. } => name.to_string(),
            What::Job { name, .. } => format!("job {name}"),
        }
    }

    /// What to wait for to read its output, by stream.
    pub(super) fn sources(&self) -> impl Iterator<Item = (u8, BorrowedFd<'_>)> {
        let terminal = self.terminal.as_ref().map(|terminal| &terminal.master);
        let pipes = self.pipes.iter().map(Option::as_ref);
        let pipes = pipes.filter(move |_| terminal.is_none());
        let terminal = terminal.into_iter().map(Some);
        (0..)
            .zip(terminal.chain(pipes))
            .filter_map(|(stream, source)| Some((stream, source?.as_fd())))
    }

    /// Whether it was to be started, and nobody knows whether it was.
    pub(super) fn is_unfound(&self) -> bool {
        self.failure.is_none() && self.process.is_none()
    }

    /// Remove its groups, which are empty.
    pub(super) fn remove_groups(&self) {
        for group in self.group.iter().chain(&self.limits) {
            group.remove();
        }
    }

    /// Those of its tree that were killed for want of memory.
    pub(super) fn find_out_of_memory(&self) -> Option<OutOfMemory> {
        self.group
            .iter()
            .chain(&self.limits)
            .find_map(Group::out_of_memory)
            .map(|found| OutOfMemory {
                killed: found.killed,
                limit: found.limit,
            })
    }

    /// Whether nothing of it is left.
    pub(super) fn is_over(&self) -> bool {
        self.tree_empty && self.stop.is_none() && (self.exit.is_some() || self.failure.is_some())
    }

    pub(super) fn phase(&self) -> Phase {
        let exit = self.exit.clone();
        match (&self.failure, exit, &self.stop) {
            (Some(failure), _, _) => Phase::Failed {
                failure: failure.as_ref().clone(),
            },
            (None, exit, Some(_)) => Phase::Stopping { exit },
            (None, None, None) => Phase::Running,
            (None, Some(exit), None) if self.stopped => Phase::Stopped { exit },
            (None, Some(exit), None) => Phase::Exited {
                exit,
                tree_empty: self.tree_empty,
            },
        }
    }
}
