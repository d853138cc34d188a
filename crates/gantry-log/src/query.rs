//! Which lines one wants.

use jiff::Timestamp;

use crate::record::{Line, Stream};

/// Which lines one wants. The default is all.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// At most this many, the last.
    pub tail: Option<usize>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
    /// Only lines that match.
    pub grep: Option<regex::bytes::Regex>,
    /// Only lines that do not.
    pub invert: bool,
    /// Only this stream.
    pub stream: Option<Stream>,
    /// Without the keeper's own notes, as for the raw text.
    pub without_notes: bool,
}

impl Query {
    /// The last lines.
    pub fn tail(lines: usize) -> Self {
        Self {
            tail: Some(lines),
            ..Self::default()
        }
    }

    /// Whether a line is wanted (but for `tail`).
    pub fn matches(&self, line: &Line) -> bool {
        self.since.is_none_or(|since| line.at >= since)
            && self.until.is_none_or(|until| line.at <= until)
            && self.stream.is_none_or(|stream| line.stream == stream)
            && !(self.without_notes && line.stream == Stream::Keeper)
            && self
                .grep
                .as_ref()
                .is_none_or(|grep| grep.is_match(&line.text) != self.invert)
    }
}
