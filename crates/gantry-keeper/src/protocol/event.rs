//! What happens, as the keeper tells it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::instance::{Generation, InstanceName, JobName};
use super::voice::Said;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number. The first is 1; there are no gaps.
    pub sequence: u64,
    /// When, in microseconds of Unix time.
    pub at_us: i64,
    /// What.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventBody {
    /// The program runs (its exec succeeded).
    Spawned {
        /// Which instance.
        instance: InstanceName,
        /// Which start of it.
        generation: Generation,
        /// Its leader.
        process: ProcessId,
        /// How membership of its tree is proven.
        proof: Proof,
        /// Limits that were asked for and could not be applied, each with the reason.
        #[serde(default)]
        not_applied: Vec<String>,
    },
    /// The program could not be started. Nothing runs.
    SpawnFailed {
        /// Which instance.
        instance: InstanceName,
        /// Which start of it.
        generation: Generation,
        /// What failed.
        failure: SpawnFailure,
    },
    /// It said something of itself.
    Said {
        /// Which instance.
        instance: InstanceName,
        /// Which start of it.
        generation: Generation,
        /// All that it has said so far.
        said: Said,
    },
    /// The leader ended. What it wrote is in the log.
    Exited {
        /// Which instance.
        instance: InstanceName,
        /// Which start of it.
        generation: Generation,
        /// How.
        exit: Exit,
        /// What of its tree is still alive (at most [`LeftProcess::LIMIT`]). A `Stop` clears it away.
        #[serde(default)]
        left: Vec<LeftProcess>,
        /// Whether a stop was under way.
        #[serde(default)]
        stopping: bool,
        /// What of its tree was killed for want of memory, if anything was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        out_of_memory: Option<OutOfMemory>,
    },
    /// A stop is done: the whole tree is empty.
    Stopped {
        /// Which instance.
        instance: InstanceName,
        /// Which start of it.
        generation: Generation,
        /// How its leader ended.
        exit: Exit,
        /// How emptiness was proven.
        proof: Proof,
        /// Whether the grace period ran out and the tree was killed.
        #[serde(default)]
        killed: bool,
    },
    /// A stop has not succeeded yet, and goes on.
    StopResisted {
        /// Which instance.
        instance: InstanceName,
        /// Which start of it.
        generation: Generation,
        /// What is still alive (at most [`LeftProcess::LIMIT`]).
        left: Vec<LeftProcess>,
    },
    /// A job is over.
    JobEnded {
        /// Which.
        job: JobName,
        /// How; or why it did not start.
        result: Result<Exit, SpawnFailure>,
        /// Whether its time limit ended it.
        #[serde(default)]
        timed_out: bool,
        /// Whether it was cancelled.
        #[serde(default)]
        cancelled: bool,
        /// How long it ran, in microseconds.
        #[serde(default)]
        duration_us: u64,
        /// What it printed. It is kept in memory only, so `None` means that the keeper was killed
        /// between the end of the job and your acknowledgement.
        #[serde(default)]
        output: Option<JobOutput>,
    },
}

impl EventBody {
    /// The instance and generation that it is about, unless it is about a job.
    pub fn instance(&self) -> Option<(&InstanceName, Generation)> {
        match self {
            Self::Spawned {
                instance,
                generation,
                ..
            }
            | Self::SpawnFailed {
                instance,
                generation,
                ..
            }
            | Self::Said {
                instance,
                generation,
                ..
            }
            | Self::Exited {
                instance,
                generation,
                ..
            }
            | Self::Stopped {
                instance,
                generation,
                ..
            }
            | Self::StopResisted {
                instance,
                generation,
                ..
            } => Some((instance, *generation)),
            Self::JobEnded { .. } => None,
        }
    }
}

/// A process, so that a reused pid is never mistaken for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub start_time: u64,
    /// Which boot of the machine.
    pub boot_id: String,
}

/// How membership of a tree, and its emptiness, is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// By the kernel: the tree has a cgroup of its own.
    Cgroup,
    /// By parents, session and process group, and the mark in the environment of those that left them.
    Lineage,
    /// By the mark in the environment alone, because the parents were lost.
    Marker,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal {
        /// Its number.
        signal: i32,
        /// Whether a core was written.
        #[serde(default)]
        core: bool,
    },
    /// Nobody could wait for it, for this reason.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal { signal, core } => {
                let core = if *core { ", core dumped" } else { "" };
                write!(f, "signal {signal}{core}")
            }
            Self::Unknown { reason } => write!(f, "unknown: {reason}"),
        }
    }
}

/// Processes of a tree that the kernel killed for want of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutOfMemory {
    /// How many.
    pub killed: u64,
    /// The limit in bytes that the tree had reached; `None` if it was the machine's memory.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// Which step between fork and exec failed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpawnFailure {
    /// The step, in words: `working folder`, `user`, `exec`, …
    pub stage: String,
    /// The error number, where the kernel gave one.
    #[serde(default)]
    pub errno: Option<i32>,
    /// A sentence with the path or the name in it.
    pub message: String,
    /// Whether nothing was tried: the keeper was killed before anything of it was born. It can be asked for again, and
    /// will not run twice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

impl fmt::Display for SpawnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A process that is still alive where none should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftProcess {
    /// Its number.
    pub pid: u32,
    /// Its command line, shortened.
    pub command: String,
    /// The kernel's letter: `R`, `S`, `D` (cannot be killed now), `T`, …
    pub state: char,
}

impl LeftProcess {
    /// How many a message names at most.
    pub const LIMIT: usize = 10;
}

/// What a job printed, up to the limit that it was given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobOutput {
    /// Its standard output; what is not UTF-8 is replaced.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// Bytes that were read and not kept.
    #[serde(default)]
    pub dropped: u64,
    /// Whether a part may be missing because the keeper was killed meanwhile.
    #[serde(default)]
    pub incomplete: bool,
}

/// Where an instance is in its life, as the keeper sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Its leader runs.
    Running,
    /// A stop is under way; its leader may have ended already.
    Stopping {
        /// How the leader ended, if it has.
        #[serde(default)]
        exit: Option<Exit>,
    },
    /// Its leader ended by itself. The tree may not be empty.
    Exited {
        /// How.
        exit: Exit,
        /// Whether nothing of its tree is left.
        tree_empty: bool,
    },
    /// Stopped: the tree is empty.
    Stopped {
        /// How its leader ended.
        exit: Exit,
    },
    /// It could not be started.
    Failed {
        /// What failed.
        failure: SpawnFailure,
    },
}
