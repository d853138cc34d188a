//! What is to be done when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::run::RunId;

/// What is to be done. Each is harmless if it is no longer called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Look how a stop gets on.
    Stop(RunId),
    /// A job's time is up.
    JobLimit(RunId),
    /// Try again to write a log.
    LogRetry(RunId),
    /// See whether a sign of life has come.
    Watchdog(RunId),
    /// Tell a status that had to wait.
    Said(RunId),
}

/// Timers, the next one first.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Timer)>>,
}

impl Timers {
    pub(super) fn set(&mut self, at: Instant, timer: Timer) {
        self.heap.push(Reverse((at, timer)));
    }

    /// How long until the next one; `None` if there is none.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let Reverse((at, _)) = self.heap.peek()?;
        Some(at.saturating_duration_since(now))
    }

    /// Take one that is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<Timer> {
        let Reverse((at, timer)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        Some(timer)
    }
}
