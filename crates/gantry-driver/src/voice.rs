//! What instances can say of themselves, where a probe waits for that instead of asking.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// By which means an instance can say how it is doing. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Voice {
    /// The descriptor to which it writes a line when it is ready.
    pub fd: Option<u16>,
    /// Whether it gets a socket for messages.
    pub notify: bool,
    /// How often it must say over that socket that it is alive.
    pub watchdog: Option<Duration>,
}

impl Voice {
    /// Whether it has none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether the line was written that means ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Line {
    /// Not yet.
    #[default]
    Awaited,
    /// Yes.
    Written,
    /// No, and it never will be: nobody has the descriptor any more.
    Closed,
}

/// All that an instance has said since it was started. It is always told as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of its own, and all combinations occur"
)]
pub struct Said {
    /// Of two, the one with the higher number is newer; 0 if it has said nothing.
    pub count: u64,
    /// Over its descriptor.
    pub line: Line,
    /// That it is ready.
    pub ready: bool,
    /// That it is reloading, and not yet ready again.
    pub reloading: bool,
    /// That it is stopping.
    pub stopping: bool,
    /// How it is, in its own words.
    pub status: Option<SmolStr>,
    /// Whether it has begun to say that it is alive.
    pub watched: bool,
    /// How many times in a row it should have said so, and did not.
    pub misses: u32,
    /// Its leader now, if it has changed.
    pub leader: Option<u32>,
    /// Until when it asked to be given time.
    pub until: Option<Timestamp>,
}
