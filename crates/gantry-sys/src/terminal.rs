//! Pseudo terminals.

use std::os::fd::{AsFd, OwnedFd};

use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use crate::error::SysError;

/// A pseudo terminal.
#[derive(Debug)]
pub struct Terminal {
    /// Our end: reading gives what is printed, writing is typing. Never blocks.
    pub master: OwnedFd,
    /// The program's end, a terminal like any other.
    pub slave: OwnedFd,
}

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

impl WindowSize {
    /// What a terminal has that nobody looks at.
    pub const USUAL: Self = Self {
        rows: 24,
        columns: 80,
    };
}

impl Terminal {
    /// Make one. It is nobody's controlling terminal yet.
    pub fn open(size: WindowSize) -> Result<Self, SysError> {
        let failed = |error| SysError::new("make", "a pseudo terminal", error);
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).map_err(failed)?;
        rustix::pty::grantpt(&master).map_err(failed)?;
        rustix::pty::unlockpt(&master).map_err(failed)?;
        // Not by its path, which another mount of /dev/pts may give to another terminal.
        let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags).map_err(failed)?;
        rustix::io::ioctl_fionbio(&master, true).map_err(failed)?;
        set_window_size(&master, size)?;
        Ok(Self { master, slave })
    }

    /// Let this user open it by its path, too.
    pub fn give_to(&self, user: u32) -> Result<(), SysError> {
        rustix::fs::fchown(&self.slave, Some(rustix::fs::Uid::from_raw(user)), None)
            .map_err(|error| SysError::new("give away", "a pseudo terminal", error))
    }
}

/// Its size now.
pub fn window_size(terminal: impl AsFd) -> Result<WindowSize, SysError> {
    let size = rustix::termios::tcgetwinsize(terminal)
        .map_err(|error| SysError::new("ask for", "the size of a terminal", error))?;
    Ok(WindowSize {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// Change its size. Who runs in its foreground is told, if it is another than before.
pub fn set_window_size(terminal: impl AsFd, size: WindowSize) -> Result<(), SysError> {
    let size = Winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(terminal, size)
        .map_err(|error| SysError::new("set", "the size of a terminal", error))
}
