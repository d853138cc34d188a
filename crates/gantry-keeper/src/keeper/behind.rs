//! When `run.json` are written.
//!
//! They are for people and tools, and cost as much as a third of a start, more on a file system that has just
//! removed as many: while a thousand are started or stopped, the processors have better things to do.

use std::time::{Duration, Instant};

/// For how long nothing has happened before they are written.
const QUIET: Duration = Duration::from_secs(1);

/// How long they may be behind at most, while something is always happening.
const LIMIT: Duration = Duration::from_secs(10);

/// Since when some of them are behind.
#[derive(Debug, Default)]
pub(super) struct Behind(Option<Span>);

#[derive(Debug, Clone, Copy)]
struct Span {
    first: Instant,
    last: Instant,
}

impl Behind {
    /// Something happened that is to stand in one.
    pub(super) fn note(&mut self, now: Instant) {
        self.0
            .get_or_insert(Span {
                first: now,
                last: now,
            })
            .last = now;
    }

    /// All of them are as they should be.
    pub(super) fn caught_up(&mut self) {
        self.0 = None;
    }

    /// Whether some are behind.
    pub(super) fn is_any(&self) -> bool {
        self.0.is_some()
    }

    /// When they are to be written, if some are behind.
    pub(super) fn due(&self) -> Option<Instant> {
        let span = self.0?;
        Some((span.last + QUIET).min(span.first + LIMIT))
    }
}

#[cfg(test)]
mod tests;
