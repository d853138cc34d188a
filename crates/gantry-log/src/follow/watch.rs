//! Being told of changes in one folder.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use camino::Utf8Path;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::POLL;

/// What is worth looking.
pub(super) const CHANGES: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::CREATE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::ONLYDIR);

/// Watches one folder as soon as it exists.
#[derive(Debug)]
pub(super) struct Watch {
    fd: OwnedFd,
    /// The folder itself is watched; before it exists, nothing can be.
    folder: bool,
}

impl Watch {
    /// `None` where the kernel cannot tell.
    pub(super) fn new(folder: &Utf8Path) -> Option<Self> {
        let fd = init()?;
        let mut watch = Self { fd, folder: false };
        watch.drain(folder);
        Some(watch)
    }

    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.folder.then(|| self.fd.as_fd())
    }

    /// Forget what was told so far: one looks now.
    pub(super) fn drain(&mut self, folder: &Utf8Path) {
        if !self.folder {
            let watched = inotify::add_watch(&self.fd, folder.as_std_path(), CHANGES);
            self.folder = watched.is_ok();
        }
        let mut buffer = [0; 4096];
        while matches!(rustix::io::read(&self.fd, &mut buffer), Ok(length) if length > 0) {}
    }
}

pub(super) fn init() -> Option<OwnedFd> {
    inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()
}

/// Wait until this is readable, or a moment where there is none; at most so long.
pub(super) fn wait(fd: Option<BorrowedFd<'_>>, timeout: Duration) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let Some(fd) = fd else {
        std::thread::sleep(timeout.min(POLL));
        return Ok(());
    };
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    let timeout = Timespec::try_from(timeout).unwrap_or(Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    });
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
