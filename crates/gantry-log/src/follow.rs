//! Following a log while it is written, through rotation.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::folder::LogFolder;
use crate::query::Query;
use crate::reader::{Joiner, Span};
use crate::record::Line;

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
    file: Option<Open>,
    joiner: Joiner,
    last: Timestamp,
    waiting_since: Option<Instant>,
}

#[derive(Debug)]
struct Watch {
    fd: OwnedFd,
    /// The folder itself is watched; before it exists, nothing can be.
    folder: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    inode: u64,
    offset: u64,
    rest: Vec<u8>,
}

impl Follow {
    /// Follow a folder from its present end on. It need not exist yet. Of the query, `tail` says
    /// nothing here; read the tail first with [`Follow::with_tail`].
    pub fn new(folder: LogFolder, filter: Query) -> io::Result<Self> {
        let mut follow = Self::unopened(folder, filter);
        follow.drain_watch();
        if let Some(file) = Span::whole(follow.folder.current()).open()? {
            follow.file = Some(Open {
                inode: file.metadata()?.ino(),
                offset: end_of_records(&file)?,
                file,
                rest: Vec::new(),
            });
        }
        Ok(follow)
    }

    /// Read what the query asks for (its tail with it), and follow from exactly there on.
    pub fn with_tail(folder: LogFolder, query: Query) -> io::Result<(Vec<Line>, Self)> {
        // What is written after the follower was made is left to it.
        let follow = Self::new(folder, query)?;
        let lines = match &follow.file {
            Some(open) => {
                crate::query::read_until(&follow.folder, &follow.filter, open.inode, open.offset)?
            }
            None => Vec::new(),
        };
        Ok((lines, follow))
    }

    fn unopened(folder: LogFolder, filter: Query) -> Self {
        let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .ok()
            .map(|fd| Watch { fd, folder: false });
        Self {
            folder,
            filter,
            watch,
            file: None,
            joiner: Joiner::default(),
            last: Timestamp::UNIX_EPOCH,
            waiting_since: None,
        }
    }

    /// Readable when there may be something new. `None` where the kernel cannot tell: poll.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        let watch = self.watch.as_ref()?;
        watch.folder.then(|| watch.fd.as_fd())
    }

    /// Lines that were written since the last call.
    pub fn poll(&mut self) -> io::Result<Vec<Line>> {
        self.drain_watch();
        let mut lines = Vec::new();
        loop {
            self.open()?;
            self.read_open(&mut lines)?;
            if !self.rotated()? {
                break;
            }
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
            self.sleep(left)?;
        }
    }

    fn sleep(&self, left: Duration) -> io::Result<()> {
        let patience = self.waiting_since.map_or(PATIENCE, |since| {
            PATIENCE
                .saturating_sub(since.elapsed())
                .max(Duration::from_millis(1))
        });
        match self.fd() {
            None => std::thread::sleep(left.min(POLL)),
            Some(fd) => {
                let time = left.min(patience);
                let time = rustix::event::Timespec::try_from(time).map_err(io::Error::other)?;
                let mut polled = [rustix::event::PollFd::from_borrowed_fd(
                    fd,
                    rustix::event::PollFlags::IN,
                )];
                match rustix::event::poll(&mut polled, Some(&time)) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    fn drain_watch(&mut self) {
        if let Some(watch) = &mut self.watch {
            if !watch.folder {
                let flags = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_FROM;
                let path = self.folder.path().as_std_path();
                watch.folder = inotify::add_watch(&watch.fd, path, flags).is_ok();
            }
            let mut buffer = [0; 4096];
            while matches!(rustix::io::read(&watch.fd, &mut buffer), Ok(length) if length > 0) {}
        }
    }

    /// Open the file to begin with: the oldest, since there was none when this began.
    fn open(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.file = self.successor(None)?;
        }
        Ok(())
    }

    /// The file that comes after the one with this inode; the oldest if that one is gone.
    fn successor(&self, inode: Option<u64>) -> io::Result<Option<Open>> {
        // A rotation between looking and opening would let us skip a file, so look again afterwards.
        for _ in 0..100 {
            let Some(span) = self.span_after(inode)? else {
                return Ok(None);
            };
            let Some(file) = span.open()? else {
                if span.path == self.folder.current() {
                    return Ok(None);
                }
                continue;
            };
            let found = file.metadata()?.ino();
            let still = self
                .span_after(inode)?
                .map(|span| std::fs::metadata(span.path));
            if matches!(still, Some(Ok(metadata)) if metadata.ino() == found) {
                return Ok(Some(Open {
                    file,
                    inode: found,
                    offset: 0,
                    rest: Vec::new(),
                }));
            }
        }
        Ok(None)
    }

    fn span_after(&self, inode: Option<u64>) -> io::Result<Option<Span>> {
        let mut spans = self.folder.spans()?;
        let is_ours = |span: &Span| {
            inode.is_some()
                && std::fs::metadata(&span.path)
                    .ok()
                    .map(|metadata| metadata.ino())
                    == inode
        };
        // Ours is near the end, as a rule.
        let next = spans.iter().rposition(is_ours).map_or(0, |ours| ours + 1);
        Ok((next < spans.len()).then(|| spans.swap_remove(next)))
    }

    fn read_open(&mut self, lines: &mut Vec<Line>) -> io::Result<()> {
        let Some(open) = &mut self.file else {
            return Ok(());
        };
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = open.file.read_at(&mut buffer, open.offset)?;
            if length == 0 {
                break;
            }
            open.offset += length as u64;
            open.rest.extend_from_slice(&buffer[..length]);
            let whole = memchr::memrchr(b'\n', &open.rest).map_or(0, |at| at + 1);
            for line in open.rest[..whole].split(|byte| *byte == b'\n') {
                lines.extend(self.joiner.push(line, &mut self.last));
            }
            open.rest.drain(..whole);
        }
        // A writer that was killed or could not write may have taken back its last records.
        if open.file.metadata()?.len() < open.offset {
            open.offset = open.file.metadata()?.len();
            open.rest.clear();
        }
        Ok(())
    }

    /// Whether `current` is another file now; then go on with the one that came after ours.
    fn rotated(&mut self) -> io::Result<bool> {
        let Some(open) = &self.file else {
            return Ok(false);
        };
        match std::fs::metadata(self.folder.current()) {
            Ok(now) if now.ino() == open.inode => return Ok(false),
            Ok(_) => {}
            // Between the two steps of a rotation.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        // Ours was read to its end before it was seen to be rotated, but more may have come between.
        if open.file.metadata()?.len() <= open.offset {
            let Some(next) = self.successor(Some(open.inode))? else {
                return Ok(false);
            };
            self.file = Some(next);
        }
        Ok(true)
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

/// Where the last whole record ends: the writer may be in the middle of one.
fn end_of_records(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut buffer = vec![0; 4096];
    while end > 0 {
        let length = end.min(buffer.len() as u64);
        let block = &mut buffer[..usize::try_from(length).unwrap_or(0)];
        end -= length;
        file.read_exact_at(block, end)?;
        if let Some(at) = memchr::memrchr(b'\n', block) {
            return Ok(end + at as u64 + 1);
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests;
