//! Time that never goes back.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The times of events, counted from the first.
///
/// The clock of a supervisor does not go back while it lives, but the next one begins with what the machine believes
/// by then. Where a clock was set back between two events, no time counts between them, and all that follows keeps its
/// distance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steady {
    begin: Timestamp,
    last: Timestamp,
    /// By how much the clock was set back so far.
    lost: SignedDuration,
}

impl Steady {
    pub(super) fn new(begin: Timestamp) -> Self {
        Self {
            begin,
            last: begin,
            lost: SignedDuration::ZERO,
        }
    }

    /// The next event of our own.
    pub(super) fn next(&mut self, at: Timestamp) -> Duration {
        let now = at.saturating_add(self.lost).unwrap_or(at);
        if now < self.last {
            self.lost += self.last.duration_since(now);
        }
        self.last = self.last.max(now);
        self.place(at)
    }

    /// A time that somebody else tells.
    pub(super) fn place(&self, at: Timestamp) -> Duration {
        let since = at.duration_since(self.begin) + self.lost;
        Duration::try_from(since).unwrap_or_default()
    }
}
