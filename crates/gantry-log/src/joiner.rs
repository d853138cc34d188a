//! Joining parts to lines.

use jiff::Timestamp;

use crate::record::{Line, Record, Stream};

/// The longest line that is joined. A longer one comes in pieces.
const LONGEST: usize = 1024 * 1024;

/// Joins parts to lines, each stream for itself.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    waiting: [Option<Line>; 3],
}

impl Joiner {
    /// Take a line of the file; give the line of the service that it completes, if it does.
    ///
    /// What is no record is torn or foreign. It is shown rather than lost: as a line of the keeper's
    /// with the time of the one before.
    pub(crate) fn push(&mut self, line: &[u8], last: &mut Timestamp) -> Option<Line> {
        match Record::parse(line) {
            Some(record) => {
                *last = record.at;
                self.push_record(&record)
            }
            None => foreign(line, *last),
        }
    }

    pub(crate) fn push_record(&mut self, record: &Record<'_>) -> Option<Line> {
        let slot = &mut self.waiting[match record.stream {
            Stream::Out => 0,
            Stream::Err => 1,
            Stream::Keeper => 2,
        }];
        let mut line = slot.take().unwrap_or_else(|| Line {
            at: record.at,
            stream: record.stream,
            text: Vec::new(),
            complete: false,
        });
        line.text.extend_from_slice(record.text);
        if record.full || line.text.len() >= LONGEST {
            line.complete = record.full;
            Some(line)
        } else {
            *slot = Some(line);
            None
        }
    }

    /// Whether a line was begun and not completed.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.iter().any(Option::is_some)
    }

    /// What was begun and not completed, oldest first.
    pub(crate) fn finish(&mut self) -> Vec<Line> {
        let mut rest: Vec<Line> = self.waiting.iter_mut().filter_map(Option::take).collect();
        rest.sort_by_key(|line| line.at);
        rest
    }
}

/// What is no record, as a line; an empty one is nothing.
pub(crate) fn foreign(line: &[u8], at: Timestamp) -> Option<Line> {
    (!line.is_empty()).then(|| Line {
        at,
        stream: Stream::Keeper,
        text: line.to_vec(),
        complete: true,
    })
}
