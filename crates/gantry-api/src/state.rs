//! The words of states, as they are written on the wire.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of a service or an instance.
///
/// A word that this version does not know is read as [`State::Unknown`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing of it runs, and nothing should.
    #[default]
    Stopped,
    /// It should run, and waits for something that may still come.
    Waiting,
    /// It should run, and what it waits for has failed or is stopped.
    Blocked,
    /// It has been asked to start, and has not been ready yet.
    Starting,
    /// It has been ready since its last start.
    Running,
    /// It is being stopped, or resists it.
    Stopping,
    /// It ended, and will be started again after a while.
    Backoff,
    /// It has failed, and nothing more is tried until someone asks.
    Failed,
    /// It is a job and ended well, or ended well and need not be started again.
    Completed,
    /// A new revision is being put in place of an old one.
    Updating,
    /// Fewer instances run than are wanted.
    Degraded,
    /// Its backend cannot be reached; nothing is concluded from that.
    #[serde(other)]
    Unknown,
}

impl State {
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

    /// The word.
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

    /// The state with this word; [`State::Unknown`] for a word that is none.
    pub fn of(word: &str) -> Self {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == word);
        found.unwrap_or(Self::Unknown)
    }
}

impl fmt::Display for State {
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
    /// The word.
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
