//! How an instance is given a voice, and what it says with it.

use serde::{Deserialize, Serialize};

use super::event::ProcessId;

/// By which means an instance can say how it is doing. None by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Voice {
    /// It is given this descriptor, to write a line to when it is ready (and its number as
    /// `GANTRY_READY_FD`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<u16>,
    /// It is given a socket for messages, as `NOTIFY_SOCKET`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub notify: bool,
    /// It must say over that socket that it is alive, this often, in milliseconds (`WATCHDOG_USEC`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watchdog_ms: Option<u64>,
}

impl Voice {
    /// Whether it has none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether the line was written that means ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Not yet.
    #[default]
    Awaited,
    /// Yes.
    Written,
    /// No, and it never will be: nobody has the descriptor any more.
    Closed,
}

/// All that an instance has said since it was started. Each event carries the whole, so that the last
/// one is all that need be known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of its own, and all combinations occur"
)]
pub struct Said {
    /// Of two, the one with the higher number is newer.
    pub count: u64,
    /// Over its descriptor.
    pub line: Line,
    /// `READY=1`.
    pub ready: bool,
    /// `RELOADING=1`, and not `READY=1` since.
    pub reloading: bool,
    /// `STOPPING=1`.
    pub stopping: bool,
    /// The last `STATUS=`, on one line, shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whether the watchdog counts: it begins with the first message that says ready or alive.
    pub watched: bool,
    /// How many times in a row the time of the watchdog passed without a word.
    pub misses: u32,
    /// The period of its watchdog in milliseconds, if it chose another than it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watchdog_ms: Option<u64>,
    /// Its leader, if it named another process of its tree than the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<ProcessId>,
    /// Until when it asked to be given time, in microseconds of Unix time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_us: Option<i64>,
}

impl Said {
    /// Whether it says the same as another, whatever their numbers.
    pub fn says_as(&self, other: &Self) -> bool {
        let count = self.count;
        *self
            == Self {
                count,
                ..other.clone()
            }
    }
}
