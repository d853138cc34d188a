//! The parts of a service that are the same in every mode, resolved for one instance.

use std::time::Duration;

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{Ports, Voice};

/// What every mode is given besides its own specification. All references are resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Variables of the stack file, in its order. Those that every instance gets (`GANTRY_…`) are
    /// added by the driver.
    pub env: IndexMap<String, String>,
    /// This instance's ports by name. None of them is 0 any more, where the mode has local ports.
    pub ports: Ports,
    /// The ports of this machine that lead to them, in modes whose services do not listen on it
    /// themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_ports: Option<Ports>,
    /// How it is stopped.
    pub stop: StopPolicy,
    /// What becomes of its output.
    pub logs: LogPolicy,
    /// Limits on the whole of it.
    pub resources: Resources,
    /// The folder that relative paths of the service start from.
    pub folder: Utf8PathBuf,
    /// Whether it is meant to end.
    pub job: bool,
    /// How it can say how it is doing.
    #[serde(skip_serializing_if = "Voice::is_none")]
    pub voice: Voice,
}

/// How an instance is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StopPolicy {
    /// The name of the signal that asks it to end, without `SIG`.
    pub signal: SmolStr,
    /// How long it may take before everything that belongs to it is killed.
    pub grace: Duration,
    /// A command that asks it to end, in place of the signal. The grace counts from its start. If it fails,
    /// that is told as [`DriverEvent::Note`](crate::DriverEvent::Note), and the signal follows.
    pub command: Option<Vec<String>>,
}

impl Default for StopPolicy {
    fn default() -> Self {
        Self {
            signal: SmolStr::new_static("TERM"),
            grace: Duration::from_secs(10),
            command: None,
        }
    }
}

/// What becomes of an instance's output, where gantry writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogPolicy {
    /// Size in bytes at which a file is rotated.
    pub max_size: u64,
    /// Age of its first line at which a file is rotated.
    pub max_age: Option<Duration>,
    /// How many rotated files are kept.
    pub keep: u32,
    /// Size in bytes of all rotated files together.
    pub max_total: Option<u64>,
    /// Whether rotated files are compressed.
    pub compress: bool,
    /// What happens when it cannot be written.
    pub overflow: Overflow,
}

impl Default for LogPolicy {
    fn default() -> Self {
        Self {
            max_size: 10 * 1024 * 1024,
            max_age: None,
            keep: 5,
            max_total: None,
            compress: false,
            overflow: Overflow::Block,
        }
    }
}

/// What happens when output cannot be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// The service is held back until it can.
    #[default]
    Block,
    /// It is thrown away, and counted.
    Drop,
}

/// Limits on the whole of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Thousandths of a processor: 1500 is one and a half.
    pub cpu_millis: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Open descriptors of each process.
    pub open_files: Option<u64>,
    /// Its share of what disks can do, 1 to 10,000; everybody else has 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io_weight: Option<u64>,
}
