//! The user's terminal, in which every key goes to the service.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// The terminal on standard input, as long as this lives. However that ends, it is as before then.
#[derive(Debug)]
pub(super) struct Raw {
    terminal: OwnedFd,
    before: Termios,
}

impl Raw {
    /// If standard input is a terminal.
    pub(super) fn enter() -> io::Result<Option<Self>> {
        Self::of(io::stdin().as_fd().try_clone_to_owned()?)
    }

    fn of(terminal: OwnedFd) -> io::Result<Option<Self>> {
        let before = match tcgetattr(&terminal) {
            Ok(before) => before,
            Err(rustix::io::Errno::NOTTY) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let raw = Self { terminal, before };
        raw.again()?;
        Ok(Some(raw))
    }

    /// After it was as before for a while.
    pub(super) fn again(&self) -> io::Result<()> {
        let mut raw = self.before.clone();
        raw.make_raw();
        tcsetattr(&self.terminal, OptionalActions::Now, &raw).map_err(Into::into)
    }

    /// As before.
    pub(super) fn leave(&self) {
        // Who is not allowed to is in the background, and then somebody else has seen to it.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The size of the user's terminal, if there is one.
pub(super) fn size() -> Option<(u16, u16)> {
    let of_output = rustix::termios::tcgetwinsize(io::stdout());
    let size = of_output.or_else(|_| rustix::termios::tcgetwinsize(io::stdin()));
    let size = size.ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
    use rustix::termios::LocalModes;

    #[test]
    fn a_panic_gives_the_terminal_back() {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let master = openpt(flags).unwrap();
        unlockpt(&master).unwrap();
        let terminal = ioctl_tiocgptpeer(&master, flags).unwrap();
        let modes = || tcgetattr(&terminal).unwrap().local_modes;
        let before = modes();
        let panicked = std::panic::catch_unwind(|| {
            let _raw = Raw::of(terminal.try_clone().unwrap()).unwrap().unwrap();
            assert!(!modes().contains(LocalModes::ICANON | LocalModes::ECHO));
            panic!("a bug");
        });
        assert!(panicked.is_err());
        assert_eq!(modes(), before);
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(Raw::of(file.into()).unwrap().is_none());
    }
}
