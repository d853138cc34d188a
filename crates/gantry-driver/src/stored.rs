//! Reading output that lies in gantry's own log store, for the sessions of drivers that write it there.
//!
//! A cursor names the last line that was delivered, by its time, output and text, and which of several
//! equal ones it was. To go on after it, what is kept is read from a little before that time, and
//! delivered from behind that line; if it has been rotated away, everything later than it is new.

mod already;
mod parts;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use gantry_core::{FailureKind, InstanceId};
use gantry_log::{Follow, Line, LogFolder, Query, Stream, Trouble};
use jiff::Timestamp;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::{DriverError, LogCursor, LogFrom, LogRecord, LogRequest, LogStream, OutputStream};

pub use already::Already;
pub use parts::read_parts;

/// How long before the cursor's line reading begins: the longest time for which a line may have been
/// begun and not ended while others passed it.
const OVERLAP: Duration = Duration::from_mins(10);

/// How long a follower waits where the kernel does not tell it of new lines, and before it shows a line
/// that has no end.
const PAUSE: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(1);

/// The last lines that an instance printed since its start, oldest first.
pub fn tail(
    folder: &LogFolder,
    since: Option<Timestamp>,
    lines: usize,
) -> Result<Vec<String>, DriverError> {
    let query = Query {
        since,
        without_notes: true,
        ..Query::tail(lines)
    };
    let lines = folder.read(&query).map_err(|error| unreadable(&error))?;
    Ok(lines.iter().map(|line| line.text().into_owned()).collect())
}

/// The output that is asked for, of the instance whose log lies in this folder.
pub fn read(folder: &LogFolder, request: &LogRequest) -> LogStream {
    let begun = Reading::begin(folder, request);
    match begun.map_err(|error| unreadable(&error)) {
        Err(error) => stream::iter([Err(error)]).boxed(),
        Ok(reading) => stream::try_unfold(reading, |mut reading| async move {
            let record = reading.next().await.map_err(|error| unreadable(&error))?;
            Ok(record.map(|record| (record, reading)))
        })
        .boxed(),
    }
}

fn unread(trouble: Trouble) -> io::Error {
    io::Error::new(trouble.source.kind(), trouble)
}

fn unreadable(error: &dyn std::error::Error) -> DriverError {
    DriverError::new("logs", FailureKind::Transient, "the log cannot be read")
        .with_evidence(error.to_string())
}

/// A log that is being read.
struct Reading {
    instance: InstanceId,
    ready: VecDeque<Line>,
    follow: Option<Follow>,
    woken: Option<AsyncFd<OwnedFd>>,
    place: Place,
}

impl Reading {
    fn begin(folder: &LogFolder, request: &LogRequest) -> io::Result<Self> {
        let after = match &request.from {
            LogFrom::After(cursor) => Mark::parse(cursor),
            _ => None,
        };
        let query = match &request.from {
            LogFrom::Start => Query::default(),
            LogFrom::Tail(0) => Query::tail(0),
            // With all that was read in the same moment as its first line: equal ones are counted.
            LogFrom::Tail(lines) => Query {
                since: folder
                    .read(&Query::tail(*lines))
                    .map_err(unread)?
                    .first()
                    .map(|line| line.at),
                ..Query::default()
            },
            LogFrom::Since(time) => Query {
                since: Some(*time),
                ..Query::default()
            },
            // A cursor that cannot be read is not a reason to lose lines.
            LogFrom::After(_) => Query {
                since: after
                    .as_ref()
                    .and_then(|mark| mark.at.checked_sub(OVERLAP).ok()),
                ..Query::default()
            },
        };
        let (lines, follow) = if request.follow {
            // A folder that does not exist cannot be watched, and nobody should have to look again.
            let mut folders = std::fs::DirBuilder::new();
            let _ = folders.recursive(true).mode(0o700).create(folder.path());
            let (lines, follow) = Follow::with_tail(folder, query);
            (lines, Some(follow))
        } else {
            (folder.read(&query).map_err(unread)?, None)
        };
        let mut reading = Self {
            instance: request.instance.clone(),
            ready: lines.into(),
            follow,
            woken: None,
            place: Place::default(),
        };
        if let Some(mark) = after {
            reading.skip_past(&mark);
        }
        if let LogFrom::Tail(lines) = &request.from {
            let before = reading.ready.len().saturating_sub(*lines);
            for line in reading.ready.drain(..before) {
                reading.place.pass(&line);
            }
        }
        Ok(reading)
    }

