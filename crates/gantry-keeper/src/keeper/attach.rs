//! Who has joined a terminal: showing and typing.
//!
//! Several may have joined one. All see the same, what they type goes in as it comes, and the size is
//! that of the last who said one. Nobody of them can hold the service back: who does not take what is
//! shown misses some of it, and is told how much.

use rustix::io::Errno;

use super::Keeper;
use super::run::{Run, RunId, What};
use super::terminal::{RECENT, Typed};
use crate::protocol::{Bytes, Generation, InstanceName, Message, Refusal, Reply, Request, Size};
use crate::report::report;

/// How much one request may type.
const INPUT: usize = 64 * 1024;

/// How many such requests wait at most.
const WAITING: usize = 64;

impl Keeper<'_> {
    /// A request of a client that is there for a terminal.
    pub(super) fn terminal_request(&mut self, from: u32, id: u64, request: Request) {
        let done = match request {
            Request::Attach {
                instance,
                generation,
                size,
                recent,
            } => self.attach(from, id, &instance, generation, size, recent),
            Request::Resize { size } => self.resize(from, size).map(|()| true),
            Request::Input {
                bytes: Bytes(bytes),
            } => self.input(from, id, bytes).map(|()| false),
            _ => Err(Refusal::Role),
        };
        let reply = match done {
            Ok(true) => Reply::Done,
            Ok(false) => return,
            Err(refusal) => Reply::Refused(refusal),
        };
        if id != 0 {
            self.reply(from, id, reply);
        }
    }

    /// Gives whether it is still to be answered.
    fn attach(
        &mut self,
        from: u32,
        id: u64,
        instance: &InstanceName,
        generation: Generation,
        size: Option<Size>,
        recent: bool,
    ) -> Result<bool, Refusal> {
        let run = self.find(instance, generation)?;
        let living = |run: &&mut Run| run.exit.is_none() && run.failure.is_none();
        let Some(found) = self.runs.get_mut(&run).filter(living) else {
            return Err(Refusal::NotFound {
                what: format!("a living process of {instance}"),
            });
        };
        if found.hung_up {
            return Err(Refusal::Failed {
                message: "its terminal was lost when guard and keeper were killed; its next start has one".into(),
            });
        }
        let (Some(terminal), What::Instance { log, .. }) = (&mut found.terminal, &mut found.what)
        else {
            return Err(Refusal::NoTerminal {
                instance: instance.clone(),
            });
        };
        if recent && terminal.screen.inherited {
            let mark = log.writer.mark().map(|mark| gantry_log::Mark {
                length: mark.length.saturating_sub(RECENT as u64),
                ..mark
            });
            let text = mark.and_then(|mark| {
                log.writer
                    .folder()
                    .text_after(mark, gantry_log::Stream::Out)
            });
            match text {
                Ok(text) => terminal.screen.inherit(&text.unwrap_or_default()),
                Err(error) => report(format!("cannot read what {instance} printed last: {error}")),
            }
        }
        let bytes = terminal.screen.recent();
        terminal.screen.watched = true;
        self.connections.join(from, Some(run));
        if id != 0 {
            self.reply(from, id, Reply::Done);
        }
        if recent && !bytes.is_empty() {
            let bytes = Bytes(bytes);
            self.send(from, &Message::Output { bytes });
        }
        if let Some(size) = size {
            self.redraw(run, size);
            self.resize(from, size)?;
        }
        Ok(false)
    }

    /// Somebody new looks on. A program that fills the screen draws it anew when its size changes, so
    /// let that happen if it does not by itself.
    fn redraw(&self, run: RunId, size: Size) {
        let Some(terminal) = self.runs.get(&run).and_then(|run| run.terminal.as_ref()) else {
            return;
        };
        let now = gantry_sys::window_size(&terminal.master);
        if now.is_ok_and(|now| (now.rows, now.columns) == (size.rows, size.columns)) {
            let other = gantry_sys::WindowSize {
                rows: size.rows.saturating_add(1),
                columns: size.columns,
            };
            let _ = gantry_sys::set_window_size(&terminal.master, other);
        }
    }

    fn joined(&self, from: u32) -> Result<RunId, Refusal> {
        let run = self.connections.terminal(from);
        run.ok_or_else(|| Refusal::NotFound {
            what: "the terminal: it was not joined, or its program has ended".into(),
        })
    }

    fn resize(&self, from: u32, size: Size) -> Result<(), Refusal> {
        let run = self.joined(from)?;
        let terminal = self.runs.get(&run).and_then(|run| run.terminal.as_ref());
        let size = gantry_sys::WindowSize {
            rows: size.rows,
            columns: size.columns,
        };
        terminal.map_or(Ok(()), |terminal| {
            gantry_sys::set_window_size(&terminal.master, size).map_err(|error| Refusal::Failed {
                message: error.to_string(),
            })
        })
    }

    fn input(&mut self, from: u32, id: u64, bytes: Vec<u8>) -> Result<(), Refusal> {
        let run = self.joined(from)?;
        let terminal = self
            .runs
            .get_mut(&run)
            .and_then(|run| run.terminal.as_mut());
        if let Some(terminal) = terminal {
            if bytes.len() > INPUT || terminal.typed.len() >= WAITING {
                return Err(Refusal::Failed {
                    message: "too much is typed at once".into(),
                });
            }
            terminal.typed.push_back(Typed {
                bytes,
                done: 0,
                reply: (from, id),
            });
        }
        self.type_on(run);
        Ok(())
    }

    /// Type what waits for that, as far as it is read.
    pub(super) fn type_on(&mut self, run: RunId) {
        let mut answered = Vec::new();
        let Some(terminal) = self
            .runs
            .get_mut(&run)
            .and_then(|run| run.terminal.as_mut())
        else {
            return;
        };
        if terminal.typed.is_empty() {
            return;
        }
        while let Some(next) = terminal.typed.front_mut() {
            let mut full = false;
            while next.done < next.bytes.len() && !full {
                match rustix::io::write(&terminal.master, &next.bytes[next.done..]) {
                    Ok(length) => next.done += length,
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => full = true,
                    // There is nobody any more to type to.
                    Err(_) => next.done = next.bytes.len(),
                }
            }
            if full {
                break;
            }
            answered.push(next.reply);
            terminal.typed.pop_front();
        }
        terminal.watch(&self.poller, run);
        for (to, id) in answered {
            if id != 0 {
                self.reply(to, id, Reply::Done);
            }
        }
    }

    /// Send what a terminal shows to those who have joined it.
    pub(super) fn show(&mut self, run: RunId) {
        let watching: Vec<u32> = self.connections.at_terminal(run).collect();
        let Some(terminal) = self
            .runs
            .get_mut(&run)
            .and_then(|run| run.terminal.as_mut())
        else {
            return;
        };
        terminal.screen.watched = !watching.is_empty();
        let fresh = std::mem::take(&mut terminal.screen.fresh);
        if fresh.is_empty() {
            return;
        }
        let length = fresh.len();
        let bytes = Bytes(fresh);
        let output = Message::Output { bytes };
        for client in watching {
            self.flush(client);
            if !self.connections.has_room(client) {
                self.connections.skip(client, Some(length));
                continue;
            }
            let bytes = self.connections.skip(client, None);
            if bytes > 0 {
                self.send(client, &Message::Skipped { bytes });
            }
            self.send(client, &output);
        }
    }

    /// A program has ended: those who have joined its terminal are told, and have left it.
    pub(super) fn detach_all(&mut self, run: RunId) {
        let Some(exit) = self.runs.get(&run).and_then(|run| run.exit.clone()) else {
            return;
        };
        let watching: Vec<u32> = self.connections.at_terminal(run).collect();
        for client in watching {
            self.connections.join(client, None);
            self.send(client, &Message::Ended { exit: exit.clone() });
        }
    }
}
