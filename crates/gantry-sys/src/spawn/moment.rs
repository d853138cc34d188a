//! When a child began, without asking.
//!
//! What `/proc` says of a process costs more than anything else that is done for a start but making it. The kernel takes
//! the moment from the clock that counts since boot, while it makes the process, and tells it in whole ticks, of which
//! there are a hundred a second. So if that clock shows the same tick before and after, it is that one.

use crate::process::{start_time, ticks_since_boot};

/// A birth between two looks at the clock.
pub(super) struct Moment {
    before: Option<u64>,
}

impl Moment {
    /// A child is about to be born.
    pub(super) fn begin() -> Self {
        Self {
            before: ticks_since_boot(),
        }
    }

    /// It was. Gives the tick, if that is beyond doubt.
    pub(super) fn end(self) -> Option<u64> {
        self.before.filter(|_| self.before == ticks_since_boot())
    }
}

/// Whether the kernel tells the time of that clock: it is asked at the first birth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Clock {
    #[default]
    Untried,
    Agrees,
    Differs,
}

impl Clock {
    /// When a child began that was not waited for; 0 if nothing tells it.
    pub(super) fn start_time(&mut self, pid: u32, tick: Option<u64>) -> u64 {
        if let (Self::Agrees, Some(tick)) = (*self, tick) {
            return tick;
        }
        // It is there, be it as a zombie.
        let told = start_time(pid);
        if let (Self::Untried, Some(tick), Some(told)) = (*self, tick, told) {
            *self = if tick == told {
                Self::Agrees
            } else {
                Self::Differs
            };
        }
        told.unwrap_or(0)
    }
}
