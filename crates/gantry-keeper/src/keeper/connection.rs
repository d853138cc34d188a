//! Clients.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use super::Keeper;
use super::poller::Token;
use super::run::RunId;
use crate::protocol::{FrameError, FrameReader, Message, RequestFrame, Role, encode};
use crate::report::report;

/// Beyond so many bytes no further events are put into a connection's buffer.
const ROOM: usize = 1024 * 1024;

/// Beyond so many bytes a client that does not read is given up.
const PATIENCE: usize = 64 * 1024 * 1024;

#[derive(Debug)]
struct Connection {
    stream: UnixStream,
    reader: FrameReader,
    out: Vec<u8>,
    out_start: usize,
    role: Option<Role>,
    /// The client's process, as it said.
    pid: Option<u32>,
    /// The highest event that was put into `out`.
    sent: u64,
    /// The run whose terminal it has joined.
    terminal: Option<RunId>,
    /// How much it was not shown of it.
    skipped: u64,
    waits_for_room: bool,
}

/// All clients.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: HashMap<u32, Connection>,
    next: u32,
}

impl Connections {
    /// The supervisor's connection, and the highest event that it was sent.
    pub(super) fn supervisor(&self) -> Option<(u32, u64)> {
        self.open
            .iter()
            .find(|(_, connection)| connection.role == Some(Role::Supervisor))
            .map(|(id, connection)| (*id, connection.sent))
    }

    pub(super) fn has_room(&self, id: u32) -> bool {
        self.open
            .get(&id)
            .is_some_and(|connection| connection.out.len() - connection.out_start < ROOM)
    }

    pub(super) fn sent(&mut self, id: u32, sequence: u64) {
        if let Some(connection) = self.open.get_mut(&id) {
            connection.sent = sequence;
        }
    }

    pub(super) fn nothing_to_send(&self) -> bool {
        self.open
            .values()
            .all(|connection| connection.out_start == connection.out.len())
    }

    pub(super) fn role(&self, id: u32) -> Option<Role> {
        self.open.get(&id)?.role
    }

    /// The run whose terminal a client has joined.
    pub(super) fn terminal(&self, id: u32) -> Option<RunId> {
        self.open.get(&id)?.terminal
    }

    pub(super) fn join(&mut self, id: u32, run: Option<RunId>) {
        if let Some(connection) = self.open.get_mut(&id) {
            connection.terminal = run;
        }
    }

    /// All that have joined a run's terminal.
    pub(super) fn at_terminal(&self, run: RunId) -> impl Iterator<Item = u32> {
        let joined = move |(id, connection): (&u32, &Connection)| {
            (connection.terminal == Some(run)).then_some(*id)
        };
        self.open.iter().filter_map(joined)
    }

    /// Count so much as not shown to a client, and say how much that is by now; or begin anew.
    pub(super) fn skip(&mut self, id: u32, more: Option<usize>) -> u64 {
        let Some(connection) = self.open.get_mut(&id) else {
            return 0;
        };
        match more {
            Some(more) => connection.skipped += more as u64,
            None => return std::mem::take(&mut connection.skipped),
        }
        connection.skipped
    }

    /// The pid of the client, as far as it said.
    pub(super) fn pid(&self, id: u32) -> Option<u32> {
        self.open.get(&id)?.pid
    }

    pub(super) fn introduce(&mut self, id: u32, role: Role, pid: Option<u32>) {
        if let Some(connection) = self.open.get_mut(&id) {
            connection.role = Some(role);
            connection.pid = pid;
            connection.sent = 0;
        }
    }
}

impl Keeper<'_> {
    pub(super) fn accept(&mut self) {
        while let Ok((stream, _)) = self.shared.listener.accept() {
            let id = self.connections.next;
            self.connections.next = id.wrapping_add(1);
            let ready = stream.set_nonblocking(true).is_ok()
                && self.poller.add(&stream, Token::Connection(id)).is_ok();
            if ready {
                self.connections.open.insert(
                    id,
                    Connection {
                        stream,
                        reader: FrameReader::new(),
                        out: Vec::new(),
                        out_start: 0,
                        role: None,
                        pid: None,
                        sent: 0,
                        terminal: None,
                        skipped: 0,
                        waits_for_room: false,
                    },
                );
            }
        }
    }

    /// Something can be read from or written to a client.
    pub(super) fn hear(&mut self, id: u32) {
        let mut ended = false;
        if let Some(connection) = self.connections.open.get_mut(&id) {
            let mut buffer = [0; 16 * 1024];
            // A bounded share of one turn; what is left makes the descriptor ready again.
            for _ in 0..16 {
                match connection.stream.read(&mut buffer) {
                    Ok(0) => ended = true,
                    Ok(length) => {
                        connection.reader.push(&buffer[..length]);
                        continue;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => ended = true,
                }
                break;
            }
        }
        // What arrived before the end still counts.
        while let Some(connection) = self.connections.open.get_mut(&id) {
            match connection.reader.next::<RequestFrame>() {
                Ok(Some(frame)) => {
                    self.request(id, frame);
                    // A thousand requests at once: who was served first hears of it first.
                    self.send_events_in_batches();
                }
                Ok(None) => break,
                Err(FrameError::Body(error)) => self.refuse_noise(id, &error),
                Err(error @ FrameError::TooLong(_)) => {
                    report(format!("a client is given up: {error}"));
                    ended = true;
                    break;
                }
            }
        }
        self.settle();
        if ended {
            self.flush(id);
            self.hang_up(id);
        }
    }

    /// Put a message into a client's buffer. It is written with all others at the end of the turn: each
    /// write wakes the client, and a thousand answers one by one keep a processor busy with that.
    pub(super) fn send(&mut self, id: u32, message: &Message) {
        if let Some(connection) = self.connections.open.get_mut(&id)
            && let Err(error) = encode(message, &mut connection.out)
        {
            report(format!("cannot encode a message: {error}"));
        }
    }

    /// Write what can be written to everyone.
    pub(super) fn flush_all(&mut self) {
        let all: Vec<u32> = self.connections.open.keys().copied().collect();
        for id in all {
            self.flush(id);
        }
    }

    /// Write what can be written to a client.
    pub(super) fn flush(&mut self, id: u32) {
        let Some(connection) = self.connections.open.get_mut(&id) else {
            return;
        };
        let mut broken = false;
        while connection.out_start < connection.out.len() {
            match connection
                .stream
                .write(&connection.out[connection.out_start..])
            {
                Ok(0) => broken = true,
                Ok(length) => {
                    connection.out_start += length;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => broken = true,
            }
            break;
        }
        let left = connection.out.len() - connection.out_start;
        if left == 0 {
            connection.out.clear();
            connection.out_start = 0;
        }
        if broken || left > PATIENCE {
            self.hang_up(id);
            return;
        }
        let wants_room = left > 0;
        if wants_room != connection.waits_for_room {
            connection.waits_for_room = wants_room;
            self.poller
                .also_writable(&connection.stream, Token::Connection(id), wants_room);
        }
    }

    pub(super) fn hang_up(&mut self, id: u32) {
        if let Some(connection) = self.connections.open.remove(&id) {
            self.poller.remove(&connection.stream);
            // The guard's copy of the descriptor is the same one, but say it loud.
            let _ = connection.stream.shutdown(std::net::Shutdown::Both);
        }
    }
}
