//! Which lines one wants, and finding them without reading everything.

use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use jiff::Timestamp;

use crate::folder::LogFolder;
use crate::reader::{Lines, Span};
use crate::record::{Line, Record, Stream};

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
                .is_none_or(|grep| grep.is_match(&line.text))
    }
}

pub(crate) fn read(files: Vec<Span>, query: &Query) -> io::Result<Vec<Line>> {
    match query.tail {
        Some(0) => Ok(Vec::new()),
        Some(tail) => read_tail(&files, query, tail),
        None => collect(Lines::of_files(begin_at(files, query.since)?), query),
    }
}

/// The same, of what stood in the folder when the file with this inode was the last and `end` long.
pub(crate) fn read_until(
    folder: &LogFolder,
    query: &Query,
    inode: u64,
    end: u64,
) -> io::Result<Vec<Line>> {
    let mut spans = folder.spans()?;
    let ours = spans.iter().position(|span| {
        std::fs::metadata(&span.path).is_ok_and(|metadata| metadata.ino() == inode)
    });
    if let Some(ours) = ours {
        spans.truncate(ours + 1);
        spans[ours].end = end;
    }
    read(spans, query)
}

fn collect(lines: Lines, query: &Query) -> io::Result<Vec<Line>> {
    lines
        .filter(|line| line.as_ref().map_or(true, |line| query.matches(line)))
        .collect()
}

/// Leave out files that end before `since`. A line may have begun in the file before, so one more
/// is kept.
fn begin_at(files: Vec<Span>, since: Option<Timestamp>) -> io::Result<VecDeque<Span>> {
    let Some(since) = since else {
        return Ok(files.into());
    };
    let mut first = 0;
    for (at, span) in files.iter().enumerate() {
        if first_time(span)?.is_some_and(|time| time <= since) {
            first = at;
        }
    }
    Ok(files.into_iter().skip(first.saturating_sub(1)).collect())
}

fn first_time(span: &Span) -> io::Result<Option<Timestamp>> {
    let mut head = [0; crate::record::HEAD_LENGTH];
    let Some(file) = span.open()? else {
        return Ok(None);
    };
    Ok(match file.read_exact_at(&mut head, 0) {
        Ok(()) => Record::parse(&head).map(|record| record.at),
        Err(_) => None,
    })
}

/// Read backwards, file by file and block by block, until there are enough lines.
fn read_tail(files: &[Span], query: &Query, tail: usize) -> io::Result<Vec<Line>> {
    const BLOCK: usize = 64 * 1024;
    // The bytes from some beginning of a line to the end of everything.
    let mut bytes: Vec<u8> = Vec::new();
    let mut block = vec![0; BLOCK];
    let mut read_again_at = BLOCK;
    for (index, span) in files.iter().enumerate().rev() {
        let Some(file) = span.open()? else {
            continue;
        };
        let mut end = file.metadata()?.len().min(span.end);
        while end > 0 {
            let length = usize::try_from(end.min(BLOCK as u64)).unwrap_or(BLOCK);
            end -= length as u64;
            file.read_exact_at(&mut block[..length], end)?;
            bytes.splice(..0, block[..length].iter().copied());
            let beginning = index == 0 && end == 0;
            if bytes.len() >= read_again_at && !beginning {
                if let Some(lines) = enough(&bytes, end > 0, query, tail) {
                    return Ok(lines);
                }
                read_again_at = bytes.len() * 2;
            }
        }
    }
    let mut lines = parse_all(&bytes, query);
    lines.drain(..lines.len().saturating_sub(tail));
    Ok(lines)
}

/// The last lines if `bytes`, a tail of everything, certainly contains them whole.
fn enough(bytes: &[u8], cut: bool, query: &Query, tail: usize) -> Option<Vec<Line>> {
    let from = if cut {
        memchr::memchr(b'\n', bytes)? + 1
    } else {
        0
    };
    let mut lines = parse_all(&bytes[from..], query);
    // The first line of each stream may lack its beginning.
    if lines.len() >= tail + 3 {
        lines.drain(..lines.len() - tail);
        return Some(lines);
    }
    // Everything before is older still.
    let old = bytes[from..]
        .split(|byte| *byte == b'\n')
        .find_map(Record::parse)
        .zip(query.since)
        .is_some_and(|(record, since)| record.at < since);
    old.then(|| {
        lines.drain(..lines.len().saturating_sub(tail));
        lines
    })
}

fn parse_all(bytes: &[u8], query: &Query) -> Vec<Line> {
    let mut joiner = crate::reader::Joiner::default();
    let mut last = Timestamp::UNIX_EPOCH;
    let mut lines: Vec<Line> = bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| joiner.push(line, &mut last))
        .filter(|line| query.matches(line))
        .collect();
    lines.extend(
        joiner
            .finish()
            .into_iter()
            .filter(|line| query.matches(line)),
    );
    lines
}
