//! Reading a folder's lines in their order.

use std::collections::VecDeque;
use std::io;

use camino::Utf8PathBuf;
use jiff::Timestamp;

use crate::folder::LogFolder;
use crate::input::Input;
use crate::joiner::{Joiner, foreign};
use crate::name;
use crate::record::{Line, Record};
use crate::snapshot::{Snapshot, Span};
use crate::writer::{TOLERANCE, UNSORTED};

/// How much is read at once, where there are few readers.
pub(crate) const BLOCK: usize = 128 * 1024;

/// What has no newline for so long is no log.
const LONGEST: usize = 4 << 20;

/// A file that could not be read, or not to its end. The others are read all the same.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}")]
pub struct Trouble {
    /// Which.
    pub path: Utf8PathBuf,
    /// The kernel's word, or what is wrong with a compressed file.
    #[source]
    pub source: io::Error,
}

/// The lines of a folder, oldest first: what was there when it began.
#[derive(Debug)]
pub struct Lines {
    folder: LogFolder,
    files: VecDeque<Span>,
    input: Option<Input>,
    buffer: Buffer,
    joiner: Joiner,
    last: Timestamp,
    until: Option<Timestamp>,
    rest: Option<VecDeque<Line>>,
    troubles: Vec<Trouble>,
}

impl Lines {
    pub(crate) fn of(snapshot: Snapshot, since: Option<Timestamp>) -> Self {
        let files = snapshot.spans(since);
        Self {
            troubles: snapshot.troubles,
            ..Self::of_files(snapshot.folder, files)
        }
    }

    pub(crate) fn of_files(folder: LogFolder, files: Vec<Span>) -> Self {
        Self {
            folder,
            files: files.into(),
            input: None,
            buffer: Buffer::new(BLOCK),
            joiner: Joiner::default(),
            last: Timestamp::UNIX_EPOCH,
            until: None,
            rest: None,
            troubles: Vec::new(),
        }
    }

    /// Read so many bytes at once.
    pub(crate) fn block(mut self, block: usize) -> Self {
        self.buffer = Buffer::new(block);
        self
    }

    /// Lines after this moment may be left out.
    pub(crate) fn until(mut self, until: Option<Timestamp>) -> Self {
        self.until = until.and_then(|until| until.checked_add(TOLERANCE).ok());
        self
    }

    /// What could not be read so far.
    pub fn troubles(&mut self) -> impl Iterator<Item = Trouble> {
        self.troubles.drain(..)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.input.as_ref().is_some_and(Input::is_open)
    }

    pub(crate) fn release(&mut self) {
        if let Some(input) = &mut self.input {
            input.release();
        }
    }

    fn step(&mut self) -> Option<Line> {
        loop {
            if let Some(rest) = &mut self.rest {
                return rest.pop_front();
            }
            let Some(input) = &mut self.input else {
                self.next_file();
                continue;
            };
            let line = match self.buffer.line(input) {
                Ok(Some(line)) => line,
                Ok(None) => {
                    self.input = None;
                    continue;
                }
                Err(source) => {
                    let path = input.path().to_owned();
                    self.input = None;
                    // One that was removed as surplus is no trouble.
                    if source.kind() != io::ErrorKind::NotFound {
                        self.troubles.push(Trouble { path, source });
                    }
                    continue;
                }
            };
            let Some(record) = Record::parse(line) else {
                if let Some(line) = foreign(line, self.last) {
                    return Some(line);
                }
                continue;
            };
            self.last = record.at;
            let line = self.joiner.push_record(&record);
            if self.until.is_some_and(|until| record.at > until) && input.offset() > UNSORTED {
                self.input = None;
            }
            if line.is_some() {
                return line;
            }
        }
    }

    fn next_file(&mut self) {
        let Some(span) = self.files.pop_front() else {
            self.rest = Some(self.joiner.finish().into());
            // Whoever is done needs no memory.
            self.buffer = Buffer::new(0);
            return;
        };
        self.buffer.clear(span.start > 0);
        // The newline before the place belongs to what is left out.
        let start = span.start.saturating_sub(1);
        let folder = self.folder.clone();
        self.input = Some(Input::new(folder, span.path, span.id, start, span.end));
    }
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        self.step()
    }
}

/// What was read of a file and not yet given.
#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    /// What is before was given.
    given: usize,
    /// What is before has no newline.
    searched: usize,
    block: usize,
    /// Whether what comes before the next newline is left out.
    cut: bool,
}

impl Buffer {
    fn new(block: usize) -> Self {
        Self {
            bytes: Vec::new(),
            given: 0,
            searched: 0,
            block,
            cut: false,
        }
    }

    fn clear(&mut self, cut: bool) {
        self.bytes.clear();
        self.given = 0;
        self.searched = 0;
        self.cut = cut;
    }

    /// The next line without its newline; the last may have none.
    fn line(&mut self, input: &mut Input) -> io::Result<Option<&[u8]>> {
        loop {
            if let Some(found) = memchr::memchr(b'\n', &self.bytes[self.searched..]) {
                let (start, end) = (self.given, self.searched + found);
                self.given = end + 1;
                self.searched = self.given;
                if !std::mem::take(&mut self.cut) {
                    return Ok(Some(&self.bytes[start..end]));
                }
                continue;
            }
            self.bytes.drain(..self.given);
            self.given = 0;
            let known = self.bytes.len();
            self.searched = known;
            self.bytes.resize(known + self.block, 0);
            let length = input.read(&mut self.bytes[known..]).inspect_err(|_| {
                // What is before a torn place is given; after that, this file is over.
                self.bytes.truncate(known);
            })?;
            self.bytes.truncate(known + length);
            if length == 0 || (known + length > LONGEST) {
                let all = self.bytes.len();
                self.given = all;
                self.searched = all;
                let some = all > 0 && !std::mem::take(&mut self.cut);
                return Ok(some.then_some(&self.bytes[..all]));
            }
        }
    }
}

/// Whether a file has to be read from its beginning whatever is wanted of it.
pub(crate) fn is_whole(span: &Span) -> bool {
    name::is_packed(&span.path)
}
