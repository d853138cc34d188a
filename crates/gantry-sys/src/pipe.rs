//! Pipes for a service's output.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags};
use rustix::pipe::PipeFlags;

use crate::error::SysError;

/// Where a process finds what it has open.
const OPEN: &str = "/proc/self/fd";

/// A pipe for one output stream of a service.
#[derive(Debug)]
pub struct Pipe {
    /// What the keeper reads; never blocks.
    pub read: OwnedFd,
    /// What the service is given.
    pub write: OwnedFd,
}

/// Makes such pipes, for the process that made it.
#[derive(Debug)]
pub struct Pipes {
    /// The folder of all that this process has open: by it the way to one of them is half as long.
    open: OwnedFd,
}

impl Pipes {
    /// Get ready.
    pub fn new() -> Result<Self, SysError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = rustix::fs::open(OPEN, flags, Mode::empty());
        let open = open.map_err(|error| SysError::new("open", OPEN, error))?;
        Ok(Self { open })
    }

    /// Make a pipe whose writing end is open for reading too. The service then holds a reader of its own
    /// pipe and never meets a broken one, even when everyone else who read it is gone.
    pub fn make(&self) -> Result<Pipe, SysError> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
            .map_err(|error| SysError::new("make", "a pipe", error))?;
        // Opened anew: a file description of its own, so that it blocks though ours does not.
        let number = write.as_raw_fd().to_string();
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY;
        let both = rustix::fs::openat(&self.open, &number, flags, Mode::empty())
            .map_err(|error| SysError::new("open", format!("{OPEN}/{number}"), error))?;
        Ok(Pipe { read, write: both })
    }
}

impl AsRawFd for Pipes {
    fn as_raw_fd(&self) -> RawFd {
        self.open.as_raw_fd()
    }
}
