//! Writing: records, rotation, and how many old files stay.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};

use camino::Utf8Path;
use jiff::{SignedDuration, Timestamp};

use crate::folder::{LogFolder, rotated_name};
use crate::record::{FormatTime, HEAD_LENGTH, Record, Stream};

/// When a file is full, and how many full ones stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Size in bytes at which `current` is rotated. 0 never rotates.
    pub max_size: u64,
    /// How many rotated files stay.
    pub keep: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_size: 10 * 1024 * 1024,
            keep: 5,
        }
    }
}

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
    size: u64,
    /// Whether the last record of each stream (output, error) was a part.
    partial: [bool; 2],
    /// Whether the folder was looked at already.
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
            size: 0,
            partial: [false; 2],
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
            let open = self.open();
            let full_file = self.is_full(scratch.len() as u64, length);
            let flushed = open.and_then(|()| {
                if full_file {
                    self.write(scratch)?;
                    done = start;
                    scratch.clear();
                    self.rotate(at)?;
                }
                Ok(())
            });
            flushed.map_err(|source| AppendError { done, source })?;
            time.record(stream, full, &bytes[start..end], scratch);
            start = end + usize::from(full);
        }
        self.write(scratch)
            .map_err(|source| AppendError { done, source })?;
        if let (Some(partial), Some(last)) = (self.partial_mut(stream), bytes.last()) {
            *partial = *last != b'\n';
        }
        Ok(())
    }

    /// How many of these bytes the file has room for: whole records, and at least one. If it has room
    /// for none, it is rotated first. An [`append`](Self::append) of so many goes into one file, behind
    /// [`mark`](Self::mark).
    pub fn make_room(&mut self, at: Timestamp, bytes: &[u8]) -> io::Result<usize> {
        self.open()?;
        if self.policy.max_size == 0 {
            return Ok(bytes.len());
        }
        let newlines = memchr::memchr_iter(b'\n', bytes).count();
        let at_most = bytes.len() + (newlines + 1) * (HEAD_LENGTH + 1);
        if self.size + at_most as u64 <= self.policy.max_size {
            return Ok(bytes.len());
        }
        let mut fits = self.fitting(bytes);
        if fits == 0 {
            self.rotate(at)?;
            self.open()?;
            fits = self.fitting(bytes);
        }
        Ok(fits)
    }

    /// How many of these bytes fit into the file; an empty one takes at least one record.
    fn fitting(&self, bytes: &[u8]) -> usize {
        let mut size = self.size;
        let mut fits = 0;
        let ends = memchr::memchr_iter(b'\n', bytes).map(|end| end + 1);
        for end in ends.chain([bytes.len()]).filter(|end| *end > 0) {
            let text = bytes[fits..end].strip_suffix(b"\n");
            let text = text.unwrap_or(&bytes[fits..end]);
            size += (HEAD_LENGTH + text.len() + 1) as u64;
            if size > self.policy.max_size && (fits > 0 || self.size > 0) {
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
            length: self.size,
        })
    }

    /// Take back what was written behind this mark. Gives whether the file is still that one.
    pub fn cut_back(&mut self, mark: Mark) -> io::Result<bool> {
        self.open()?;
        if self.inode != mark.inode || self.size < mark.length {
            return Ok(false);
        }
        if let Some(file) = &self.file {
            file.set_len(mark.length)?;
        }
        // How the last record of each stream ended is found out anew.
        self.file = None;
        self.known = false;
        self.partial = [false; 2];
        Ok(true)
    }

    /// Whether the file would grow beyond its size with `more`, after what is waiting.
    fn is_full(&self, waiting: u64, more: u64) -> bool {
        let before = self.size + waiting;
        self.policy.max_size > 0 && before > 0 && before + more > self.policy.max_size
    }

    /// The stream ended. A last line without a newline is ended here, so that the next start of the
    /// service begins a line of its own.
    pub fn end(&mut self, stream: Stream, at: Timestamp) -> io::Result<()> {
        if self.partial_mut(stream).is_some_and(|partial| *partial) {
            self.append(stream, at, b"\n", &mut Vec::new())
                .map_err(|error| error.source)?;
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

    fn partial_mut(&mut self, stream: Stream) -> Option<&mut bool> {
        match stream {
            Stream::Out => Some(&mut self.partial[0]),
            Stream::Err => Some(&mut self.partial[1]),
            Stream::Keeper => None,
        }
    }

    fn write(&mut self, records: &[u8]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        self.open()?;
        let Some(file) = &mut self.file else {
            return Err(io::Error::other("the log file is not open"));
        };
        match file.write_all(records) {
            Ok(()) => {
                self.size += records.len() as u64;
                Ok(())
            }
            Err(error) => {
                // All or nothing: what was written of it is taken back, and written again later.
                let taken_back = file.set_len(self.size);
                self.file = None;
                taken_back.and(Err(error))
            }
        }
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
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder(self.folder.path())?;
                open()?
            }
            other => other?,
        };
        let metadata = file.metadata()?;
        self.inode = metadata.ino();
        self.size = metadata.len();
        if !self.known {
            self.size = heal(&file, self.size, &mut self.partial)?;
            self.known = true;
        }
        self.file = Some(file);
        Ok(())
    }

    fn rotate(&mut self, at: Timestamp) -> io::Result<()> {
        let mut at = at;
        let mut to = self.folder.path().join(rotated_name(at));
        // The clock may have been set back: a name that exists, or that sorts before one that does,
        // would put the lines into the wrong order.
        let mut rotated = self.folder.rotated()?;
        while rotated.last().is_some_and(|last| *last >= to) {
            let Some(last) = rotated.last().and_then(|last| time_of(last)) else {
                break;
            };
            at = last + SignedDuration::from_micros(1);
            to = self.folder.path().join(rotated_name(at));
        }
        std::fs::rename(self.folder.current(), &to)?;
        self.file = None;
        self.size = 0;
        rotated.push(to);
        let keep = self.policy.keep as usize;
        let surplus = rotated.len().saturating_sub(keep);
        for old in &rotated[..surplus] {
            // A file that cannot be removed now is surplus again next time.
            let _ = std::fs::remove_file(old);
        }
        Ok(())
    }
}

