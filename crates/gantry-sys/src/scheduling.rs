//! How the kernel shares out processors to a process.

/// A scheduling policy of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The usual one.
    Other,
    /// For what computes long: it is never thought to be interactive.
    Batch,
    /// Only when nobody else wants to run.
    Idle,
    /// Real time, until it waits.
    Fifo,
    /// Real time, in turns.
    RoundRobin,
}

/// Policy and priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduling {
    /// The policy.
    pub policy: Policy,
    /// 1 to 99 for the real-time ones, 0 for all others.
    pub priority: u32,
}

impl Policy {
    /// The policy of this name, as the stack file and `chrt` have it.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "other" => Self::Other,
            "batch" => Self::Batch,
            "idle" => Self::Idle,
            "fifo" => Self::Fifo,
            "rr" => Self::RoundRobin,
            _ => return None,
        })
    }

    /// The lowest priority that it has.
    pub fn lowest_priority(self) -> u32 {
        u32::from(matches!(self, Self::Fifo | Self::RoundRobin))
    }

    /// The kernel's number for it.
    pub(crate) fn number(self) -> i32 {
        match self {
            Self::Other => libc::SCHED_OTHER,
            Self::Batch => libc::SCHED_BATCH,
            Self::Idle => libc::SCHED_IDLE,
            Self::Fifo => libc::SCHED_FIFO,
            Self::RoundRobin => libc::SCHED_RR,
        }
    }
}
