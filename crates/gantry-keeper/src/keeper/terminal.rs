//! A service's terminal.
//!
//! ```text
//! the service ──▶ terminal ──splice──▶ pipe ──▶ as any service's pipe: looked at, written, taken
//! ```
//!
//! What is printed on a terminal cannot be looked at without being taken. So it is never read into the
//! keeper: one system call moves it into a pipe, and from there it goes the way of all output
//! ([`Intake`](crate::intake::Intake)). The terminal's both ends and the pipe's are in the descriptor
//! table that guard and keeper share, so both outlive a keeper.
//!
//! | the keeper is killed | where the output is | what the next keeper does |
//! |---|---|---|
//! | before that call | in the terminal | moves it |
//! | in it | a kill takes effect when the call returns, and it has moved all of what it gives or nothing | goes on |
//! | after it | in the pipe | finds the pipe as that of any other service |
//!
//! So no kill of a keeper, and none of a guard, loses or doubles a byte. What remains:
//!
//! - **Guard and keeper killed as one.** Nobody has the terminal any more, and the kernel hangs it up:
//!   the service gets SIGHUP, as when a window is closed, and what was in terminal and pipe is lost, some
//!   80 KB at most. If it lives on, it is adopted; its log says that it has no terminal any more.
//! - **A kernel that cannot splice from a terminal** (5.10.0 to 5.10.9): the bytes are read and then written
//!   into the pipe. A keeper that is killed between the two calls loses them, at most 4 KB.
//! - **The last carriage return** of a service's life, if no newline follows it: it waits in the pipe to
//!   see whether it is one half of a line's end, and is no text.
//!
//! The keeper itself holds the service's end open too. So nothing hangs up as long as the tree lives,
//! whatever its processes close, and what they printed last can be read after their end.

mod questions;

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use gantry_sys::{SysError, WindowSize};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags};

use super::Keeper;
use super::poller::{Poller, Token};
use super::run::{RunId, What};
use super::written_down;

/// How much is moved at once. A terminal gives less.
const PIECE: usize = 64 * 1024;

/// How often in a row: more than what a terminal holds.
const PIECES: usize = 8;

/// What a pipe must hold that takes all that a terminal still has.
const ROOM: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Terminal {
    /// Our end.
    pub(super) master: OwnedFd,
    /// The service's end.
    pub(super) slave: OwnedFd,
    /// Where what is printed goes.
    pipe: OwnedFd,
    pub(super) screen: Screen,
    /// What is to be typed, oldest first.
    pub(super) typed: VecDeque<Typed>,
}

/// What a client typed that is on its way.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) bytes: Vec<u8>,
    /// How much of it was typed.
    pub(super) done: usize,
    /// Whom to tell when all of it was: the client, and its request.
    pub(super) reply: (u32, u64),
}

/// What a terminal shows.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// What it has shown last.
    recent: VecDeque<u8>,
    /// Whether there was more, of which this keeper knows nothing.
    pub(super) inherited: bool,
    /// How much of what is in the pipe was shown, though it is not written.
    seen: usize,
    /// Whether somebody watches.
    pub(super) watched: bool,
    /// What those who watch have not been sent.
    pub(super) fresh: Vec<u8>,
}

/// How much of what was shown is remembered: some screens full.
pub(super) const RECENT: usize = 16 * 1024;

impl Screen {
    /// The pipe holds this.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        let new = bytes.get(self.seen..).unwrap_or_default();
        self.seen = bytes.len();
        if self.watched {
            self.fresh.extend_from_slice(new);
        }
        self.remember(new);
    }

    fn remember(&mut self, bytes: &[u8]) {
        let new = &bytes[bytes.len().saturating_sub(RECENT)..];
        let over = (self.recent.len() + new.len()).saturating_sub(RECENT);
        self.recent.drain(..over);
        self.recent.extend(new);
    }

    /// So much was taken from the pipe.
    pub(super) fn taken(&mut self, bytes: usize) {
        self.seen = self.seen.saturating_sub(bytes);
    }

    /// What was shown last, from the beginning of a line if there was more before it.
    pub(super) fn recent(&self) -> Vec<u8> {
        let mut recent: Vec<u8> = self.recent.iter().copied().collect();
        if recent.len() == RECENT
            && let Some(end) = memchr::memchr(b'\n', &recent)
        {
            recent.drain(..=end);
        }
        questions::without_questions(&recent)
    }

    /// What a keeper before has shown, as far as the log tells.
    pub(super) fn inherit(&mut self, text: &[u8]) {
        self.inherited = false;
        self.recent.clear();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(line) => {
                    self.remember(line);
                    self.remember(b"\r\n");
                }
                None => self.remember(line),
            }
        }
    }
}