/// A file left by a writer that was killed, or whose disk was full, may end in the middle of a
/// record. The torn rest is cut off, and how each stream's last record ended is found out.
fn heal(file: &File, size: u64, partial: &mut [bool; 2]) -> io::Result<u64> {
    const TAIL: u64 = 256 * 1024;
    let from = size.saturating_sub(TAIL);
    let mut tail = vec![0; usize::try_from(size - from).unwrap_or(0)];
    file.read_exact_at(&mut tail, from)?;
    let end = memchr::memrchr(b'\n', &tail).map_or(0, |at| at + 1);
    let mut whole = size;
    if end < tail.len() {
        whole = from + end as u64;
        if end == 0 && from > 0 {
            // No newline in reach: not a file of ours. End its line and leave it.
            let mut file = file;
            file.write_all(b"\n")?;
            return Ok(size + 1);
        }
        file.set_len(whole)?;
    }
    for line in tail[..end].split(|byte| *byte == b'\n') {
        if let Some(record) = Record::parse(line) {
            match record.stream {
                Stream::Out => partial[0] = !record.full,
                Stream::Err => partial[1] = !record.full,
                Stream::Keeper => {}
            }
        }
    }
    Ok(whole)
}

fn make_folder(path: &Utf8Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// The moment in a rotated file's name.
fn time_of(path: &Utf8Path) -> Option<Timestamp> {
    let name = path.file_name()?;
    let dashed = format!(
        "{}-{}-{}:{}:{}",
        name.get(..4)?,
        name.get(4..6)?,
        name.get(6..11)?,
        name.get(11..13)?,
        name.get(13..23)?
    );
    dashed.parse().ok()
}

#[cfg(test)]
mod tests;
