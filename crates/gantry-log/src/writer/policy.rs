//! When a file is full, and how many full ones stay.

use std::time::Duration;

/// When a file is full, and how many full ones stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Size in bytes at which `current` is rotated. 0 never rotates for its size.
    pub max_size: u64,
    /// The age of its first record at which `current` is rotated, at the next record that comes.
    pub max_age: Option<Duration>,
    /// How many rotated files stay.
    pub keep: u32,
    /// How many bytes the rotated files may have together; the oldest go first.
    pub max_total: Option<u64>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_size: 10 * 1024 * 1024,
            max_age: None,
            keep: 5,
            max_total: None,
        }
    }
}