impl Terminal {
    /// Make one, and the pipe that it is emptied into.
    pub(super) fn open(user: Option<u32>) -> Result<(Self, OwnedFd), SysError> {
        let terminal = gantry_sys::Terminal::open(WindowSize::USUAL)?;
        if let Some(user) = user {
            terminal.give_to(user)?;
        }
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
            .map_err(|error| SysError::new("make", "a pipe", error))?;
        let gantry_sys::Terminal { master, slave } = terminal;
        Ok((Self::new(master, slave, write), read))
    }

    fn new(master: OwnedFd, slave: OwnedFd, pipe: OwnedFd) -> Self {
        Self {
            master,
            slave,
            pipe,
            screen: Screen::default(),
            typed: VecDeque::new(),
        }
    }

    /// For the ledger.
    pub(super) fn written_down(&self) -> [(i32, u64); 3] {
        [
            written_down(&self.master),
            written_down(&self.slave),
            written_down(&self.pipe),
        ]
    }

    /// Take over what the ledger names. All terminals' ends look the same; whether these are still the
    /// ones that are meant is told by the pipe, and it is for the caller to have claimed that.
    pub(super) fn claim(fds: [(i32, u64); 3]) -> Option<Self> {
        let [master, slave, pipe] = fds.map(|(fd, inode)| gantry_sys::claim(fd, inode));
        let mut terminal = Self::new(master?, slave?, pipe?);
        terminal.screen.inherited = true;
        Some(terminal)
    }

    /// Hear what is printed, and when more can be typed if something waits for that.
    pub(super) fn watch(&self, poller: &Poller, id: RunId) {
        poller.also_writable(&self.master, Token::Output(id, 0), !self.typed.is_empty());
    }

    pub(super) fn fds(&self) -> [&OwnedFd; 3] {
        [&self.master, &self.slave, &self.pipe]
    }

    pub(super) fn into_fds(self) -> [OwnedFd; 3] {
        [self.master, self.slave, self.pipe]
    }

    /// Move what was printed into the pipe, as far as there is room. It fails with EIO when the terminal was
    /// hung up for good, which no process of the service can do as long as we have its end open too.
    pub(super) fn pump(&self) -> Result<(), Errno> {
        for _ in 0..PIECES {
            let flags = SpliceFlags::NONBLOCK;
            match rustix::pipe::splice(&self.master, None, &self.pipe, None, PIECE, flags) {
                Ok(0) | Err(Errno::AGAIN) => return Ok(()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::INVAL) => return self.pump_by_hand(),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn pump_by_hand(&self) -> Result<(), Errno> {
        // A pipe takes so much whole or not at all, and only what it takes may be read.
        let mut polled = [rustix::event::PollFd::new(
            &self.pipe,
            rustix::event::PollFlags::OUT,
        )];
        let at_once = rustix::event::Timespec::default();
        if rustix::event::poll(&mut polled, Some(&at_once))? == 0 {
            return Ok(());
        }
        let mut buffer = [0; 4096];
        match rustix::io::read(&self.master, &mut buffer) {
            Ok(length) => rustix::io::write(&self.pipe, &buffer[..length]).map(drop),
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Move all that is there, for a pipe that nobody empties for now.
    pub(super) fn pump_all(&self) -> Result<(), Errno> {
        // If it may not be so large, what has no room is lost with the terminal.
        let _ = rustix::pipe::fcntl_setpipe_size(&self.pipe, ROOM);
        self.pump()
    }
}

/// How much of what a terminal's pipe holds can go into the log: all but a carriage return at its end,
/// which may be half of a line's end.
pub(super) fn settled(bytes: &[u8]) -> usize {
    bytes.len() - usize::from(bytes.ends_with(b"\r"))
}

/// What stands in the log for these bytes: a terminal ends lines with carriage return and newline, a log
/// with newline. Other carriage returns stay.
pub(super) fn text_of(bytes: &[u8], text: &mut Vec<u8>) {
    text.clear();
    text.reserve(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(mut line) => {
                // A program that ends its lines with both gets another one from the terminal.
                while let Some(shorter) = line.strip_suffix(b"\r") {
                    line = shorter;
                }
                text.extend_from_slice(line);
                text.push(b'\n');
            }
            None => text.extend_from_slice(line),
        }
    }
}

impl Keeper<'_> {
    /// Nothing of a run is left, and what it printed is written: its terminal goes.
    pub(super) fn close_terminal(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let blocked = matches!(&run.what, What::Instance { log, .. } if log.blocked);
        if !run.tree_empty || blocked {
            return;
        }
        if let Some(terminal) = run.terminal.take() {
            self.poller.remove(&terminal.master);
            self.close_stream(id, 0);
        }
    }
}

#[cfg(test)]
mod tests;
