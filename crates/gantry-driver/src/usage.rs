//! What instances have used.

/// What one instance has used, as far as its backend knows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Time on processors in microseconds since its start.
    pub cpu_us: Option<u64>,
    /// Processors that it keeps busy: since it was last asked for, or else since its start.
    pub cpus: Option<f64>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Bytes read from disks since its start.
    pub read: Option<u64>,
    /// Bytes written to disks since its start.
    pub written: Option<u64>,
    /// Processes, and threads where they are counted.
    pub pids: Option<u64>,
}
