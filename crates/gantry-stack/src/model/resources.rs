//! How much of the machine a service may take.

use serde::{Deserialize, Serialize};

/// The `resources` of a service; what is absent is not limited.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Resources {
    /// Memory in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Processors; 1.5 is one and a half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// Processes and threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<u64>,
    /// Open files of each process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// Its share of what disks can do, 1 to 10,000; everybody else has 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io_weight: Option<u64>,
}
