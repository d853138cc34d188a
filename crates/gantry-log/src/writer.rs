//! Writing: records, rotation, and how many old files stay.
//!
//! Within a file the records are in the order of time, but for its first [`UNSORTED`] bytes: when the
//! clock is set back by more than [`TOLERANCE`], a note says so and a new file is begun, unless the
//! file is still that small. So a reader may search a file, and yet a clock that goes to and fro all
//! the time does not rotate everything away. A rotated file is named after its newest record.

mod heal;
mod policy;
mod rotate;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use camino::Utf8Path;
use jiff::{SignedDuration, Timestamp};

use crate::folder::LogFolder;
use crate::record::{FormatTime, HEAD_LENGTH, Stream};
use crate::rights::with_rights;
use heal::{Left, heal};
pub use policy::Policy;

/// How far back the clock may go unnoticed.
pub(crate) const TOLERANCE: SignedDuration = SignedDuration::from_secs(1);

/// So many bytes of a file's beginning need not be in the order of time.
pub(crate) const UNSORTED: u64 = 4096;

/// Why something could not be written, and how much of it was.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the log")]
pub struct AppendError {
    /// So many bytes of what was given are in the log.
    pub done: usize,
    /// The kernel's word.
    #[source]
    pub source: io::Error,
}

/// A place in a log: its newest file, and a length of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Which file, since another may have its name by now.
    pub inode: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// Writes one instance's log. The file is opened when it is needed and may be
/// [released](Self::release) at any time, so that many writers need few descriptors.
#[derive(Debug)]
pub struct LogWriter {
    folder: LogFolder,
    policy: Policy,
    file: Option<File>,
    /// Of the file that is open.
    inode: u64,
    /// How the file was when it was last written.
    left: Left,
    /// Streams that ended in the middle of a line when that could not be written.
    owed: [bool; 2],
    /// Whether the file was looked at already.
    known: bool,
}

impl LogWriter {
    /// A writer into this folder. Touches nothing yet.
    pub fn new(folder: LogFolder, policy: Policy) -> Self {
        Self {
            folder,
            policy,
            file: None,
            inode: 0,
            left: Left::default(),
            owed: [false; 2],
            known: false,
        }
    }

    /// Where it writes.
    pub fn folder(&self) -> &LogFolder {
        &self.folder
    }

    /// Change when files are rotated.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// How many of these bytes the file has room for: whole records, and at least one. If it has room
    /// for none, it is rotated first. An [`append`](Self::append) of so many at the same moment goes
    /// into one file, behind [`mark`](Self::mark).
    pub fn make_room(&mut self, at: Timestamp, bytes: &[u8]) -> io::Result<usize> {
        self.settle(at)?;
        if self.policy.max_size == 0 {
            return Ok(bytes.len());
        }
        let newlines = memchr::memchr_iter(b'\n', bytes).count();
        let at_most = bytes.len() + (newlines + 1) * (HEAD_LENGTH + 1);
        if self.left.size + at_most as u64 <= self.policy.max_size {
            return Ok(bytes.len());
        }
        let mut fits = self.fitting(bytes);
        if fits == 0 {
            self.rotate()?;
            self.open()?;
            fits = self.fitting(bytes);
        }
        Ok(fits)
    }

    /// How many of these bytes fit into the file; an empty one takes at least one record.
    fn fitting(&self, bytes: &[u8]) -> usize {
        let mut size = self.left.size;
        let mut fits = 0;
        let ends = memchr::memchr_iter(b'\n', bytes).map(|end| end + 1);
        for end in ends.chain([bytes.len()]).filter(|end| *end > 0) {
            let text = bytes[fits..end].strip_suffix(b"\n");
            let text = text.unwrap_or(&bytes[fits..end]);
            size += (HEAD_LENGTH + text.len() + 1) as u64;
            if size > self.policy.max_size && (fits > 0 || self.left.size > 0) {
                break;
            }
            fits = end;
        }
        fits
    }

