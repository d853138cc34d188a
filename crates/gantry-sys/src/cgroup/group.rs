//! The group of one start of an instance.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::error::SysError;

/// A group that was made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    path: PathBuf,
}

impl Group {
    /// The group at this path, as it was recorded. It need not exist any more.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A descriptor of it, for a child to be born into. It stands for the group and cannot be read.
    pub fn open(&self) -> Result<OwnedFd, SysError> {
        rustix::fs::open(
            &self.path,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|error| SysError::new("open", self.path.to_string_lossy(), error))
    }

    /// Its `cgroup.procs`, for a child to write itself to.
    pub fn procs(&self) -> Result<File, SysError> {
        let path = self.path.join("cgroup.procs");
        File::options()
            .write(true)
            .open(&path)
            .map_err(|error| SysError::new("open", path.to_string_lossy(), error))
    }

    /// Whether a living process is in it or below it. One that is gone has none.
    pub fn populated(&self) -> Result<bool, SysError> {
        let path = self.path.join("cgroup.events");
        match fs::read(&path) {
            Ok(text) => Ok(says_populated(&text)),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(SysError::new("read", path.to_string_lossy(), error)),
        }
    }

    /// The processes in it and below it.
    pub fn pids(&self) -> Vec<u32> {
        let mut pids = Vec::new();
        each_group(&self.path, &mut |path| {
            let text = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
            pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
        });
        pids
    }

    /// Kill everything in it and below it at once; a fork in progress cannot escape.
    pub fn kill(&self) -> Result<(), SysError> {
        let path = self.path.join("cgroup.kill");
        match fs::write(&path, "1") {
            Ok(()) => Ok(()),
            // A kernel before 5.14: one by one, held still meanwhile so that none forks behind our
            // back. The caller asks again until the group is empty.
            Err(error) if is_gone(&error) => {
                let _ = fs::write(self.path.join("cgroup.freeze"), "1");
                for pid in self.pids() {
                    if let Some(stat) = crate::process::stat(pid) {
                        let _ = crate::signal::send(stat.process(), libc::SIGKILL);
                    }
                }
                Ok(())
            }
            Err(error) => Err(SysError::new("write", path.to_string_lossy(), error)),
        }
    }

    /// Let it run on if somebody froze it: what is frozen hears no signal but the last.
    pub fn thaw(&self) {
        let file = self.path.join("cgroup.freeze");
        if fs::read(&file).is_ok_and(|text| text.starts_with(b"1")) {
            // If that fails it is killed when its grace is over, which a frozen group does not resist.
            let _ = fs::write(&file, "0");
        }
    }

    /// Hear when it becomes empty.
    pub fn events(&self) -> Result<GroupEvents, SysError> {
        let path = self.path.join("cgroup.events");
        let file = File::open(&path)
            .map_err(|error| SysError::new("open", path.to_string_lossy(), error))?;
        let events = GroupEvents { file };
        // What was never read never changes, as the kernel sees it.
        events.populated();
        Ok(events)
    }

    /// Remove it and what was made below it, if nothing is in it.
    pub fn remove(&self) {
        if rustix::fs::rmdir(&self.path).is_err() {
            let mut below = Vec::new();
            each_group(&self.path, &mut |path| below.push(path.to_owned()));
            for path in below.iter().rev() {
                let _ = fs::remove_dir(path);
            }
        }
    }
}

/// A group's file of events. An exceptional condition (`EPOLLPRI`) is pending from the moment at which
/// the group becomes empty, or is removed, until [`Self::populated`] is asked.
#[derive(Debug)]
pub struct GroupEvents {
    file: File,
}

impl GroupEvents {
    /// Whether a living process is in the group or below it.
    pub fn populated(&self) -> bool {
        let mut text = [0; 128];
        self.file
            .read_at(&mut text, 0)
            .is_ok_and(|length| says_populated(&text[..length]))
    }
}

impl AsFd for GroupEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn says_populated(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n')
        .any(|line| line == b"populated 1")
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

/// A group and all below it, parents first.
fn each_group(path: &Path, visit: &mut dyn FnMut(&Path)) {
    visit(path);
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            each_group(&entry.path(), visit);
        }
    }
}
