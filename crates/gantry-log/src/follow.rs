//! Following a log while it is written, through rotation and compression.

mod set;
mod skip;
mod watch;

use std::fs::{self, File};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::folder::LogFolder;
use crate::input::{self, Input};
use crate::joiner::Joiner;
use crate::query::Query;
use crate::reader::{Lines, Trouble};
use crate::record::{Line, Stream};
use crate::snapshot::Snapshot;
use crate::tail::read_tail;
pub use set::FollowSet;
use skip::Shown;
use watch::Watch;

/// How long a follower that cannot be told waits before it looks again.
const POLL: Duration = Duration::from_millis(100);

/// How long a line without an end is held back before it is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// Follows one folder. [`Follow::poll`] never blocks; [`Follow::fd`] becomes readable when it is worth
/// calling (and where there is none, call it every 100 ms).
#[derive(Debug)]
pub struct Follow {
    folder: LogFolder,
    filter: Query,
    watch: Option<Watch>,
    input: Option<Input>,
    /// The last file that was read, if none is open because there was no other.
    after: Option<String>,
    rest: Vec<u8>,
    shown: Shown,
    joiner: Joiner,
    last: Timestamp,
    waiting_since: Option<Instant>,
}

impl Follow {
    /// Follow a folder from its present end on. It need not exist yet. Of the query, `tail` says
    /// nothing here; read the tail first with [`Follow::with_tail`].
    pub fn new(folder: &LogFolder, filter: Query) -> Self {
        let watch = Watch::new(folder.path());
        let follow = Self::of(&Snapshot::take(folder), filter);
        Self { watch, ..follow }
    }

    /// Read what the query asks for (its tail with it), and follow from exactly there on.
    pub fn with_tail(folder: &LogFolder, query: Query) -> (Vec<Line>, Self) {
        let watch = Watch::new(folder.path());
        let snapshot = Snapshot::take(folder);
        // What is written after this moment is left to the follower.
        let follow = Self {
            watch,
            ..Self::of(&snapshot, query)
        };
        let (lines, _) = read(snapshot, &follow.filter);
        (lines, follow)
    }

    /// From the end of what was seen on; unwatched.
    pub(crate) fn of(snapshot: &Snapshot, filter: Query) -> Self {
        let folder = snapshot.folder.clone();
        let input = snapshot.current.as_ref().map(|current| {
            let path = folder.current();
            let id = Some(current.id.clone());
            Input::new(folder.clone(), path, id, current.end, u64::MAX)
        });
        Self {
            after: snapshot.rotated.last().map(|file| file.stem.clone()),
            folder,
            filter,
            watch: None,
            input,
            rest: Vec::new(),
            shown: Shown::default(),
            joiner: Joiner::default(),
            last: Timestamp::UNIX_EPOCH,
            waiting_since: None,
        }
    }

