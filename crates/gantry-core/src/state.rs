//! The words of the life cycle.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    /// Nothing of it runs, and nothing should.
    #[default]
    Stopped,
    /// It should run, and waits for a condition that may still come.
    Waiting,
    /// It should run, and waits for something that has failed or is stopped.
    Blocked,
    /// It has been asked to start, and has not been ready yet.
    Starting,
    /// It has been ready since its last start. Whether it is now is a field of its own.
    Running,
    /// It is being stopped, or resists it.
    Stopping,
    /// It ended, and will be started again after a wait.
    Backoff,
    /// It has failed, and nothing more is tried until someone asks.
    Failed,
    /// It ended well, and should not be started again.
    Completed,
    /// A new revision is being put in place of an old one.
    Updating,
    /// Some instances are up, and others are not.
    Degraded,
    /// Its backend cannot be reached; nothing is concluded from that.
    Unknown,
}

impl ServiceState {
    /// All states, in the order of a life.
    pub const ALL: [Self; 12] = [
        Self::Stopped,
        Self::Waiting,
        Self::Blocked,
        Self::Starting,
        Self::Running,
        Self::Stopping,
        Self::Backoff,
        Self::Failed,
        Self::Completed,
        Self::Updating,
        Self::Degraded,
        Self::Unknown,
    ];

    /// The word people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Backoff => "backoff",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::Updating => "updating",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What someone asked for last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Desired {
    /// It should run (a job: it should have run).
    Running,
    /// It should not run.
    #[default]
    Stopped,
}

impl Desired {
    /// The word people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Desired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
