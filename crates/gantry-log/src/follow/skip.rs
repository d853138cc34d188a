//! What was shown already, for a writer that takes back its last records and writes them again.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::record::TIME_LENGTH;

/// A writer takes back one chunk at most: that much of a pipe, with what is put before each line.
const CHUNK: u64 = 4 << 20;

/// The records that were shown last.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Where each ends, and what it says.
    recent: VecDeque<(u64, u64)>,
    /// What was taken back and will come again.
    again: VecDeque<u64>,
}

impl Shown {
    /// Whether this record, which ends at this place of the file, has not been shown yet.
    pub(super) fn is_new(&mut self, end: u64, record: &[u8]) -> bool {
        // It may have another time when it comes again.
        let said = record.get(TIME_LENGTH..).unwrap_or(record);
        let mut hasher = DefaultHasher::new();
        said.hash(&mut hasher);
        let hash = hasher.finish();
        while self
            .recent
            .front()
            .is_some_and(|(before, _)| before + CHUNK < end)
        {
            self.recent.pop_front();
        }
        self.recent.push_back((end, hash));
        match self.again.front() {
            None => true,
            Some(again) if *again == hash => {
                self.again.pop_front();
                false
            }
            Some(_) => {
                // The keeper's own notes may stand between; anything else is another story.
                if !said.starts_with(b" k ") {
                    self.again.clear();
                }
                true
            }
        }
    }

    /// The file was cut to this length.
    pub(super) fn cut(&mut self, length: u64) {
        while let Some((_, hash)) = self.recent.pop_back_if(|(end, _)| *end > length) {
            self.again.push_front(hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_again_is_shown_once() {
        let mut shown = Shown::default();
        let record =
            |time: u32, text: &str| format!("2026-11-21T10:00:00.{time:06}Z {text}").into_bytes();
        let one = record(1, "o F one");
        let two = record(2, "o F two");
        let end = one.len() as u64 + 1;
        assert!(shown.is_new(end, &one));
        assert!(shown.is_new(2 * end, &two));
        shown.cut(end);
        assert!(shown.is_new(2 * end, &record(3, "k F note")));
        assert!(!shown.is_new(3 * end, &record(4, "o F two")));
        assert!(shown.is_new(4 * end, &two));
        shown.cut(0);
        assert!(shown.is_new(end, &record(5, "o F other")));
        assert!(shown.is_new(2 * end, &two));
    }
}
