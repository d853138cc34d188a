//! What to run, and with what around it.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::socket::Socket;
use super::voice::Voice;

/// A program with all that its process is given. Never a shell string.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Command {
    /// Program and arguments. A program without `/` is looked for in the `PATH` that the process will
    /// have; one with `/` is taken relative to its working folder.
    pub argv: Vec<String>,
    /// Whether it gets the environment that `up` was given, below `env`.
    #[serde(default)]
    pub inherit_env: bool,
    /// Variables on top. They travel over the socket and are never written to disk.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// The working folder.
    pub cwd: Utf8PathBuf,
    /// Name or number of the user to become. Only root may name another than itself.
    #[serde(default)]
    pub user: Option<String>,
    /// Name or number of the group. Without it, the user's own.
    #[serde(default)]
    pub group: Option<String>,
    /// Names or numbers of its supplementary groups. Without them, those of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// The mask for new files, as in `0o022`.
    #[serde(default)]
    pub umask: Option<u32>,
    /// Limits of the kernel on each process.
    #[serde(default)]
    pub limits: Limits,
    /// Limits on the whole tree.
    #[serde(default)]
    pub resources: Resources,
    /// How it can say how it is doing. Not for jobs.
    #[serde(default, skip_serializing_if = "Voice::is_none")]
    pub voice: Voice,
    /// Sockets that it is passed, from descriptor 3 on (`LISTEN_FDS`). Not for jobs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sockets: Vec<Socket>,
    /// What is taken from it.
    #[serde(default)]
    pub sandbox: Sandbox,
    /// Whether its standard streams are a terminal, which controls its session. Not for jobs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub terminal: bool,
}

/// What is taken from a process before it begins. Whatever cannot be is a start that failed, at the step
/// that failed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sandbox {
    /// The only capabilities that it keeps, whoever it is; `None`: all that it would have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Capabilities that it and all that it starts never have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop_capabilities: Vec<String>,
    /// Whether no program that it runs can give it more than it has.
    #[serde(default)]
    pub no_new_privileges: bool,
    /// Whether its `/tmp` and `/var/tmp` are its own, empty, and in memory.
    #[serde(default)]
    pub private_tmp: bool,
    /// Absolute paths of what it can only read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_only_paths: Vec<Utf8PathBuf>,
}

impl Sandbox {
    /// Whether nothing is taken.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Limits on each process by itself (`setrlimit` and its neighbours).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Open descriptors.
    #[serde(default)]
    pub open_files: Option<u64>,
    /// Size of a core file in bytes.
    #[serde(default)]
    pub core: Option<u64>,
    /// Niceness, -20 to 19.
    #[serde(default)]
    pub nice: Option<i32>,
    /// How it shares processors: `other`, `batch`, `idle`, or, in real time, `fifo`, `rr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<String>,
    /// Its priority in real time, 1 to 99.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// How gladly the kernel kills it when memory is short, -1000 to 1000.
    #[serde(default)]
    pub oom_score: Option<i32>,
}

/// Limits on the tree as a whole; they need a cgroup that may be written. What could not be applied
/// is named in [`EventBody::Spawned`](super::EventBody::Spawned).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Resources {
    /// Memory in bytes.
    #[serde(default)]
    pub memory: Option<u64>,
    /// Thousandths of a processor: 1500 is one and a half.
    #[serde(default)]
    pub cpu_millis: Option<u64>,
    /// Processes and threads.
    #[serde(default)]
    pub pids: Option<u64>,
    /// Its share of what disks can do, 1 to 10,000; everybody else has 100.
    #[serde(default)]
    pub io_weight: Option<u64>,
}

impl Resources {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of an instance's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPolicy {
    /// Size in bytes at which `log/current` is rotated.
    pub max_size: u64,
    /// Age of its first line, in milliseconds, at which it is rotated.
    #[serde(default)]
    pub max_age_ms: Option<u64>,
    /// How many rotated files are kept.
    pub keep: u32,
    /// Size in bytes of all rotated files together.
    #[serde(default)]
    pub max_total: Option<u64>,
    /// What happens when the log cannot be written.
    pub overflow: Overflow,
}

impl Default for LogPolicy {
    fn default() -> Self {
        Self {
            max_size: 10 * 1024 * 1024,
            max_age_ms: None,
            keep: 5,
            max_total: None,
            overflow: Overflow::Block,
        }
    }
}

impl LogPolicy {
    /// The part of it that concerns the files.
    pub(crate) fn rotation(&self) -> gantry_log::Policy {
        gantry_log::Policy {
            max_size: self.max_size,
            max_age: self.max_age_ms.map(std::time::Duration::from_millis),
            keep: self.keep,
            max_total: self.max_total,
        }
    }
}

/// What happens when the log cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// The service is held back until it can.
    #[default]
    Block,
    /// Lines are thrown away, and counted in the log.
    Drop,
}
