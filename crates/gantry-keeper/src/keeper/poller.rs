//! What is ready.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use gantry_sys::SysError;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::run::RunId;

/// Who a descriptor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Listener,
    Signals,
    Orphans,
    Guard,
    Connection(u32),
    /// A run's output (0) or error (1).
    Output(RunId, u8),
    /// A process that is not our child.
    Process(RunId),
    /// A run's control group.
    Group(RunId),
    /// A run's pipe for the line that means ready.
    Ready(RunId),
    /// The socket for messages.
    Letters,
}

impl Token {
    fn pack(self) -> u64 {
        let (kind, low, id): (u8, u8, u32) = match self {
            Self::Listener => (0, 0, 0),
            Self::Signals => (1, 0, 0),
            Self::Orphans => (2, 0, 0),
            Self::Guard => (3, 0, 0),
            Self::Connection(id) => (4, 0, id),
            Self::Output(id, stream) => (5, stream, id),
            Self::Process(id) => (6, 0, id),
            Self::Group(id) => (8, 0, id),
            Self::Ready(id) => (9, 0, id),
            Self::Letters => (10, 0, 0),
        };
        u64::from(kind) << 40 | u64::from(low) << 32 | u64::from(id)
    }

    fn unpack(word: u64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "that is how it was packed")]
        let (kind, low, id) = ((word >> 40) as u8, (word >> 32) as u8, word as u32);
        Some(match kind {
            0 => Self::Listener,
            1 => Self::Signals,
            2 => Self::Orphans,
            3 => Self::Guard,
            4 => Self::Connection(id),
            5 => Self::Output(id, low),
            6 => Self::Process(id),
            8 => Self::Group(id),
            9 => Self::Ready(id),
            10 => Self::Letters,
            _ => return None,
        })
    }
}

/// The one place where the keeper waits.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: OwnedFd,
}

impl Poller {
    pub(super) fn new() -> Result<Self, SysError> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)
            .map_err(|error| SysError::new("make", "an epoll", error))?;
        Ok(Self { epoll })
    }

    /// Hear when this can be read.
    pub(super) fn add(&self, fd: impl AsFd, token: Token) -> Result<(), SysError> {
        let data = EventData::new_u64(token.pack());
        epoll::add(&self.epoll, fd, data, EventFlags::IN)
            .map_err(|error| SysError::new("watch", format!("{token:?}"), error))
    }

    /// Hear when something exceptional happens to this.
    pub(super) fn add_exceptional(&self, fd: impl AsFd, token: Token) -> Result<(), SysError> {
        let data = EventData::new_u64(token.pack());
        epoll::add(&self.epoll, fd, data, EventFlags::PRI)
            .map_err(|error| SysError::new("watch", format!("{token:?}"), error))
    }

    /// Hear when this can be read, or also when it can be written.
    pub(super) fn also_writable(&self, fd: impl AsFd, token: Token, writable: bool) {
        let data = EventData::new_u64(token.pack());
        let flags = if writable {
            EventFlags::IN | EventFlags::OUT
        } else {
            EventFlags::IN
        };
        let _ = epoll::modify(&self.epoll, fd, data, flags);
    }

    /// Hear no more of this. Closing it is not enough: the guard has it open too.
    pub(super) fn remove(&self, fd: impl AsFd) {
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Wait until something is ready, at most so long.
    pub(super) fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<Token>) {
        let timeout = timeout.and_then(|timeout| timeout.try_into().ok());
        let nothing = epoll::Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        };
        let mut events = [nothing; 256];
        if let Ok(count) = epoll::wait(&self.epoll, &mut events, timeout.as_ref()) {
            ready.extend(
                events[..count]
                    .iter()
                    .filter_map(|event| Token::unpack(event.data.u64())),
            );
        }
    }
}

impl std::os::fd::AsRawFd for Poller {
    fn as_raw_fd(&self) -> i32 {
        self.epoll.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_as_they_went() {
        for token in [
            Token::Listener,
            Token::Connection(u32::MAX),
            Token::Output(7, 1),
            Token::Output(u32::MAX, 0),
            Token::Process(0),
            Token::Group(9),
            Token::Ready(8),
            Token::Letters,
        ] {
            assert_eq!(Token::unpack(token.pack()), Some(token));
        }
    }
}
