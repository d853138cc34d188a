//! What is in a folder at one moment, and where in it a reader begins.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use camino::Utf8PathBuf;
use jiff::Timestamp;

use crate::file_id::FileId;
use crate::folder::{LogFolder, Rotated};
use crate::name;
use crate::reader::Trouble;
use crate::record::{HEAD_LENGTH, Record};
use crate::writer::{TOLERANCE, UNSORTED};

/// How often a folder that is rotated all the time is looked at.
const LOOKS: usize = 100;

/// What is searched no further, and how long before its place a reader begins: the lines there may
/// have been begun earlier.
const NEAR: u64 = 64 * 1024;

/// The longest record that is looked for.
const RECORD: usize = 128 * 1024;

/// What is in a folder at one moment. What comes later is none of a reader's business.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) folder: LogFolder,
    pub(crate) rotated: Vec<Rotated>,
    pub(crate) current: Option<Current>,
    pub(crate) troubles: Vec<Trouble>,
}

/// The file that is written.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    pub(crate) id: FileId,
    /// Where its last whole record ends.
    pub(crate) end: u64,
    /// The time of that.
    pub(crate) last: Option<Timestamp>,
}

/// A part of a file.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) path: Utf8PathBuf,
    /// The file, if it may be renamed.
    pub(crate) id: Option<FileId>,
    /// If it is not 0, what is before the first newline from there on is left out.
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Snapshot {
    pub(crate) fn take(folder: &LogFolder) -> Self {
        let mut snapshot = Self {
            folder: folder.clone(),
            rotated: Vec::new(),
            current: None,
            troubles: Vec::new(),
        };
        let path = folder.current();
        let inode = || fs::metadata(&path).map(|file| file.ino()).ok();
        for _ in 0..LOOKS {
            snapshot.troubles.clear();
            snapshot.current = snapshot.try_or_note(path.clone(), look_at(&path)).flatten();
            let listing = folder.listing();
            let listing = snapshot.try_or_note(folder.path().to_owned(), listing);
            snapshot.rotated = listing.unwrap_or_default();
            // Was it rotated in between, it is listed twice, and the new one not at all.
            if !snapshot.troubles.is_empty()
                || inode() == snapshot.current.as_ref().map(|current| current.id.inode())
            {
                break;
            }
        }
        snapshot
    }

    fn try_or_note<T>(&mut self, path: Utf8PathBuf, result: io::Result<T>) -> Option<T> {
        result
            .map_err(|source| self.troubles.push(Trouble { path, source }))
            .ok()
    }

    /// The time of the last record, as far as it is known without reading. No record is newer, if the
    /// clock was never set back.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        let rotated = self.rotated.last();
        self.current
            .as_ref()
            .and_then(|current| current.last)
            .or_else(|| rotated.and_then(|file| name::time_of(&file.stem)))
    }

    /// What one has to read for all lines since a moment, oldest first. Files that are older by their
    /// names are left out, and the first of the others is searched.
    pub(crate) fn spans(&self, since: Option<Timestamp>) -> Vec<Span> {
        let since = since.and_then(|since| since.checked_sub(TOLERANCE).ok());
        let mut spans: Vec<Span> = self.rotated.iter().map(|file| whole(&file.path)).collect();
        if let Some(current) = &self.current {
            spans.push(Span {
                id: Some(current.id.clone()),
                end: current.end,
                ..whole(&self.folder.current())
            });
        }
        let Some(since) = since else {
            return spans;
        };
        let is_old =
            |file: &Rotated| name::time_of(&file.stem).is_some_and(|newest| newest < since);
        let first = self.rotated.partition_point(is_old);
        let Some(begin) = spans.get(first) else {
            // All is old. But a line may have been begun then, and end any moment.
            return Vec::new();
        };
        let start = search(begin, since).unwrap_or(0);
        spans[first].start = start;
        let from = if start == 0 && first > 0 {
            spans[first - 1].start = tail_of(&spans[first - 1]);
            first - 1
        } else {
            first
        };
        spans.drain(..from);
        spans
    }
}

fn whole(path: &camino::Utf8Path) -> Span {
    Span {
        path: path.to_owned(),
        id: None,
        start: 0,
        end: u64::MAX,
    }
}

/// Where the end of a file begins. A compressed one has to be read from its beginning.
fn tail_of(span: &Span) -> u64 {
    if name::is_packed(&span.path) {
        return 0;
    }
    let length = fs::metadata(&span.path).map_or(0, |file| file.len());
    length.min(span.end).saturating_sub(NEAR)
}

fn look_at(path: &camino::Utf8Path) -> io::Result<Option<Current>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let id = FileId::of(&file)?;
    let (end, last) = end_of_records(&file)?;
    Ok(Some(Current { id, end, last }))
}

/// Where the last whole record ends, and its time if it is short: the writer may be in the middle of
/// the next.
fn end_of_records(file: &File) -> io::Result<(u64, Option<Timestamp>)> {
    let mut end = file.metadata()?.len();
    let mut buffer = vec![0; 4096];
    while end > 0 {
        let length = end.min(buffer.len() as u64);
        let block = &mut buffer[..usize::try_from(length).unwrap_or(0)];
        end -= length;
        // It may be cut in the meantime.
        let read = file.read_at(block, end)?;
        let block = &block[..read];
        if let Some(at) = memchr::memrchr(b'\n', block) {
            let before = &block[..at];
            let line = memchr::memrchr(b'\n', before).map_or(before, |start| &before[start + 1..]);
            let last = Record::parse(line).map(|record| record.at);
            return Ok((end + at as u64 + 1, last));
        }
    }
    Ok((0, None))
}

/// Some place in the file before which no record is of this moment or later. `None` if it cannot be
/// searched: then one reads from the beginning.
///
/// Records are in the order of time but for the first [`UNSORTED`] bytes.
fn search(span: &Span, since: Timestamp) -> Option<u64> {
    if name::is_packed(&span.path) {
        return None;
    }
    let file = File::open(&span.path).ok()?;
    if span.id.as_ref().is_some_and(|id| !id.is(&file)) {
        return None;
    }
    let mut high = file.metadata().ok()?.len().min(span.end);
    let mut buffer = vec![0; RECORD];
    // If one of the unsorted ones is wanted, all are read.
    let length = file.read_at(&mut buffer[..8192], 0).ok()?;
    let mut begin = 0;
    while begin as u64 <= UNSORTED {
        let line = buffer[..length].get(begin..)?;
        if Record::parse(line.get(..HEAD_LENGTH)?)?.at >= since {
            return None;
        }
        begin += memchr::memchr(b'\n', line)? + 1;
    }
    let mut low = begin as u64;
    while high.saturating_sub(low) > NEAR {
        let middle = low + (high - low) / 2;
        match time_after(&file, middle, &mut buffer) {
            Some(time) if time < since => low = middle,
            Some(_) | None => high = middle,
        }
    }
    Some(low.saturating_sub(NEAR))
}

/// The time of the first record that begins behind this place, if one begins not too far from it.
fn time_after(file: &File, place: u64, buffer: &mut [u8]) -> Option<Timestamp> {
    for size in [4096, buffer.len()] {
        let length = file.read_at(&mut buffer[..size], place).ok()?;
        let lines = memchr::memchr_iter(b'\n', &buffer[..length]);
        for end in lines {
            let head = buffer[..length].get(end + 1..end + 1 + HEAD_LENGTH);
            if let Some(record) = head.and_then(Record::parse) {
                return Some(record.at);
            }
        }
    }
    None
}
