//! Requests, replies, and what else goes over the socket.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::command::{Command, LogPolicy};
use super::event::{Event, Exit, OutOfMemory, Phase, ProcessId, Proof};
use super::instance::{Generation, InstanceName, JobName};
use super::terminal::{Bytes, Size};
use super::voice::Said;

/// One request as it goes over the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestFrame<R = Request> {
    /// Comes back in the reply. 0 asks for no reply.
    #[serde(default)]
    pub id: u64,
    /// The request.
    #[serde(flatten)]
    pub request: R,
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// The first request on a connection.
    Hello(Hello),
    /// Start an instance. Ends in `Spawned` or `SpawnFailed`.
    Spawn(Spawn),
    /// Send a signal, once.
    Signal {
        /// To which instance.
        instance: InstanceName,
        /// Which start of it.
        generation: Generation,
        /// The signal's number.
        signal: i32,
        /// To how much of it.
        scope: Scope,
    },
    /// Signal, wait, kill the whole tree, make sure that it is empty. Ends in `Stopped`;
    /// `StopResisted` may come before. Asked again, the shorter grace wins.
    Stop {
        /// Which instance.
        instance: InstanceName,
        /// Which start of it.
        generation: Generation,
        /// The signal that asks it to end. It goes to the leader's process group. 0 asks nothing:
        /// something else did, and the grace is waited for. A later request with a signal sends it.
        signal: i32,
        /// Milliseconds until the tree is killed. 0 kills at once.
        grace_ms: u64,
    },
    /// Run a short command. Ends in `JobEnded`. Idempotent by name.
    Job {
        /// Its name, chosen by the client.
        job: JobName,
        /// What to run.
        command: Box<Command>,
        /// Milliseconds until its tree is killed.
        time_limit_ms: u64,
        /// Bytes of output that are kept, of each stream.
        capture: u64,
        /// Into which log all of it goes besides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<Box<JobLog>>,
        /// What it reads as its input. It is never written to disk.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<Bytes>,
        /// Milliseconds from being asked to end, because its time is over or nobody wants it any more, until its tree is
        /// killed.
        #[serde(default)]
        grace_ms: u64,
    },
    /// End a job before its time. It still ends in `JobEnded`.
    CancelJob {
        /// Which.
        job: JobName,
    },
    /// Everything that the keeper has.
    List,
    /// All events up to this number have been seen.
    Ack {
        /// The number.
        sequence: u64,
    },
    /// Drop the record of an instance whose tree is empty. Its log stays.
    Forget {
        /// Which.
        instance: InstanceName,
        /// Which start of it.
        generation: Generation,
    },
    /// Nothing of a service is to run for now: close the sockets that are kept open for it.
    Release {
        /// Which.
        service: String,
    },
    /// Let there be this further pair of guard and keeper, if it is not there; its socket tells when it
    /// is. Only for the first pair.
    Pair {
        /// Its number.
        number: u32,
    },
    /// Join an instance's terminal.
    Attach {
        /// Which.
        instance: InstanceName,
        /// Which start of it.
        generation: Generation,
        /// The size that it is to have from now on.
        #[serde(default)]
        size: Option<Size>,
        /// Whether what it printed last is sent first.
        #[serde(default)]
        recent: bool,
    },
    /// Type this. Answered when all of it is typed.
    Input {
        /// What.
        bytes: Bytes,
    },
    /// Give the terminal another size.
    Resize {
        /// Which.
        size: Size,
    },
    /// End keeper and guard. Refused while anything runs. Not a way to stop services. All instances are
    /// forgotten and all events count as seen, so that the next guard begins with nothing.
    Shutdown,
}

/// An instance that is to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawn {
    /// Which.
    pub instance: InstanceName,
    /// Higher than that of every start of it before.
    pub generation: Generation,
    /// What to run.
    pub command: Box<Command>,
    /// What becomes of its output.
    #[serde(default)]
    pub log: LogPolicy,
}

/// The log that a job's output goes into: that of the instance beside which it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLog {
    /// Whose log it is.
    pub instance: InstanceName,
    /// What each line of it begins with there.
    pub label: String,
    /// What becomes of the log.
    pub policy: LogPolicy,
}

/// How a client introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol that it speaks.
    pub version: u32,
    /// Whether it wants to change things.
    pub role: Role,
    /// The highest event that it has seen, as far as it knows: acknowledged with the hello.
    #[serde(default)]
    pub seen: u64,
    /// Its pid. Older releases did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything. It gets the events.
    Supervisor,
    /// `List` and `Pair` only.
    Observer,
    /// `Attach`, then `Input` and `Resize`.
    Terminal,
}

/// To how much of an instance a signal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Its first process.
    Leader,
    /// The leader's process group.
    Group,
    /// All that belongs to it.
    Tree,
}

