//! One line of the ledger, as what it says.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::protocol::{
    Event, EventBody, Generation, InstanceName, JobLog, JobName, LogPolicy, Socket, Voice,
};

/// Whose entry it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Key {
    /// One start of an instance.
    Instance(InstanceName, Generation),
    /// A job.
    Job(JobName),
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// A keeper began.
    Keeper {
        /// It.
        pid: u32,
        /// Which boot of the machine.
        boot_id: String,
    },
    /// Lines were lost, and what runs is being looked for. Who is killed in the middle of that leaves a ledger that looks
    /// whole and is not, unless this stands in it.
    Searching,
    /// What was found stands above.
    Searched,
    /// A program is about to be started.
    Starting(Box<Starting>),
    /// A job's program runs. (For instances the event says so.)
    Started {
        /// Whose.
        key: Key,
        /// Its process.
        pid: u32,
        /// When that started.
        start_time: u64,
    },
    /// The pipes of a start were opened again by a keeper under another guard, whose descriptors are others.
    Reopened {
        /// Whose.
        key: Key,
        /// Its output pipes: descriptor and inode of each.
        pipes: [(i32, u64); 2],
        /// Our end of the pipe for the line that means ready.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ready: Option<(i32, u64)>,
    },
    /// A stop was asked for.
    Stopping {
        /// Whose.
        key: Key,
        /// The signal.
        signal: i32,
        /// When the tree is killed, in milliseconds since boot.
        deadline_ms: u64,
    },
    /// Something happened. What a job printed is not in it.
    Event {
        /// What.
        event: Event,
    },
    /// A socket was opened for a service.
    Socket {
        /// Whose.
        service: String,
        /// What it is.
        socket: Socket,
        /// Its descriptor and inode.
        fd: (i32, u64),
    },
    /// The sockets of a service were closed.
    Released {
        /// Whose.
        service: String,
    },
    /// Events up to this number have been seen.
    Ack {
        /// The number.
        sequence: u64,
    },
    /// An instance may be forgotten.
    Forget {
        /// Which.
        key: Key,
    },
}

/// What a keeper needs to know of a program that its predecessor started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Starting {
    /// Whose.
    pub(crate) key: Key,
    /// When, in microseconds of Unix time.
    pub(crate) at_us: i64,
    /// Its output pipes: descriptor and inode of each.
    pub(crate) pipes: [(i32, u64); 2],
    /// Its control group.
    pub(crate) group: Option<Utf8PathBuf>,
    /// Further groups, which limit it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) limits: Vec<Utf8PathBuf>,
    /// What becomes of its output.
    pub(crate) log: LogPolicy,
    /// For a job: when its time is up, in milliseconds since boot, and how much output is kept.
    pub(crate) job: Option<(u64, u64)>,
    /// For a job: milliseconds that it has to end when it is asked to.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) job_grace_ms: u32,
    /// For a job: into which log its output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) job_log: Option<Box<JobLog>>,
    /// Pipes of earlier starts of the instance that could not be emptied into its log yet: stream,
    /// descriptor, inode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) behind: Vec<(u8, i32, u64)>,
    /// The guard under which it was started: pid and start time. Older releases did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) guard: Option<(u32, u64)>,
    /// How it can say how it is doing.
    #[serde(default, skip_serializing_if = "Voice::is_none")]
    pub(crate) voice: Voice,
    /// Our end of the pipe for the line that means ready: descriptor and inode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ready: Option<(i32, u64)>,
    /// The sockets that it is passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sockets: Vec<Socket>,
    /// Its terminal: descriptor and inode of both ends, and of the end of its pipe that is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) terminal: Option<[(i32, u64); 3]>,
}

impl Key {
    /// Whose event it is.
    pub(super) fn of(body: &EventBody) -> Self {
        match (body.instance(), body) {
            (Some((instance, generation)), _) => Self::Instance(instance.clone(), generation),
            (None, EventBody::JobEnded { job, .. }) => Self::Job(job.clone()),
            (None, _) => Self::Job(JobName::new("")),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
