//! What a program that is about to be started has as its standard streams: pipes, or a terminal.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use gantry_sys::{Pipe, Pipes, Stdio, SysError};

use super::terminal::Terminal;
use super::written_down;

pub(super) enum Streams {
    /// Output and error; and what is read, if there is anything.
    Pipes([Pipe; 2], Option<OwnedFd>),
    /// All three, and the pipe through which what is printed there goes.
    Terminal(Box<Terminal>, OwnedFd),
}

/// Descriptor and inode of what is not there.
const NOTHING: (i32, u64) = (-1, 0);

impl Streams {
    pub(super) fn pipes(pipes: &Pipes, input: Option<&[u8]>) -> Result<Self, SysError> {
        let pipes = [pipes.make()?, pipes.make()?];
        let input = input.map(gantry_sys::memory_file).transpose()?;
        Ok(Self::Pipes(pipes, input))
    }

    /// A terminal that belongs to this user.
    pub(super) fn terminal(user: Option<u32>) -> Result<Self, SysError> {
        let (terminal, pipe) = Terminal::open(user)?;
        Ok(Self::Terminal(Box::new(terminal), pipe))
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(..))
    }

    /// The pipes that are read, for the ledger.
    pub(super) fn written_down(&self) -> [(i32, u64); 2] {
        match self {
            Self::Pipes([output, error], _) => {
                [written_down(&output.read), written_down(&error.read)]
            }
            Self::Terminal(_, pipe) => [written_down(pipe), NOTHING],
        }
    }

    /// The terminal, for the ledger.
    pub(super) fn terminal_written_down(&self) -> Option<[(i32, u64); 3]> {
        match self {
            Self::Pipes(..) => None,
            Self::Terminal(terminal, _) => Some(terminal.written_down()),
        }
    }

    /// The program's ends.
    pub(super) fn stdio<'a>(&'a self, null: BorrowedFd<'a>) -> Stdio<'a> {
        match self {
            Self::Pipes([output, error], input) => Stdio {
                input: input.as_ref().map_or(null, OwnedFd::as_fd),
                output: output.write.as_fd(),
                error: error.write.as_fd(),
            },
            Self::Terminal(terminal, _) => Stdio {
                input: terminal.slave.as_fd(),
                output: terminal.slave.as_fd(),
                error: terminal.slave.as_fd(),
            },
        }
    }

    /// Our ends. The program's are closed, but for a terminal's.
    pub(super) fn ours(self) -> ([Option<OwnedFd>; 2], Option<Box<Terminal>>) {
        match self {
            Self::Pipes(pipes, _) => (pipes.map(|pipe| Some(pipe.read)), None),
            Self::Terminal(terminal, pipe) => ([Some(pipe), None], Some(terminal)),
        }
    }
}
