//! What a log has already of an output that its backend keeps, too, and tells again from a certain time on.

use gantry_log::{LogFolder, Query, Stream};
use jiff::Timestamp;

/// How many records of one moment are told apart when copying goes on.
const OVERLAP: usize = 10_000;

/// What a log has already: what is older does not count, or is not read.
#[derive(Debug, Default)]
pub struct Already {
    /// The time of its last record.
    pub until: Option<Timestamp>,
    /// How many records of that time there are, by their streams.
    out: usize,
    err: usize,
}

impl Already {
    /// What this log has, of what was said since then.
    pub fn of(folder: &LogFolder, made: Option<Timestamp>) -> Self {
        let query = Query {
            since: made,
            without_notes: true,
            ..Query::tail(OVERLAP)
        };
        let lines = folder.read(&query).unwrap_or_default();
        let until = lines.iter().map(|line| line.at).max();
        let of = |stream: Stream| {
            let same = |line: &&gantry_log::Line| Some(line.at) == until && line.stream == stream;
            lines.iter().filter(same).count()
        };
        Self {
            until,
            out: of(Stream::Out),
            err: of(Stream::Err),
        }
    }

    /// Whether a record is there already. Each is asked about once, in order.
    pub fn has(&mut self, at: Timestamp, stream: Stream) -> bool {
        let Some(until) = self.until else {
            return false;
        };
        let left = match stream {
            Stream::Err => &mut self.err,
            _ => &mut self.out,
        };
        if at < until {
            true
        } else if at == until && *left > 0 {
            *left -= 1;
            true
        } else {
            false
        }
    }
}

#[cfg(test)]
mod tests;