    /// Readable when there may be something new. `None` where the kernel cannot tell: poll.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref()?.fd()
    }

    /// Lines that were written since the last call.
    pub fn poll(&mut self) -> io::Result<Vec<Line>> {
        if let Some(watch) = &mut self.watch {
            watch.drain(self.folder.path());
        }
        let mut lines = Vec::new();
        loop {
            if self.input.is_none() {
                self.input = self.successor(&mut lines)?;
            }
            self.read_on(&mut lines)?;
            if !self.is_rotated()? {
                break;
            }
            // It was read to its end before it was seen to be rotated, but more may have come between.
            self.read_on(&mut lines)?;
            let Some(next) = self.successor(&mut lines)? else {
                break;
            };
            self.input = Some(next);
            self.rest.clear();
            self.shown = Shown::default();
        }
        self.impatient(&mut lines);
        lines.retain(|line| self.filter.matches(line));
        Ok(lines)
    }

    /// Wait until there is something new, at most so long.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<Vec<Line>> {
        let deadline = Instant::now() + timeout;
        loop {
            let lines = self.poll()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !lines.is_empty() || left.is_zero() {
                return Ok(lines);
            }
            let patience = self.waiting_since.map_or(PATIENCE, |since| {
                let left = PATIENCE.saturating_sub(since.elapsed());
                left.max(Duration::from_millis(1))
            });
            watch::wait(self.fd(), left.min(patience))?;
        }
    }

    /// Give its descriptor back until it is polled again.
    pub(crate) fn release(&mut self) {
        if let Some(input) = &mut self.input {
            input.release();
        }
    }

    /// Whether a line was begun that is to be shown after a while even if it does not end.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting_since.is_some()
    }

    fn read_on(&mut self, lines: &mut Vec<Line>) -> io::Result<()> {
        let Some(input) = &mut self.input else {
            return Ok(());
        };
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                // It was removed before it was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => return Err(error),
            };
            self.rest.extend_from_slice(&buffer[..length]);
            let whole = memchr::memrchr(b'\n', &self.rest).map_or(0, |at| at + 1);
            let mut place = input.offset() - self.rest.len() as u64;
            for line in self.rest[..whole].split_inclusive(|byte| *byte == b'\n') {
                place += line.len() as u64;
                let line = &line[..line.len() - 1];
                if self.shown.is_new(place, line) {
                    lines.extend(self.joiner.push(line, &mut self.last));
                }
            }
            self.rest.drain(..whole);
        }
        // A writer that was killed or could not write takes back its last records, and writes them
        // again.
        if let Some(length) = input.cut()? {
            self.rest.clear();
            self.shown.cut(length);
        }
        Ok(())
    }

    /// Whether `current` is another file now.
    fn is_rotated(&self) -> io::Result<bool> {
        let Some(input) = &self.input else {
            return Ok(false);
        };
        let Some(id) = input.id() else {
            // One that was rotated already when it was found.
            return Ok(true);
        };
        match fs::metadata(self.folder.current()) {
            Ok(now) if now.ino() == id.inode() => Ok(!input.is_held() && {
                let file = File::open(self.folder.current());
                !file.is_ok_and(|file| id.is(&file))
            }),
            Ok(_) => Ok(true),
            // Between the two steps of a rotation, or someone removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The file that comes after ours; the oldest if there was none yet.
    fn successor(&mut self, lines: &mut Vec<Line>) -> io::Result<Option<Input>> {
        // A rotation between looking and opening would let us skip a file, so look again afterwards.
        for _ in 0..100 {
            let rotated = self.folder.listing()?;
            let (next, lost) = match self.input.as_ref() {
                None => {
                    let is_old = |stem: &String| Some(stem) <= self.after.as_ref();
                    (rotated.partition_point(|file| is_old(&file.stem)), false)
                }
                Some(input) => {
                    let ours = |path: &camino::Utf8Path| match input.id() {
                        Some(id) => input::is_file(path, id),
                        None => {
                            path.file_name().map(stem_of) == input.path().file_name().map(stem_of)
                        }
                    };
                    // Ours is near the end, as a rule.
                    let at = rotated.iter().rposition(|file| ours(&file.path));
                    let older = || {
                        let is_old = |stem: &String| Some(stem) <= self.after.as_ref();
                        rotated.partition_point(|file| is_old(&file.stem))
                    };
                    (at.map_or_else(older, |at| at + 1), at.is_none())
                }
            };
            let opened = match rotated.get(next) {
                Some(file) => Some(Input::new(
                    self.folder.clone(),
                    file.path.clone(),
                    None,
                    0,
                    u64::MAX,
                )),
                None => match File::open(self.folder.current()) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    file => {
                        let folder = self.folder.clone();
                        Some(Input::of_file(folder, self.folder.current(), file?)?)
                    }
                },
            };
            if self.folder.listing()?.len() != rotated.len()
                || self.folder.stems()?.last() != rotated.last().map(|file| &file.stem)
            {
                continue;
            }
            if let Some(before) = next.checked_sub(1).and_then(|before| rotated.get(before)) {
                self.after = Some(before.stem.clone());
            }
            if lost {
                lines.push(Line {
                    at: self.last.max(Timestamp::UNIX_EPOCH),
                    stream: Stream::Keeper,
                    text:
                        b"files of the log were removed while it was followed; lines may be missing"
                            .to_vec(),
                    complete: true,
                });
            }
            return Ok(opened);
        }
        Ok(None)
    }

    /// A prompt without a newline is shown after a while.
    fn impatient(&mut self, lines: &mut Vec<Line>) {
        if !self.joiner.is_waiting() {
            self.waiting_since = None;
            return;
        }
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= PATIENCE {
            lines.extend(self.joiner.finish());
            self.waiting_since = None;
        }
    }
}

/// What a query wants of what was seen, and what could not be read.
pub(crate) fn read(snapshot: Snapshot, query: &Query) -> (Vec<Line>, Vec<Trouble>) {
    if let Some(tail) = query.tail {
        return read_tail(snapshot, query, tail);
    }
    let mut lines = Lines::of(snapshot, query.since).until(query.until);
    let wanted = lines.by_ref().filter(|line| query.matches(line)).collect();
    (wanted, lines.troubles().collect())
}

fn stem_of(name: &str) -> &str {
    name.strip_suffix(".gz").unwrap_or(name)
}

#[cfg(test)]
mod tests;
