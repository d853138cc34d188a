//! Reading pipes, writing logs, and `run.json`.

use std::collections::VecDeque;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;

use super::Keeper;
use super::pass::{Passed, Way, stream_of};
use super::poller::Token;
use super::run::{Capture, Run, RunId, What};
use super::timers::Timer;
use crate::protocol::{InstanceState, JobOutput};
use crate::report::report;

/// How many log files stay open. The others are opened again when they are needed.
const OPEN_LOGS: usize = 256;

/// How many pieces of one pipe there are in a row before others have their turn.
const SHARE: usize = 4;

/// More than any pipe holds: how much is read at most when its writer has ended.
const LAST_BYTES: usize = 4 * 1024 * 1024;

/// The stream of a terminal's pipe that is left behind.
const OF_TERMINAL: u8 = 2;

/// How long until a log that could not be written is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// How many `run.json` are written in one turn.
const FILES_AT_ONCE: usize = 32;

/// Which logs are open, the longest open first.
#[derive(Debug, Default)]
pub(super) struct OpenLogs {
    order: VecDeque<RunId>,
}

impl Keeper<'_> {
    /// Read a run's output or error, a fair share of it. Of a terminal, all that is in its pipe besides: nobody
    /// would be told of what is left there once the terminal itself is empty.
    pub(super) fn read_output(&mut self, id: RunId, stream: usize) {
        for turn in 0.. {
            let in_turn = turn < SHARE;
            let of_terminal = |run: &Run| run.terminal.is_some();
            if !in_turn && !self.runs.get(&id).is_some_and(of_terminal) {
                return;
            }
            match self.read_once(id, stream, in_turn) {
                Passed::Some(_) => {}
                Passed::All(_) | Passed::Nothing | Passed::Blocked => return,
                Passed::End => {
                    self.close_stream(id, stream);
                    return;
                }
            }
        }
    }

    /// Read all that is there: its writer has ended, or is about to be forgotten.
    pub(super) fn drain_output(&mut self, id: RunId) {
        for stream in 0..2 {
            let mut left = LAST_BYTES;
            while left > 0 {
                match self.read_once(id, stream, true) {
                    // Where a piece cannot be so large that it takes all, nothing is known of the rest.
                    Passed::Some(bytes) | Passed::All(bytes) => {
                        left = left.saturating_sub(bytes.max(1));
                    }
                    Passed::Nothing | Passed::Blocked => break,
                    Passed::End => {
                        self.close_stream(id, stream);
                        break;
                    }
                }
            }
        }
    }

    /// Read a piece. `pump` says whether more of a terminal may come into its pipe before.
    fn read_once(&mut self, id: RunId, stream: usize, pump: bool) -> Passed {
        let Some(run) = self.runs.get_mut(&id) else {
            return Passed::Nothing;
        };
        let Some(pipe) = &run.pipes[stream] else {
            return Passed::Nothing;
        };
        let blocked = matches!(&run.what, What::Instance { log, .. } if log.blocked);
        if let Some(terminal) = run.terminal.as_ref().filter(|_| pump && !blocked)
            && let Err(error) = terminal.pump()
        {
            report(format!(
                "cannot read the terminal of {}: {error}",
                run.label()
            ));
            // It would only be said again and again.
            self.poller.remove(&terminal.master);
        }
        let passed = match &mut run.what {
            What::Job { capture, .. } => read_job(capture, pipe, stream, &mut self.buffer),
            What::Instance { log, .. } if log.blocked => Ok(Passed::Blocked),
            What::Instance { log, .. } => {
                let mut way = Way {
                    intake: &self.shared.intake,
                    tally: &self.shared.tally,
                    buffer: &mut self.buffer,
                    scratch: &mut self.scratch,
                    text: run.terminal.is_some().then_some(&mut self.text),
                    screen: run.terminal.as_mut().map(|terminal| &mut terminal.screen),
                };
                let was_open = log.writer.is_open();
                let passed = way.pass(log, pipe, stream);
                if log.blocked {
                    self.timers.set(Instant::now() + RETRY, Timer::LogRetry(id));
                } else if !was_open && log.writer.is_open() {
                    self.log_was_opened(id);
                }
                passed
            }
        };
        self.show(id);
        match passed {
            Ok(Passed::Blocked) => {
                self.watch_output(id, false);
                Passed::Blocked
            }
            Ok(passed) => passed,
            Err(error) => {
                let label = self.runs.get(&id).map(Run::label).unwrap_or_default();
                report(format!("cannot read the output of {label}: {error}"));
                Passed::End
            }
        }
    }

    /// Hear, or hear no more, when a run has printed something.
    fn watch_output(&self, id: RunId, watch: bool) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        for (stream, source) in run.sources() {
            self.poller.remove(source);
            if watch && let Err(error) = self.poller.add(source, Token::Output(id, stream)) {
                report(error.to_string());
            }
        }
        if let Some(terminal) = run.terminal.as_ref().filter(|_| watch) {
            terminal.watch(&self.poller, id);
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

    /// Try again to write what stayed in the pipes.
    pub(super) fn retry_log(&mut self, id: RunId) {
        let Some(Run {
            what: What::Instance { log, .. },
            exit,
            ..
        }) = self.runs.get_mut(&id)
        else {
            return;
        };
        let ended = exit.is_some();
        if !std::mem::replace(&mut log.blocked, false) {
            return;
        }
        // Starts before this one come first. Who wrote into their pipes is gone.
        while !log.behind.is_empty() {
            let (stream, pipe) = log.behind.remove(0);
            let mut way = Way {
                intake: &self.shared.intake,
                tally: &self.shared.tally,
                buffer: &mut self.buffer,
                scratch: &mut self.scratch,
                text: (stream == OF_TERMINAL).then_some(&mut self.text),
                screen: None,
            };
            match way.pass(log, &pipe, stream.into()) {
                Ok(Passed::Some(_) | Passed::All(_)) => log.behind.insert(0, (stream, pipe)),
                Ok(Passed::Blocked) => {
                    log.behind.insert(0, (stream, pipe));
                    self.timers.set(Instant::now() + RETRY, Timer::LogRetry(id));
                    return;
                }
                Ok(Passed::Nothing | Passed::End) | Err(_) => {
                    let _ = log.writer.end(stream_of(stream.into()), Timestamp::now());
                }
            }
        }
        self.log_was_opened(id);
        self.watch_output(id, true);
        if ended {
            self.drain_output(id);
            self.close_terminal(id);
        }
    }

    /// A run is over and another start of the same instance follows. What could not be written yet
    /// goes on with the log.
    pub(super) fn leave_output(&mut self, run: &mut Run) {
        if let What::Instance { log, .. } = &mut run.what
            && log.blocked
        {
            let terminal = run.terminal.take();
            if let Some(terminal) = &terminal {
                self.poller.remove(&terminal.master);
                if let Err(error) = terminal.pump_all() {
                    report(format!("cannot empty a terminal: {error}"));
                }
            }
            for (mut stream, pipe) in (0..).zip(&mut run.pipes) {
                if terminal.is_some() {
                    stream = OF_TERMINAL;
                }
                if let Some(pipe) = pipe.take() {
                    self.poller.remove(&pipe);
                    log.behind.push((stream, pipe));
                }
            }
        }
        self.end_output(run);
    }

    pub(super) fn close_stream(&mut self, id: RunId, stream: usize) {
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
        if let Some(terminal) = run.terminal.take() {
            self.poller.remove(&terminal.master);
        }
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
        self.end_speech(&mut run);
        if let Some(pidfd) = run.pidfd.take() {
            self.poller.remove(&pidfd);
        }
        run.remove_groups();
    }

    /// What a job printed.
    pub(super) fn job_output(run: &mut Run) -> JobOutput {
        let What::Job { capture, .. } = &mut run.what else {
            return JobOutput::default();
        };
        if let Some(log) = &mut capture.log {
            log.end();
        }
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
        if ids.len() < FILES_AT_ONCE {
            self.behind.caught_up();
        }
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

/// Read a job's output into memory; what is beyond its limit is counted.
fn read_job(
    capture: &mut Capture,
    pipe: &OwnedFd,
    stream: usize,
    buffer: &mut [u8],
) -> std::io::Result<Passed> {
    let length = match rustix::io::read(pipe, &mut *buffer) {
        Ok(0) => return Ok(Passed::End),
        Ok(length) => length,
        Err(rustix::io::Errno::INTR) => return Ok(Passed::Some(0)),
        Err(rustix::io::Errno::AGAIN) => return Ok(Passed::Nothing),
        Err(error) => return Err(error.into()),
    };
    let kept = &mut capture.kept[stream];
    let room = capture.limit.saturating_sub(kept.len()).min(length);
    kept.extend_from_slice(&buffer[..room]);
    capture.dropped += (length - room) as u64;
    if let Some(log) = &mut capture.log {
        log.print(stream, &buffer[..length]);
    }
    Ok(if length == buffer.len() {
        Passed::Some(length)
    } else {
        Passed::All(length)
    })
}
