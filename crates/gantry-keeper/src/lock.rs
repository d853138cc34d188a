//! Only one guard at a time.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// How long one that is held is tried. What a guard or keeper was starting when it was killed holds its descriptors,
/// too, until it runs its program: on a machine with much to do that is more than no time.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often.
const PAUSE: Duration = Duration::from_millis(5);

/// Failed to take the guard's lock.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another guard has it.
    #[error("another guard keeps this stack already ({0} is locked)")]
    Held(Utf8PathBuf),
    /// The file system has none. A stand-in (a name on this machine, a file with a pid) would not be
    /// seen from another machine or container that shares the folder, and two guards would run.
    #[error("cannot lock {path}: its file system has no locks ({source})")]
    Unsupported {
        /// The file.
        path: Utf8PathBuf,
        /// The kernel's word.
        source: io::Error,
    },
    /// The file cannot be opened or locked.
    #[error("cannot lock {path}: {source}")]
    Failed {
        /// The file.
        path: Utf8PathBuf,
        /// The kernel's word.
        source: io::Error,
    },
}

/// Take it. The lock belongs to the open file, so it lasts as long as guard or keeper does, and no
/// service has it.
pub(crate) fn take(path: &Utf8Path) -> Result<File, LockError> {
    let path = path.to_owned();
    let opened = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(source) => return Err(LockError::Failed { path, source }),
    };
    let begin = Instant::now();
    let locked = loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if begin.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            other => break other,
        }
    };
    match locked {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(LockError::Held(path)),
        Err(errno @ (Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS)) => {
            let source = errno.into();
            Err(LockError::Unsupported { path, source })
        }
        Err(errno) => {
            let source = errno.into();
            Err(LockError::Failed { path, source })
        }
    }
}

/// Whether somebody else holds the lock in this file.
pub(crate) fn is_held(path: &Utf8Path) -> bool {
    // Where locks come over the network, only who may write can have one for itself.
    let opened = OpenOptions::new().write(true).open(path);
    opened.is_ok_and(|file| {
        flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
    })
}
