//! Time, as the world and as people see it.

use gantry_core::Millis;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A clock that never goes back, whose zero is the Unix epoch as it was believed at the beginning.
///
/// So a time that a backend tells, from before this supervisor began, has its place on it too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    begin: Instant,
    epoch: Timestamp,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            begin: Instant::now(),
            epoch: Timestamp::now(),
        }
    }

    /// Now, for the world.
    pub(crate) fn now(&self) -> Millis {
        Self::millis(self.epoch).plus(Millis::from(self.begin.elapsed()))
    }

    /// Now, for people.
    pub(crate) fn wall(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.begin.elapsed()).unwrap_or_default();
        self.epoch.checked_add(elapsed).unwrap_or(self.epoch)
    }

    /// A time of the world, for people.
    pub(crate) fn timestamp(at: Millis) -> Option<Timestamp> {
        Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()
    }

    /// A time that people or backends tell, for the world.
    pub(crate) fn millis(at: Timestamp) -> Millis {
        Millis(u64::try_from(at.as_millisecond()).unwrap_or(0))
    }
}