/// What the keeper sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum Message {
    /// The answer to the hello.
    Hello(Welcome),
    /// The answer to a request.
    Reply {
        /// The request's id.
        id: u64,
        /// The answer.
        reply: Reply,
    },
    /// What happened, oldest first.
    Events {
        /// At least one.
        events: Vec<Event>,
    },
    /// A terminal shows this.
    Output {
        /// What.
        bytes: Bytes,
    },
    /// It has shown more than the client could take: so many bytes are left out here.
    Skipped {
        /// How many.
        bytes: u64,
    },
    /// The program of the terminal has ended. Nothing follows.
    Ended {
        /// How.
        exit: Exit,
    },
}

/// How the keeper introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol that it speaks.
    pub version: u32,
    /// gantry's version.
    pub release: String,
    /// The keeper.
    pub keeper_pid: u32,
    /// The guard. `None` if it is dead; a keeper takes its place at once, so only an older release says so.
    pub guard_pid: Option<u32>,
    /// Which boot of the machine.
    pub boot_id: String,
    /// How often a keeper was started under this guard, from 1.
    pub keeper_starts: u64,
    /// The highest event number given so far.
    pub last_sequence: u64,
    /// How trees of new instances are proven.
    pub proof: Proof,
    /// Why it is not by cgroup, if it is not.
    #[serde(default)]
    pub no_cgroup: Option<String>,
    /// How many instances this pair should be given at most; there are further ones for more. 0: it is
    /// the only one.
    #[serde(default)]
    pub capacity: u64,
    /// Whether the keeper began with a damaged ledger: what runs was looked for and found, but what ended
    /// meanwhile is not told as an event. `List` has what there is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub salvaged: bool,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Taken. What comes of it comes as events.
    Done,
    /// The spawn or job was known already; nothing was done.
    Known,
    /// The answer to `List`.
    Listing(Listing),
    /// Not done.
    Refused(Refusal),
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Refusal {
    /// The other side speaks another protocol.
    #[error("the keeper speaks version {keeper} of the protocol, the client {client}")]
    Version {
        /// The keeper's.
        keeper: u32,
        /// The client's.
        client: u32,
    },
    /// The client did not say hello, or is an observer.
    #[error("this connection may not do that")]
    Role,
    /// No such instance, generation or job.
    #[error("the keeper does not know {what}")]
    NotFound {
        /// What was named.
        what: String,
    },
    /// The generation before is not over.
    #[error("{instance} generation {generation} is not over")]
    NotOver {
        /// Which instance.
        instance: InstanceName,
        /// What still runs.
        generation: Generation,
    },
    /// A later generation is known, or this one and its end.
    #[error("{instance} is at generation {generation} already")]
    Superseded {
        /// Which instance.
        instance: InstanceName,
        /// The later one.
        generation: Generation,
    },
    /// It runs without a terminal.
    #[error("{instance} has no terminal")]
    NoTerminal {
        /// Which instance.
        instance: InstanceName,
    },
    /// Something still runs.
    #[error("{count} instances or jobs still run, {first} for one")]
    NotEmpty {
        /// How many.
        count: u64,
        /// One of them.
        first: String,
    },
    /// The keeper is ending.
    #[error("the keeper is shutting down")]
    ShuttingDown,
    /// The request made no sense, or failed.
    #[error("{message}")]
    Failed {
        /// Why.
        message: String,
    },
}

/// Everything that the keeper has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Listing {
    /// Every instance that it remembers, in the order of first start.
    pub instances: Vec<InstanceState>,
    /// Every job that runs.
    pub jobs: Vec<JobState>,
    /// The highest event number: this listing contains everything up to it.
    pub sequence: u64,
    /// Messages that came from processes of no instance, and were ignored.
    #[serde(default)]
    pub foreign_messages: u64,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceState {
    /// Which.
    pub instance: InstanceName,
    /// Which start of it.
    pub generation: Generation,
    /// Its leader, if it ever ran.
    pub process: Option<ProcessId>,
    /// When it was started, in microseconds of Unix time.
    pub started_us: i64,
    /// When its leader ended, if it has.
    #[serde(default)]
    pub ended_us: Option<i64>,
    /// How its tree is proven.
    pub proof: Proof,
    /// Where it is in its life.
    #[serde(flatten)]
    pub phase: Phase,
    /// Whether it was found alive by a keeper that is not its parent: its exit will be unknown.
    #[serde(default)]
    pub adopted: bool,
    /// Whether the guard that it was started under was killed since, so that fewer can wait for it than
    /// should. It ends with its next start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unguarded: bool,
    /// What it has said of itself, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Said>,
    /// What of its tree was killed for want of memory, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_memory: Option<OutOfMemory>,
    /// Limits that were asked for and could not be applied, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_applied: Vec<String>,
    /// The control groups of its tree, from which its usage can be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Utf8PathBuf>,
}

impl InstanceState {
    /// Whether something of it may be alive.
    pub fn lives(&self) -> bool {
        match self.phase {
            Phase::Running | Phase::Stopping { .. } => true,
            Phase::Exited { tree_empty, .. } => !tree_empty,
            Phase::Stopped { .. } | Phase::Failed { .. } => false,
        }
    }
}

/// One job that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobState {
    /// Which.
    pub job: JobName,
    /// Its process.
    pub process: ProcessId,
    /// When it was started, in microseconds of Unix time.
    pub started_us: i64,
}
