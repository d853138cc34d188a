//! Sockets whose path is longer than the kernel takes.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use camino::Utf8Path;
use rustix::fs::{Mode, OFlags};

/// The longest path of a Unix socket, in bytes.
pub const SOCKET_PATH_LIMIT: usize = 107;

/// A path by which a socket can be bound or connected, as long as this value lives.
///
/// A path that is too long goes by way of its folder's descriptor.
#[derive(Debug)]
pub struct SocketPath {
    path: PathBuf,
    /// Kept open: the path leads through it.
    _folder: Option<OwnedFd>,
}

impl SocketPath {
    /// The way to `socket`.
    pub fn of(socket: &Utf8Path) -> io::Result<Self> {
        if socket.as_str().len() <= SOCKET_PATH_LIMIT {
            return Ok(Self {
                path: socket.as_std_path().to_owned(),
                _folder: None,
            });
        }
        let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(folder.as_std_path(), flags, Mode::empty())?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
        Ok(Self {
            path,
            _folder: Some(folder),
        })
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsRef<Path> for SocketPath {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}