    /// Leaves out what was delivered before.
    fn skip_past(&mut self, mark: &Mark) {
        let mut place = Place::default();
        let found = self.ready.iter().position(|line| place.pass(line) == *mark);
        match found {
            Some(last) => {
                for line in self.ready.drain(..=last) {
                    self.place.pass(&line);
                }
            }
            None => self.ready.retain(|line| line.at > mark.at),
        }
    }

    async fn next(&mut self) -> io::Result<Option<LogRecord>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(self.record(&line)));
            }
            let Some(follow) = &mut self.follow else {
                return Ok(None);
            };
            self.ready.extend(follow.poll()?);
            if self.ready.is_empty() {
                self.wait().await?;
            }
        }
    }

    async fn wait(&mut self) -> io::Result<()> {
        if self.woken.is_none()
            && let Some(fd) = self.follow.as_ref().and_then(Follow::fd)
        {
            let fd = fd.try_clone_to_owned()?;
            #[expect(
                deprecated,
                reason = "the new form is unsafe for descriptors that lie; an OwnedFd does not"
            )]
            let woken = AsyncFd::with_interest(fd, Interest::READABLE)?;
            self.woken = Some(woken);
            // Between the last look and this moment something may have come.
            return Ok(());
        }
        match &self.woken {
            None => tokio::time::sleep(PAUSE).await,
            Some(woken) => {
                if let Ok(ready) = tokio::time::timeout(PATIENCE, woken.readable()).await {
                    // The next look drains it.
                    ready?.clear_ready();
                }
            }
        }
        Ok(())
    }

    fn record(&mut self, line: &Line) -> LogRecord {
        // A line that has not ended will come again, whole: the cursor stays before it.
        let cursor = if line.complete {
            self.place.pass(line).cursor()
        } else {
            self.place.cursor()
        };
        LogRecord {
            at: line.at,
            instance: self.instance.clone(),
            child: None,
            stream: match line.stream {
                Stream::Out => OutputStream::Stdout,
                Stream::Err => OutputStream::Stderr,
                Stream::Keeper => OutputStream::Note,
            },
            partial: !line.complete,
            text: line.text().into_owned(),
            cursor,
        }
    }
}

/// Names one line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    at: Timestamp,
    stream: u8,
    hash: u64,
    /// Which of several lines that are equal in all of this, from 1.
    copy: u32,
}

impl Mark {
    fn cursor(&self) -> LogCursor {
        let (stream, hash, copy) = (char::from(self.stream), self.hash, self.copy);
        LogCursor::new(format!("1 {} {stream} {hash:016x} {copy}", self.at))
    }

    fn parse(cursor: &LogCursor) -> Option<Self> {
        let mut parts = cursor.as_str().split(' ');
        if parts.next()? != "1" {
            return None;
        }
        Some(Self {
            at: parts.next()?.parse().ok()?,
            stream: *parts.next()?.as_bytes().first()?,
            hash: u64::from_str_radix(parts.next()?, 16).ok()?,
            copy: parts.next()?.parse().ok()?,
        })
    }
}

/// How far reading has come.
#[derive(Debug, Default)]
struct Place {
    last: Option<Mark>,
    /// Equal lines of the last time that was seen, and how many of each.
    copies: HashMap<(u8, u64), u32>,
}

impl Place {
    /// Goes past this line, and gives its mark.
    fn pass(&mut self, line: &Line) -> Mark {
        if self.last.as_ref().is_none_or(|last| last.at != line.at) {
            self.copies.clear();
        }
        let (stream, hash) = (line.stream.letter(), fnv(&line.text));
        let copy = self.copies.entry((stream, hash)).or_default();
        *copy += 1;
        let mark = Mark {
            at: line.at,
            stream,
            hash,
            copy: *copy,
        };
        self.last = Some(mark.clone());
        mark
    }

    fn cursor(&self) -> LogCursor {
        self.last
            .as_ref()
            .map_or_else(|| LogCursor::new(""), Mark::cursor)
    }
}

/// FNV-1a: the same in every version, and nobody gains by a collision.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
