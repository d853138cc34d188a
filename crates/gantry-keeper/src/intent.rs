//! What a keeper is about to do to a log, so that the next one can end it or take it back.
//!
//! The record is in memory that the guard keeps, and a copy of it in a file. The memory is exact, and
//! outlives the keeper; the file outlives the guard, too, and may be a step behind.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::atomic::{AtomicU64, Ordering};

use camino::Utf8Path;
use gantry_log::{Mark, with_rights};
use gantry_sys::{SharedWords, SysError};

/// A piece of a stream that is being written into a log and then taken from the stream's pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Which log: [`log_number`].
    pub(crate) log: u64,
    /// Output (0) or error (1).
    pub(crate) stream: u64,
    /// How many bytes of the pipe it is.
    pub(crate) bytes: u64,
    /// Where the log ended before it.
    pub(crate) before: Mark,
    /// What was thrown away and not told of yet, once this is done: bytes and lines.
    pub(crate) dropped: (u64, u64),
    /// Whether guard and keeper were both killed since: then only log and pipe can tell how far it got.
    pub(crate) orphaned: bool,
}

/// One place for a chunk: its words.
const WORDS: usize = 8;

/// The word that says which of the two places counts: 0 neither, 1 or 2. Changing it is one store, so
/// that a chunk is never there by half.
const VALID: usize = 0;

/// The number of the format of the file.
const FORMAT: u64 = 1;

#[derive(Debug)]
pub(crate) struct Intent {
    words: SharedWords,
    file: Option<File>,
}

impl Intent {
    /// For a new guard: with what the file says that was under way when the one before was killed.
    /// Without a file the memory does, as long as the guard lives.
    pub(crate) fn new(path: &Utf8Path) -> Result<(Self, Option<io::Error>), SysError> {
        let words = SharedWords::new(1 + 2 * WORDS)?;
        let file = with_rights(path, || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            options.mode(0o600).open(path)
        });
        let (file, trouble) = match file {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(error)),
        };
        let intent = Self { words, file };
        if let Some(chunk) = intent.file.as_ref().and_then(read) {
            intent.begin(Chunk {
                orphaned: true,
                ..chunk
            });
        }
        Ok((intent, trouble))
    }

    /// This is about to be written.
    pub(crate) fn begin(&self, chunk: Chunk) {
        let words = self.words.words();
        let place = if words[VALID].load(Ordering::SeqCst) == 1 {
            2
        } else {
            1
        };
        let packed = pack(chunk);
        for (word, value) in place_of(words, place).iter().zip(packed) {
            word.store(value, Ordering::SeqCst);
        }
        words[VALID].store(place, Ordering::SeqCst);
        self.write(&packed);
    }

    /// It is done, or taken back.
    pub(crate) fn end(&self) {
        self.words.words()[VALID].store(0, Ordering::SeqCst);
        self.write(&[0; WORDS]);
    }

    /// What was begun and has not ended.
    pub(crate) fn get(&self) -> Option<Chunk> {
        let words = self.words.words();
        let place = words[VALID].load(Ordering::SeqCst);
        if place == 0 {
            return None;
        }
        let mut packed = [0; WORDS];
        for (value, word) in packed.iter_mut().zip(place_of(words, place)) {
            *value = word.load(Ordering::SeqCst);
        }
        unpack(packed)
    }

    fn write(&self, packed: &[u64; WORDS]) {
        if let Some(file) = &self.file {
            let mut bytes = [0; WORDS * 8];
            for (place, word) in bytes.chunks_exact_mut(8).zip(packed) {
                place.copy_from_slice(&word.to_le_bytes());
            }
            // Over what is there already; where even that fails, the memory still knows.
            let _ = file.write_all_at(&bytes, 0);
        }
    }

    /// The descriptor of the file.
    pub(crate) fn fd(&self) -> Option<RawFd> {
        self.file.as_ref().map(AsRawFd::as_raw_fd)
    }
}

fn place_of(words: &[AtomicU64], place: u64) -> &[AtomicU64] {
    let start = if place == 1 { 1 } else { 1 + WORDS };
    &words[start..start + WORDS]
}

fn pack(chunk: Chunk) -> [u64; WORDS] {
    [
        FORMAT,
        chunk.log,
        chunk.stream | u64::from(chunk.orphaned) << 8,
        chunk.bytes,
        chunk.before.inode,
        chunk.before.length,
        chunk.dropped.0,
        chunk.dropped.1,
    ]
}

fn unpack(packed: [u64; WORDS]) -> Option<Chunk> {
    let [
        format,
        log,
        flags,
        bytes,
        inode,
        length,
        dropped,
        dropped_lines,
    ] = packed;
    (format == FORMAT).then_some(Chunk {
        log,
        stream: flags & 1,
        bytes,
        before: Mark { inode, length },
        dropped: (dropped, dropped_lines),
        orphaned: flags & 0x100 != 0,
    })
}

/// An empty, short or foreign file says that nothing was under way.
fn read(file: &File) -> Option<Chunk> {
    let mut bytes = [0; WORDS * 8];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let mut packed = [0; WORDS];
    for (word, bytes) in packed.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().ok()?);
    }
    unpack(packed)
}

/// The number of an instance's log, other than 0.
pub(crate) fn log_number(instance: &str) -> u64 {
    let hash = gantry_sys::stack_hash(std::path::Path::new(instance));
    u64::from_str_radix(&hash, 16).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests;
