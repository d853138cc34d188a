//! One supervisor for one stack.
//!
//! The lock belongs to an open file, so it goes with the process that holds it, however that ends.
//! The file itself stays: removing it would let two supervisors lock two files of one name.

#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// A stack that is ours as long as this lives.
#[derive(Debug)]
pub struct StackLock {
    _file: File,
}

/// Failed to take the lock of a stack.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another supervisor has it.
    #[error("another supervisor (pid {pid}) keeps this stack")]
    Held {
        /// Its process, as it wrote it into the file; 0 if it has not yet.
        pid: u32,
    },
    /// The file cannot be opened, or its file system has no locks.
    #[error("failed to lock {path}")]
    Failed {
        /// The lock file.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl StackLock {
    /// Take the lock at `path`, without waiting.
    pub fn take(path: &Utf8Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Failed {
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        match lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut text = String::new();
                // Who holds it is only told; a file that cannot be read changes nothing.
                let _ = file.read_to_string(&mut text);
                let pid = text.trim().parse().unwrap_or(0);
                return Err(LockError::Held { pid });
            }
            Err(error) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// Lock an open file. Where the file system has no locks, that is an error which says so: locking
/// nothing, and going on, would one day let two supervisors keep one stack.
pub(crate) fn lock(file: &File, operation: FlockOperation) -> io::Result<()> {
    flock(file, operation).map_err(|errno| match errno {
        Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS => io::Error::other(format!(
            "its file system has no locks ({}); set GANTRY_HOME to a folder on a local disk",
            io::Error::from(errno)
        )),
        errno => errno.into(),
    })
}
