//! Reading files, and joining parts to lines.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Take};

use camino::Utf8PathBuf;
use jiff::Timestamp;

use crate::folder::LogFolder;
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
        let Some(record) = Record::parse(line) else {
            return (!line.is_empty()).then(|| Line {
                at: *last,
                stream: Stream::Keeper,
                text: line.to_vec(),
                complete: true,
            });
        };
        *last = record.at;
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

/// A file, or its first so many bytes.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) path: Utf8PathBuf,
    pub(crate) end: u64,
}

impl Span {
    /// The whole file, with what will be appended while it is read.
    pub(crate) fn whole(path: Utf8PathBuf) -> Self {
        Self {
            path,
            end: u64::MAX,
        }
    }

    /// Open it; `None` if it was removed meanwhile.
    pub(crate) fn open(&self) -> io::Result<Option<File>> {
        match File::open(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// All lines of a folder, oldest first.
#[derive(Debug)]
pub struct Lines {
    files: VecDeque<Span>,
    file: Option<Take<BufReader<File>>>,
    joiner: Joiner,
    last: Timestamp,
    rest: Option<VecDeque<Line>>,
    buffer: Vec<u8>,
}

impl Lines {
    pub(crate) fn of(folder: &LogFolder) -> io::Result<Self> {
        Ok(Self::of_files(folder.spans()?.into()))
    }

    pub(crate) fn of_files(files: VecDeque<Span>) -> Self {
        Self {
            files,
            file: None,
            joiner: Joiner::default(),
            last: Timestamp::UNIX_EPOCH,
            rest: None,
            buffer: Vec::new(),
        }
    }

    fn step(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(rest) = &mut self.rest {
                return Ok(rest.pop_front());
            }
            let Some(file) = &mut self.file else {
                match self.files.pop_front() {
                    None => self.rest = Some(self.joiner.finish().into()),
                    Some(span) => {
                        self.file = span
                            .open()?
                            .map(|file| BufReader::with_capacity(64 * 1024, file).take(span.end));
                    }
                }
                continue;
            };
            self.buffer.clear();
            if file.read_until(b'\n', &mut self.buffer)? == 0 {
                self.file = None;
                continue;
            }
            let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
            if let Some(line) = self.joiner.push(line, &mut self.last) {
                return Ok(Some(line));
            }
        }
    }
}

impl Iterator for Lines {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
