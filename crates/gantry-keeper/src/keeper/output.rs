//! Reading pipes, writing logs, and `run.json`.

use std::collections::VecDeque;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use gantry_log::{AppendError, Stream};
use jiff::Timestamp;
use serde::Serialize;

use super::poller::Token;
use super::run::{Log, Run, RunId, What};
use super::timers::Timer;
use super::{Keeper, READ};
use crate::protocol::{InstanceState, JobOutput, Overflow};
use crate::report::report;

/// How many log files stay open. The others are opened again when they are needed.
const OPEN_LOGS: usize = 256;

/// How many reads of one pipe there are in a row before others have their turn.
const SHARE: usize = 4;

/// More than any pipe holds: how much is read at most when its writer has ended.
const LAST_READS: usize = 64;

/// How long until a log that could not be written is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// How many `run.json` are written in one turn.
const FILES_AT_ONCE: usize = 32;

/// Which logs are open, the longest open first.
#[derive(Debug, Default)]
pub(super) struct OpenLogs {
    order: VecDeque<RunId>,
}

/// What became of a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    /// There may be more.
    More,
    /// Nothing now.
    Empty,
    /// Nobody can write any more.
    End,
    /// The log cannot be written: nothing is read until it can.
    Blocked,
}

impl Keeper<'_> {
    /// Read a run's output or error, a fair share of it.
    pub(super) fn read_output(&mut self, id: RunId, stream: usize) {
        for _ in 0..SHARE {
            match self.read_once(id, stream) {
                Read::More => {}
                Read::Empty | Read::Blocked => return,
                Read::End => {
                    self.close_stream(id, stream);
                    return;
                }
            }
        }
    }

    /// Read all that is there: its writer has ended, or is about to be forgotten.
    pub(super) fn drain_output(&mut self, id: RunId) {
        for stream in 0..2 {
            for _ in 0..LAST_READS {
                match self.read_once(id, stream) {
                    Read::More => {}
                    Read::Empty | Read::Blocked => break,
                    Read::End => {
                        self.close_stream(id, stream);
                        break;
                    }
                }
            }
        }
    }

    fn read_once(&mut self, id: RunId, stream: usize) -> Read {
        let Some(run) = self.runs.get_mut(&id) else {
            return Read::Empty;
        };
        let Some(pipe) = &run.pipes[stream] else {
            return Read::Empty;
        };
        if let What::Instance { log, .. } = &run.what
            && log.waiting.is_some()
        {
            self.poller.remove(pipe);
            return Read::Blocked;
        }
        let length = match rustix::io::read(pipe, &mut self.buffer) {
            Ok(0) => return Read::End,
            Ok(length) => length,
            Err(rustix::io::Errno::INTR) => return Read::More,
            Err(rustix::io::Errno::AGAIN) => return Read::Empty,
            Err(error) => {
                report(format!(
                    "cannot read the output of {}: {error}",
                    run.label()
                ));
                return Read::End;
            }
        };
        let bytes = &self.buffer[..length];
        let more = if length == READ {
            Read::More
        } else {
            Read::Empty
        };
        match &mut run.what {
            What::Job { capture, .. } => {
                let kept = &mut capture.kept[stream];
                let room = capture.limit.saturating_sub(kept.len()).min(length);
                kept.extend_from_slice(&bytes[..room]);
                capture.dropped += (length - room) as u64;
                more
            }
            What::Instance { log, .. } => {
                let was_open = log.writer.is_open();
                let at = Timestamp::now();
                let written = write_log(log, stream, at, bytes, &mut self.scratch);
                let blocked = match written {
                    Ok(()) => false,
                    Err(error) => {
                        if !std::mem::replace(&mut log.reported, true) {
                            report(format!(
                                "cannot write {}: {error}",
                                log.writer.folder().current()
                            ));
                        }
                        let rest = &bytes[error.done.min(length)..];
                        match log.overflow {
                            Overflow::Block => {
                                let stream = u8::from(stream == 1);
                                log.waiting = Some((stream, at, rest.to_vec()));
                                true
                            }
                            Overflow::Drop => {
                                log.dropped.0 += rest.len() as u64;
                                log.dropped.1 += memchr::memchr_iter(b'\n', rest).count() as u64;
                                false
                            }
                        }
                    }
                };
                if blocked {
                    for pipe in run.pipes.iter().flatten() {
                        self.poller.remove(pipe);
                    }
                    self.timers.set(Instant::now() + RETRY, Timer::LogRetry(id));
                    return Read::Blocked;
                }
                if !was_open {
                    self.log_was_opened(id);
                }
                more
            }
        }
    }

    /// Not every log can stay open: the one that has been longest is closed.
    fn log_was_opened(&mut self, id: RunId) {
        self.open_logs.order.push_back(id);
        if self.open_logs.order.len() > OPEN_LOGS
            && let Some(oldest) = self.open_logs.order.pop_front()
            && let Some(Run {
                what: What::Instance { log, .. },
                ..
            }) = self.runs.get_mut(&oldest)
        {
            log.writer.release();
        }
    }

    /// Try again to write what was read.
    pub(super) fn retry_log(&mut self, id: RunId) {
        let Some(Run {
            what: What::Instance { log, .. },
            pipes,
            ..
        }) = self.runs.get_mut(&id)
        else {
            return;
        };
        let Some((stream, at, mut bytes)) = log.waiting.take() else {
            return;
        };
        if let Err(error) = write_log(log, stream.into(), at, &bytes, &mut self.scratch) {
            bytes.drain(..error.done.min(bytes.len()));
            log.waiting = Some((stream, at, bytes));
            self.timers.set(Instant::now() + RETRY, Timer::LogRetry(id));
            return;
        }
        log.reported = false;
        for (stream, pipe) in (0..).zip(pipes.iter()) {
            if let Some(pipe) = pipe {
                let _ = self.poller.add(pipe, Token::Output(id, stream));
            }
        }
        self.log_was_opened(id);
        if self.runs.get(&id).is_some_and(|run| run.exit.is_some()) {
            self.drain_output(id);
        }
    }

    fn close_stream(&mut self, id: RunId, stream: usize) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if let Some(pipe) = run.pipes[stream].take() {
            self.poller.remove(&pipe);
        }
        if let What::Instance { log, .. } = &mut run.what {
            let _ = log.writer.end(stream_of(stream), Timestamp::now());
            if run.pipes.iter().all(Option::is_none) {
                log.writer.release();
            }
        }
    }

    /// End a run's output for good: nothing of its tree is left to write.
    pub(super) fn end_output(&mut self, run: &mut Run) {
        for (index, pipe) in run.pipes.iter_mut().enumerate() {
            if let Some(pipe) = pipe.take() {
                self.poller.remove(&pipe);
                if let What::Instance { log, .. } = &mut run.what {
                    let _ = log.writer.end(stream_of(index), Timestamp::now());
                }
            }
        }
        if let What::Instance { log, .. } = &mut run.what {
            log.writer.release();
        }
    }

    /// Give back what a run holds.
    pub(super) fn close_run(&mut self, mut run: Run) {
        self.end_output(&mut run);
        if let Some(pidfd) = run.pidfd.take() {
            self.poller.remove(&pidfd);
        }
        if let Some(group) = run.group.take() {
            group.remove();
        }
    }

    /// What a job printed.
    pub(super) fn job_output(run: &mut Run) -> JobOutput {
        let What::Job { capture, .. } = &mut run.what else {
            return JobOutput::default();
        };
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        JobOutput {
            stdout: text(&capture.kept[0]),
            stderr: text(&capture.kept[1]),
            dropped: capture.dropped,
            incomplete: capture.incomplete,
        }
    }

    /// Write some of those that are behind. They are for people and tools: what the next keeper needs
    /// is in the ledger.
    pub(super) fn write_files(&mut self) {
        let ids: Vec<RunId> = self
            .runs
            .iter()
            .filter(|(_, run)| run.dirty && matches!(run.what, What::Instance { .. }))
            .map(|(id, _)| *id)
            .take(FILES_AT_ONCE)
            .collect();
        self.files_behind = ids.len() == FILES_AT_ONCE;
        for id in ids {
            if let Some(state) = self.runs.get(&id).and_then(Self::instance_state)
                && let Err(error) = self.write_run_file(state)
            {
                report(format!("cannot write a run.json: {error}"));
            }
            if let Some(run) = self.runs.get_mut(&id) {
                run.dirty = false;
            }
        }
    }

    fn write_run_file(&self, state: InstanceState) -> std::io::Result<()> {
        let path = self.shared.layout.run_file(&state.instance);
        let file = RunFile { version: 1, state };
        let mut bytes = serde_json::to_vec_pretty(&file)?;
        bytes.push(b'\n');
        let temporary = path.with_extension("json.new");
        let open = || {
            std::fs::OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(0o600)
                .open(&temporary)
        };
        let mut out = match (open(), path.parent()) {
            (Err(error), Some(folder)) if error.kind() == std::io::ErrorKind::NotFound => {
                use std::os::unix::fs::DirBuilderExt;
                std::fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(folder)?;
                open()?
            }
            (out, _) => out?,
        };
        out.write_all(&bytes)?;
        std::fs::rename(temporary, path)
    }
}

/// The record of an instance as it stands on disk.
#[derive(Debug, Serialize)]
struct RunFile {
    version: u32,
    #[serde(flatten)]
    state: InstanceState,
}

fn stream_of(index: usize) -> Stream {
    if index == 0 { Stream::Out } else { Stream::Err }
}

fn write_log(
    log: &mut Log,
    stream: usize,
    at: Timestamp,
    bytes: &[u8],
    scratch: &mut Vec<u8>,
) -> Result<(), AppendError> {
    if log.dropped.0 > 0 {
        let (bytes, lines) = log.dropped;
        let text =
            format!("the log could not be written: {bytes} bytes, {lines} lines are missing");
        log.writer
            .note(at, &text)
            .map_err(|source| AppendError { done: 0, source })?;
        log.dropped = (0, 0);
        log.reported = false;
    }
    log.writer.append(stream_of(stream), at, bytes, scratch)
}
