//! From a service's pipe into its log, so that a kill at any instant neither loses nor doubles a byte.
//!
//! ```text
//! the service's pipe ──tee──▶ scratch ──read──▶ keeper ──append──▶ log
//!                    ──splice──▶ stage ──▶ /dev/null
//! ```
//!
//! A piece is looked at, written, and only then taken from the pipe: moved into the stage, and thrown
//! away from there. All three pipes are in the descriptor table that guard and keeper share, and the
//! [`Intent`] is in their memory. The next keeper thus finds one of these:
//!
//! | intent | stage | what happened | what is done |
//! |---|---|---|---|
//! | none | empty | nothing was under way | nothing |
//! | begun | empty | it may be written, wholly or in part, and is still in the pipe | the log is cut back |
//! | begun | filled | it is written, and (nearly) taken | the rest of it is taken |
//! | none | filled | it is written and taken | the stage is emptied |
//!
//! That the log is cut back before, not after, the pipe is read again prevents doubled lines; that the
//! pipe is emptied only behind the log prevents lost ones. When guard and keeper are both killed, the
//! stage is gone. Then the log's new records are compared with what the pipe still holds: if it begins
//! with the same bytes, they were not taken, and the log is cut back.
//!
//! A log that cannot be written leaves everything in the service's pipe: nothing waits in memory.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use camino::Utf8Path;
use gantry_sys::SysError;
use rustix::pipe::{PipeFlags, SpliceFlags};

use crate::intent::Intent;

/// Stage and scratch, each a pipe with both its ends.
#[derive(Debug)]
pub(crate) struct Intake {
    stage: (OwnedFd, OwnedFd),
    scratch: (OwnedFd, OwnedFd),
    null: OwnedFd,
    pub(crate) intent: Intent,
}

impl Intake {
    /// For a new guard.
    pub(crate) fn new(
        null: BorrowedFd<'_>,
        path: &Utf8Path,
    ) -> Result<(Self, Option<io::Error>), SysError> {
        let pipe = || {
            rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
                .map_err(|error| SysError::new("make", "a pipe", error))
        };
        let null = null
            .try_clone_to_owned()
            .map_err(|error| SysError::new("duplicate", "/dev/null", error))?;
        let (intent, trouble) = Intent::new(path)?;
        let intake = Self {
            stage: pipe()?,
            scratch: pipe()?,
            null,
            intent,
        };
        Ok((intake, trouble))
    }

    /// Every descriptor of it.
    pub(crate) fn fds(&self) -> impl Iterator<Item = RawFd> {
        let ends = [
            &self.stage.0,
            &self.stage.1,
            &self.scratch.0,
            &self.scratch.1,
            &self.null,
        ];
        ends.map(AsRawFd::as_raw_fd)
            .into_iter()
            .chain(self.intent.fd())
    }

    /// Look at what a pipe holds, without taking it. 0 means that nobody can write into it any more.
    pub(crate) fn peek(&self, pipe: &OwnedFd, buffer: &mut [u8]) -> rustix::io::Result<usize> {
        let length = rustix::pipe::tee(pipe, &self.scratch.1, buffer.len(), SpliceFlags::NONBLOCK)?;
        let mut read = 0;
        while read < length {
            match rustix::io::read(&self.scratch.0, &mut buffer[read..length]) {
                Ok(more) => read += more,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    self.empty_scratch();
                    return Err(error);
                }
            }
        }
        Ok(length)
    }

    /// Take so many bytes from a pipe; they stay in the stage until that is [emptied](Self::empty).
    pub(crate) fn take(&self, pipe: &OwnedFd, bytes: usize) -> rustix::io::Result<()> {
        let mut left = bytes;
        while left > 0 {
            match rustix::pipe::splice(pipe, None, &self.stage.1, None, left, SpliceFlags::NONBLOCK)
            {
                Ok(0) => break,
                Ok(moved) => left -= moved,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// How many bytes the stage holds.
    pub(crate) fn staged(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.stage.0).unwrap_or(0)
    }

    /// Throw away what is in the stage, which is so much.
    pub(crate) fn empty(&self, bytes: usize) {
        throw_away(self.stage.0.as_fd(), self.null.as_fd(), bytes);
    }

    /// Throw away what is in the stage, however much that is.
    pub(crate) fn empty_stage(&self) {
        self.empty(usize::MAX);
    }

    /// Throw away what a look of a keeper that was killed has left.
    pub(crate) fn empty_scratch(&self) {
        throw_away(self.scratch.0.as_fd(), self.null.as_fd(), usize::MAX);
    }
}

/// Empty a pipe of so many bytes, or of all it has.
fn throw_away(pipe: BorrowedFd<'_>, null: BorrowedFd<'_>, mut bytes: usize) {
    const AT_ONCE: usize = 1 << 20;
    while bytes > 0 {
        let length = bytes.min(AT_ONCE);
        match rustix::pipe::splice(pipe, None, null, None, length, SpliceFlags::NONBLOCK) {
            Ok(moved @ 1..) => bytes -= moved,
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests;