    /// Where the next record goes.
    pub fn mark(&mut self) -> io::Result<Mark> {
        self.open()?;
        Ok(Mark {
            inode: self.inode,
            length: self.left.size,
        })
    }

    /// Take back what was written behind this mark. Gives whether the file is still that one.
    pub fn cut_back(&mut self, mark: Mark) -> io::Result<bool> {
        self.open()?;
        if self.inode != mark.inode || self.left.size < mark.length {
            return Ok(false);
        }
        if let Some(file) = &self.file {
            file.set_len(mark.length)?;
        }
        // How the last record of each stream ended is found out anew.
        self.file = None;
        self.known = false;
        Ok(true)
    }

    /// Write what was read from a stream at one moment: whole lines, and what is left of one.
    ///
    /// If that fails, the error says how much of it is in the log; the caller may try again with the
    /// rest. Nothing is ever there by half.
    ///
    /// `scratch` is working memory; give the same again and nothing is allocated.
    pub fn append(
        &mut self,
        stream: Stream,
        at: Timestamp,
        bytes: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Result<(), AppendError> {
        self.settle(at)
            .map_err(|source| AppendError { done: 0, source })?;
        scratch.clear();
        let time = FormatTime::new(at);
        // What stands before `done` is in the log, what stands before `start` in `scratch`.
        let (mut done, mut start) = (0, 0);
        let ends = memchr::memchr_iter(b'\n', bytes).map(|end| (end, true));
        for (end, full) in ends.chain([(bytes.len(), false)]) {
            if start >= end && !full {
                break;
            }
            let length = (HEAD_LENGTH + end - start + 1) as u64;
            if self.is_full(scratch.len() as u64, length) {
                self.write(at, scratch)
                    .map_err(|source| AppendError { done, source })?;
                done = start;
                scratch.clear();
                self.rotate()
                    .and_then(|()| self.open())
                    .map_err(|source| AppendError { done, source })?;
            }
            time.record(stream, full, &bytes[start..end], scratch);
            start = end + usize::from(full);
        }
        self.write(at, scratch)
            .map_err(|source| AppendError { done, source })?;
        self.note_partial(stream, bytes);
        Ok(())
    }

    /// The stream ended. A last line without a newline is ended here, so that the next start of the
    /// service begins a line of its own. If that cannot be written now, it is before whatever is
    /// written next.
    pub fn end(&mut self, stream: Stream, at: Timestamp) -> io::Result<()> {
        let Some(index) = index(stream) else {
            return Ok(());
        };
        if !self.known && !self.folder.current().exists() {
            return Ok(());
        }
        self.open()?;
        if self.left.partial[index] {
            self.owed[index] = true;
            self.settle(at)?;
        }
        Ok(())
    }

    /// A note of the keeper's own.
    pub fn note(&mut self, at: Timestamp, text: &str) -> io::Result<()> {
        let mut line = text.replace('\n', " ").into_bytes();
        line.push(b'\n');
        self.append(Stream::Keeper, at, &line, &mut Vec::new())
            .map_err(|error| error.source)
    }

    /// Close the file until something is written again.
    pub fn release(&mut self) {
        self.file = None;
    }

    /// Whether the file is open.
    pub fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Open the file that records of this moment go into, and write what stands before them: ends of
    /// lines that are owed, and that the clock was set back.
    fn settle(&mut self, at: Timestamp) -> io::Result<()> {
        self.look_for_file()?;
        self.open()?;
        if self.is_full(0, 1) || self.is_old(at) || self.is_unsorted(at) {
            self.rotate()?;
            self.open()?;
        }
        let back = self.left.last.map(|last| last.duration_since(at));
        let back = back.filter(|back| *back > TOLERANCE);
        if back.is_none() && self.owed == [false; 2] {
            return Ok(());
        }
        let mut records = Vec::new();
        let time = FormatTime::new(at);
        for (stream, owed) in [Stream::Out, Stream::Err].into_iter().zip(self.owed) {
            if owed {
                time.record(stream, true, b"", &mut records);
            }
        }
        if let Some(back) = back {
            let text = format!(
                "the clock was set back by {:#}",
                SignedDuration::from_secs(back.as_secs())
            );
            time.record(Stream::Keeper, true, text.as_bytes(), &mut records);
        }
        self.write(at, &records)?;
        for (owed, partial) in self.owed.iter_mut().zip(&mut self.left.partial) {
            *partial &= !std::mem::take(owed);
        }
        Ok(())
    }

    /// Whether the file would grow beyond its size with `more`, after what is waiting.
    fn is_full(&self, waiting: u64, more: u64) -> bool {
        let before = self.left.size + waiting;
        self.policy.max_size > 0 && before > 0 && before + more > self.policy.max_size
    }

    fn is_old(&self, at: Timestamp) -> bool {
        let limit = self.policy.max_age;
        let limit = limit.and_then(|limit| SignedDuration::try_from(limit).ok());
        let age = self.left.first.map(|first| at.duration_since(first));
        limit.zip(age).is_some_and(|(limit, age)| age >= limit)
    }

    fn is_unsorted(&self, at: Timestamp) -> bool {
        let back = self.left.last.is_some_and(|last| at < last - TOLERANCE);
        back && self.left.size > UNSORTED
    }

    fn note_partial(&mut self, stream: Stream, bytes: &[u8]) {
        if let (Some(index), Some(last)) = (index(stream), bytes.last()) {
            self.left.partial[index] = *last != b'\n';
        }
    }

    fn write(&mut self, at: Timestamp, records: &[u8]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let Some(file) = &mut self.file else {
            return Err(io::Error::other("the log file is not open"));
        };
        if let Err(error) = file.write_all(records) {
            // All or nothing: what was written of it is taken back, and written again later.
            let taken_back = file.set_len(self.left.size);
            self.file = None;
            return taken_back.and(Err(error));
        }
        self.left.size += records.len() as u64;
        self.left.first.get_or_insert(at);
        self.left.last = Some(at);
        self.left.newest = self.left.newest.max(Some(at));
        Ok(())
    }

    /// Make sure that what is written arrives in the folder: the file may have been removed, or cut,
    /// by someone who thought that it was theirs.
    fn look_for_file(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            let now = file.metadata()?;
            if now.nlink() == 0 || now.len() != self.left.size {
                self.known = false;
                self.file = None;
            }
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        if self.file.is_some() {
            return Ok(());
        }
        let path = self.folder.current();
        let open = || {
            OpenOptions::new()
                .read(true)
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&path)
        };
        let file = match with_rights(&path, open) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder(self.folder.path())?;
                open()?
            }
            other => other?,
        };
        let metadata = file.metadata()?;
        self.inode = metadata.ino();
        if !self.known || metadata.len() != self.left.size {
            self.left = heal(&file)?;
            if !self.known && self.left.size == 0 {
                self.left = heal::before(&self.folder)?;
            }
            self.known = true;
        }
        self.file = Some(file);
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let newest = self.left.newest.unwrap_or(Timestamp::UNIX_EPOCH);
        rotate::rotate(&self.folder, newest, &self.policy)?;
        self.file = None;
        // A line that was begun in the old file goes on in the new one. And it is not forgotten which
        // time it was: otherwise nobody would be told that the clock was set back.
        self.left = Left {
            last: self.left.last,
            partial: self.left.partial,
            ..Left::default()
        };
        Ok(())
    }
}

/// Where the state of a stream is; notes are never partial.
fn index(stream: Stream) -> Option<usize> {
    match stream {
        Stream::Out => Some(0),
        Stream::Err => Some(1),
        Stream::Keeper => None,
    }
}

fn make_folder(path: &Utf8Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

#[cfg(test)]
mod tests;
