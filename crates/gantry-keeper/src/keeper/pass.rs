//! One piece of a pipe into a log: looked at, written, taken. [`Intake`] says why in this order.

use std::io;
use std::os::fd::OwnedFd;

use gantry_log::{LogWriter, Mark, Stream};
use jiff::Timestamp;

use super::run::Log;
use super::terminal::{self, Screen};
use crate::intake::Intake;
use crate::intent::Chunk;
use crate::protocol::Overflow;
use crate::report::report;
use crate::tally::Tally;

/// What became of a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    /// So many bytes were taken from it; there may be more.
    Some(usize),
    /// All that there was was taken from it.
    All(usize),
    /// Nothing is there now.
    Nothing,
    /// Nobody can write any more.
    End,
    /// The log cannot be written: all stays in the pipe until it can.
    Blocked,
}

/// What a keeper passes everything through.
#[derive(Debug)]
pub(super) struct Way<'a> {
    pub(super) intake: &'a Intake,
    pub(super) tally: &'a Tally,
    /// What was looked at last.
    pub(super) buffer: &'a mut [u8],
    /// Where records are made.
    pub(super) scratch: &'a mut Vec<u8>,
    /// For what comes from a terminal: where it becomes text.
    pub(super) text: Option<&'a mut Vec<u8>>,
    /// For what comes from a terminal that is still open: where it is shown.
    pub(super) screen: Option<&'a mut Screen>,
}

impl Way<'_> {
    /// Pass a piece on.
    pub(super) fn pass(
        &mut self,
        log: &mut Log,
        pipe: &OwnedFd,
        stream: usize,
    ) -> io::Result<Passed> {
        let length = match self.intake.peek(pipe, self.buffer) {
            Ok(0) => return Ok(Passed::End),
            Ok(length) => length,
            Err(rustix::io::Errno::INTR) => return Ok(Passed::Some(0)),
            Err(rustix::io::Errno::AGAIN) => return Ok(Passed::Nothing),
            Err(error) => return Err(error.into()),
        };
        let whole = length < self.buffer.len();
        if let Some(screen) = &mut self.screen {
            screen.see(&self.buffer[..length]);
        }
        let length = match self.text {
            Some(_) => terminal::settled(&self.buffer[..length]),
            None => length,
        };
        if length == 0 {
            return Ok(Passed::Nothing);
        }
        match self.write(log, pipe, stream, length) {
            Ok(done) if done == length && whole => Ok(Passed::All(done)),
            Ok(done) => Ok(Passed::Some(done)),
            Err(error) => {
                if !std::mem::replace(&mut log.reported, true) {
                    let path = log.writer.folder().current();
                    report(format!("cannot write {path}: {error}"));
                }
                match log.overflow {
                    Overflow::Block => {
                        log.blocked = true;
                        Ok(Passed::Blocked)
                    }
                    Overflow::Drop => {
                        self.drop(log, pipe, stream, length)?;
                        Ok(Passed::Some(length))
                    }
                }
            }
        }
    }

    /// Write what was looked at, and take it from the pipe. Gives how much of it that was.
    fn write(
        &mut self,
        log: &mut Log,
        pipe: &OwnedFd,
        stream: usize,
        length: usize,
    ) -> io::Result<usize> {
        let at = Timestamp::now();
        self.tell_of_dropped(log, at)?;
        let bytes = log.writer.make_room(at, &self.buffer[..length])?;
        let chunk = Chunk {
            log: log.number,
            stream: stream as u64,
            bytes: bytes as u64,
            before: log.writer.mark()?,
            dropped: (0, 0),
            orphaned: false,
        };
        self.intake.intent.begin(chunk);
        let mut piece = &self.buffer[..bytes];
        if let Some(text) = &mut self.text {
            terminal::text_of(piece, text);
            piece = text;
        }
        if let Err(error) = log
            .writer
            .append(stream_of(stream), at, piece, self.scratch)
        {
            // The writer has taken back what it had written.
            self.intake.intent.end();
            return Err(error.source);
        }
        log.reported = false;
        self.take(pipe, bytes);
        Ok(bytes)
    }

    fn take(&mut self, pipe: &OwnedFd, bytes: usize) {
        if let Err(error) = self.intake.take(pipe, bytes) {
            // A pipe that cannot be spliced can still be read.
            report(format!("cannot move what was written: {error}"));
            let left = bytes
                - usize::try_from(self.intake.staged())
                    .unwrap_or(bytes)
                    .min(bytes);
            let _ = rustix::io::read(pipe, &mut self.buffer[..left]);
        }
        self.intake.intent.end();
        self.intake.empty(bytes);
        self.taken(bytes);
    }

    fn taken(&mut self, bytes: usize) {
        if let Some(screen) = &mut self.screen {
            screen.taken(bytes);
        }
    }

    /// Throw away what was looked at, and count it.
    fn drop(
        &mut self,
        log: &mut Log,
        pipe: &OwnedFd,
        stream: usize,
        length: usize,
    ) -> io::Result<()> {
        let lines = memchr::memchr_iter(b'\n', &self.buffer[..length]).count() as u64;
        let dropped = (log.dropped.0 + length as u64, log.dropped.1 + lines);
        self.intake.intent.begin(Chunk {
            log: log.number,
            stream: stream as u64,
            bytes: length as u64,
            before: Mark {
                inode: 0,
                length: 0,
            },
            dropped,
            orphaned: false,
        });
        self.intake.take(pipe, length)?;
        log.dropped = dropped;
        self.tally.set(log.number, dropped);
        self.intake.intent.end();
        self.intake.empty(length);
        self.taken(length);
        Ok(())
    }

    /// Before the first line that can be written again: how many could not.
    fn tell_of_dropped(&self, log: &mut Log, at: Timestamp) -> io::Result<()> {
        let (bytes, lines) = log.dropped;
        if bytes == 0 {
            return Ok(());
        }
        let text =
            format!("the log could not be written: {bytes} bytes, {lines} lines are missing");
        log.writer.make_room(at, text.as_bytes())?;
        // No bytes: this is a note, which is done when the tally is cleared.
        self.intake.intent.begin(Chunk {
            log: log.number,
            stream: 0,
            bytes: 0,
            before: log.writer.mark()?,
            dropped: (0, 0),
            orphaned: false,
        });
        let noted = log.writer.note(at, &text);
        if noted.is_ok() {
            self.tally.set(log.number, (0, 0));
            log.dropped = (0, 0);
        }
        self.intake.intent.end();
        noted
    }
}

