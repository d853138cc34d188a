//! A blocking client, and how to reach the socket.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use camino::Utf8Path;

use crate::layout::{Layout, SOCKET};
use crate::protocol::{
    Event, FrameError, FrameReader, Hello, Message, PROTOCOL_VERSION, Refusal, Reply, Request,
    RequestFrame, Role, Welcome, encode,
};

/// Why a client failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens, or the connection broke.
    #[error("cannot speak with the keeper at {path}")]
    Io {
        /// The socket, or the folder it should be in.
        path: String,
        /// The kernel's word.
        #[source]
        source: io::Error,
    },
    /// The keeper said something that does not parse.
    #[error("the keeper sent something that is no message")]
    Frame(#[from] FrameError),
    /// The keeper refused.
    #[error("the keeper refused: {0}")]
    Refused(#[from] Refusal),
    /// The keeper said something out of turn.
    #[error("the keeper answered out of turn")]
    OutOfTurn,
    /// No answer in time.
    #[error("no answer from the keeper in {0:?}")]
    Timeout(Duration),
}

/// Connect to `guard.sock` in this folder ([`Layout::place`]), by way of the folder's descriptor if its path is
/// longer than a socket's may be. The stream is blocking; a driver sets it non-blocking and wraps it.
pub fn connect(dir: &Utf8Path) -> io::Result<UnixStream> {
    let path = dir.join(SOCKET);
    if path.as_str().len() < 108 {
        return UnixStream::connect(path);
    }
    let folder = std::fs::File::open(dir)?;
    UnixStream::connect(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()))
}

/// The first frame of a connection.
pub fn hello(role: Role, seen: u64) -> RequestFrame {
    RequestFrame {
        id: 0,
        request: Request::Hello(Hello {
            version: PROTOCOL_VERSION,
            role,
            seen,
            pid: Some(std::process::id()),
        }),
    }
}

/// Have a keeper that keeps nothing end, and its guard with it.
pub fn shut_down(pair: &Layout) -> Result<(), ClientError> {
    Client::open(&pair.place(), Role::Supervisor, 0)?
        .ask(Request::Shutdown)
        .map(drop)
}

/// A blocking client. Events that arrive while an answer is awaited are kept for later.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    path: String,
    reader: FrameReader,
    events: VecDeque<Event>,
    shown: VecDeque<Message>,
    welcome: Welcome,
    next_id: u64,
    timeout: Duration,
}

impl Client {
    /// Connect to the keeper whose socket is in `dir` and say hello.
    pub fn open(dir: &Utf8Path, role: Role, seen: u64) -> Result<Self, ClientError> {
        let path = dir.join(SOCKET).into_string();
        let stream = connect(dir).map_err(|source| ClientError::Io {
            path: path.clone(),
            source,
        })?;
        let mut client = Self {
            stream,
            path,
            reader: FrameReader::new(),
            events: VecDeque::new(),
            shown: VecDeque::new(),
            welcome: Welcome {
                version: 0,
                release: String::new(),
                keeper_pid: 0,
                guard_pid: None,
                boot_id: String::new(),
                keeper_starts: 0,
                last_sequence: 0,
                proof: crate::protocol::Proof::Lineage,
                no_cgroup: None,
                capacity: 0,
                salvaged: false,
            },
            next_id: 1,
            timeout: Duration::from_secs(10),
        };
        client.write(&hello(role, seen))?;
        let deadline = Instant::now() + client.timeout;
        match client.read(deadline)? {
            Message::Hello(welcome) => client.welcome = welcome,
            Message::Reply {
                reply: Reply::Refused(refusal),
                ..
            } => return Err(refusal.into()),
            _ => return Err(ClientError::OutOfTurn),
        }
        Ok(client)
    }

    /// What the keeper said of itself.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Ask, and wait for the answer.
    pub fn ask(&mut self, request: Request) -> Result<Reply, ClientError> {
        let id = self.next_id;
        self.next_id += 1;
        self.write(&RequestFrame { id, request })?;
        let deadline = Instant::now() + self.timeout;
        loop {
            match self.read(deadline)? {
                Message::Events { events } => self.events.extend(events),
                Message::Reply { id: of, reply } if of == id => {
                    return match reply {
                        Reply::Refused(refusal) => Err(refusal.into()),
                        reply => Ok(reply),
                    };
                }
                Message::Reply { .. } => {}
                Message::Hello(_) => return Err(ClientError::OutOfTurn),
                shown => self.shown.push_back(shown),
            }
        }
    }

    /// Ask many things without waiting for answers; what comes of them comes as events.
    pub fn tell(&mut self, requests: impl IntoIterator<Item = Request>) -> Result<(), ClientError> {
        let mut bytes = Vec::new();
        for request in requests {
            encode(&RequestFrame { id: 0, request }, &mut bytes)?;
        }
        self.write_bytes(&bytes)
    }

    /// The next event; waits for it until `deadline`.
    pub fn event(&mut self, deadline: Instant) -> Result<Event, ClientError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            if let Message::Events { events } = self.read(deadline)? {
                self.events.extend(events);
            }
        }
    }

    /// The next that a terminal shows, or its end; waits for it until `deadline`.
    pub fn shown(&mut self, deadline: Instant) -> Result<Message, ClientError> {
        loop {
            if let Some(shown) = self.shown.pop_front() {
                return Ok(shown);
            }
            match self.read(deadline)? {
                Message::Reply { .. } | Message::Events { .. } | Message::Hello(_) => {}
                shown => return Ok(shown),
            }
        }
    }

    fn write(&mut self, frame: &RequestFrame) -> Result<(), ClientError> {
        let mut bytes = Vec::with_capacity(512);
        encode(frame, &mut bytes)?;
        self.write_bytes(&bytes)
    }

    fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.stream
            .write_all(bytes)
            .map_err(|source| self.io(source))
    }

    fn read(&mut self, deadline: Instant) -> Result<Message, ClientError> {
        loop {
            if let Some(message) = self.reader.next()? {
                return Ok(message);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ClientError::Timeout(self.timeout));
            }
            self.stream
                .set_read_timeout(Some(left))
                .map_err(|source| self.io(source))?;
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(self.io(io::ErrorKind::UnexpectedEof.into())),
                Ok(length) => self.reader.push(&buffer[..length]),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::TimedOut
                            | io::ErrorKind::Interrupted
                    ) => {}
                Err(source) => return Err(self.io(source)),
            }
        }
    }

    fn io(&self, source: io::Error) -> ClientError {
        ClientError::Io {
            path: self.path.clone(),
            source,
        }
    }
}
