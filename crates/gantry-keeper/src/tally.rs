//! What logs had to throw away and have not told of yet, in memory that outlives the keeper.
//!
//! It happens when a disk is full, so it cannot be in a file.

use std::sync::atomic::{AtomicU64, Ordering};

use gantry_sys::{SharedWords, SysError};

/// How many logs can be in it at a time. Those beyond lose their counts if the keeper is killed.
const PLACES: usize = 4096;

/// A log's number, bytes, lines.
const WORDS: usize = 3;

/// Bytes and lines by log number.
#[derive(Debug)]
pub(crate) struct Tally {
    words: SharedWords,
}

impl Tally {
    pub(crate) fn new() -> Result<Self, SysError> {
        Ok(Self {
            words: SharedWords::new(PLACES * WORDS)?,
        })
    }

    /// What this log has thrown away: bytes and lines.
    pub(crate) fn get(&self, log: u64) -> (u64, u64) {
        self.place(log, false).map_or((0, 0), |place| {
            (
                place[1].load(Ordering::SeqCst),
                place[2].load(Ordering::SeqCst),
            )
        })
    }

    /// Remember it.
    pub(crate) fn set(&self, log: u64, (bytes, lines): (u64, u64)) {
        if let Some(place) = self.place(log, bytes > 0) {
            place[1].store(bytes, Ordering::SeqCst);
            place[2].store(lines, Ordering::SeqCst);
        }
    }

    /// The words of a log. Places are taken one after the other, and stay taken.
    fn place(&self, log: u64, take: bool) -> Option<&[AtomicU64]> {
        for place in self.words.words().chunks_exact(WORDS) {
            match place[0].load(Ordering::SeqCst) {
                0 if !take => return None,
                0 => {
                    place[0].store(log, Ordering::SeqCst);
                    return Some(place);
                }
                other if other == log => return Some(place),
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_kept_by_log() {
        let tally = Tally::new().unwrap();
        assert_eq!(tally.get(7), (0, 0));
        tally.set(7, (0, 0));
        tally.set(7, (10, 2));
        tally.set(9, (30, 4));
        tally.set(7, (11, 3));
        assert_eq!((tally.get(7), tally.get(9)), ((11, 3), (30, 4)));
        tally.set(7, (0, 0));
        assert_eq!((tally.get(7), tally.get(9)), ((0, 0), (30, 4)));
    }
}