/// End or take back what the keeper before was about to do to this log. `pipe` is where it came from.
pub(super) fn finish(
    intake: &Intake,
    tally: &Tally,
    chunk: Chunk,
    writer: &mut LogWriter,
    pipe: Option<&OwnedFd>,
) -> io::Result<()> {
    let staged = intake.staged();
    if chunk.orphaned {
        if pipe.is_some_and(|pipe| still_holds(intake, chunk, writer, pipe)) {
            writer.cut_back(chunk.before)?;
        }
    } else if chunk.bytes == 0 {
        if tally.get(chunk.log) != (0, 0) {
            writer.cut_back(chunk.before)?;
        }
    } else if staged == 0 {
        if chunk.before.inode != 0 {
            writer.cut_back(chunk.before)?;
        }
    } else {
        let left = chunk.bytes.saturating_sub(staged);
        if let Some(pipe) = pipe {
            intake.take(pipe, usize::try_from(left).unwrap_or(0))?;
        }
        if chunk.dropped.0 > 0 {
            tally.set(chunk.log, chunk.dropped);
        }
    }
    intake.intent.end();
    intake.empty_stage();
    Ok(())
}

/// Whether a pipe begins with what is in the log behind the mark, so that it was not taken.
fn still_holds(intake: &Intake, chunk: Chunk, writer: &LogWriter, pipe: &OwnedFd) -> bool {
    let stream = stream_of(usize::from(chunk.stream == 1));
    let Ok(Some(text)) = writer.folder().text_after(chunk.before, stream) else {
        return false;
    };
    let mut held = vec![0; super::READ];
    let length = intake.peek(pipe, &mut held).unwrap_or(0);
    // A part of a line in the log has no newline that the pipe would have.
    held[..length].starts_with(&text)
}

pub(super) fn stream_of(index: usize) -> Stream {
    if index == 0 { Stream::Out } else { Stream::Err }
}
