//! Finding out how a file was left.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use jiff::Timestamp;

use crate::folder::LogFolder;
use crate::name::is_packed;
use crate::record::{HEAD_LENGTH, Record, Stream};

/// How far from its end a file is looked at.
const TAIL: u64 = 256 * 1024;

/// How a file ends.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Left {
    /// Its length in bytes.
    pub(super) size: u64,
    /// The time of its first record.
    pub(super) first: Option<Timestamp>,
    /// The newest time that was seen.
    pub(super) newest: Option<Timestamp>,
    /// The time of its last record.
    pub(super) last: Option<Timestamp>,
    /// Whether the last record of each stream (output, error) was a part.
    pub(super) partial: [bool; 2],
}

/// A file left by a writer that was killed, or whose disk was full, may end in the middle of a
/// record. The torn rest is cut off, and how each stream's last record ended is found out.
pub(super) fn heal(file: &File) -> io::Result<Left> {
    let size = file.metadata()?.len();
    let mut left = Left {
        size,
        first: first_time(file)?,
        ..Left::default()
    };
    left.newest = left.first;
    let from = size.saturating_sub(TAIL);
    let mut tail = vec![0; usize::try_from(size - from).unwrap_or(0)];
    file.read_exact_at(&mut tail, from)?;
    let end = memchr::memrchr(b'\n', &tail).map_or(0, |at| at + 1);
    if end < tail.len() {
        if end == 0 && from > 0 {
            // No newline in reach: not a file of ours. End its line and leave it.
            let mut file = file;
            file.write_all(b"\n")?;
            left.size += 1;
            return Ok(left);
        }
        left.size = from + end as u64;
        file.set_len(left.size)?;
    }
    left.learn(&tail[..end]);
    Ok(left)
}

/// How a file that is still empty begins: what the one before it left open goes on in it.
pub(super) fn before(folder: &LogFolder) -> io::Result<Left> {
    let mut left = Left::default();
    let Some(path) = folder.rotated()?.pop().filter(|path| !is_packed(path)) else {
        return Ok(left);
    };
    // It may be compressed or removed at any moment, and a folder may be in its place.
    let Ok(file) = File::open(path) else {
        return Ok(left);
    };
    let from = file.metadata()?.len().saturating_sub(TAIL);
    let mut tail = vec![0; usize::try_from(TAIL).unwrap_or(0)];
    let length = file.read_at(&mut tail, from).unwrap_or(0);
    left.learn(&tail[..length]);
    left.newest = None;
    Ok(left)
}

impl Left {
    fn learn(&mut self, records: &[u8]) {
        for line in records.split(|byte| *byte == b'\n') {
            if let Some(record) = Record::parse(line) {
                match record.stream {
                    Stream::Out => self.partial[0] = !record.full,
                    Stream::Err => self.partial[1] = !record.full,
                    Stream::Keeper => {}
                }
                self.last = Some(record.at);
                self.newest = self.newest.max(Some(record.at));
            }
        }
    }
}

fn first_time(file: &File) -> io::Result<Option<Timestamp>> {
    let mut head = [0; HEAD_LENGTH];
    match file.read_exact_at(&mut head, 0) {
        Ok(()) => Ok(Record::parse(&head).map(|record| record.at)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}
