//! Pipes for a service's output.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::pipe::PipeFlags;

use crate::error::SysError;

/// A pipe for one output stream of a service.
#[derive(Debug)]
pub struct Pipe {
    /// What the keeper reads; never blocks.
    pub read: OwnedFd,
    /// What the service is given.
    pub write: OwnedFd,
}

/// Make a pipe whose writing end is open for reading too. The service then holds a reader of its own
/// pipe and never meets a broken one, even when everyone else who read it is gone.
pub fn stdio_pipe() -> Result<Pipe, SysError> {
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
        .map_err(|error| SysError::new("make", "a pipe", error))?;
    // Opened anew: a file description of its own, so that it blocks though ours does not.
    let both = reopen(write.as_fd(), OFlags::RDWR)?;
    Ok(Pipe { read, write: both })
}

/// Open what a descriptor stands for once more, with other flags.
pub fn reopen(fd: BorrowedFd<'_>, flags: OFlags) -> Result<OwnedFd, SysError> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    rustix::fs::open(
        &path,
        flags | OFlags::CLOEXEC | OFlags::NOCTTY,
        Mode::empty(),
    )
    .map_err(|error| SysError::new("open", path, error))
}
