//! What services say of themselves, and what becomes of it.
//!
//! All that an instance has said is one small record, told as a whole whenever it changes, so that
//! neither a lost keeper nor a lost supervisor makes it unsaid.
//!
//! | what | how nothing is lost |
//! |---|---|
//! | the line that means ready | it stays in its pipe (looked at with `tee`) until the event is in the ledger |
//! | messages | each stays in the socket (looked at, not taken) until the event is in the ledger |
//! | the watchdog | signs of life wait in the socket while there is no keeper; a new one gives everybody a whole period |

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use gantry_sys::{Pipe, Pipes, ProcessRef, SysError};
use rustix::pipe::SpliceFlags;

use super::poller::Token;
use super::run::{Run, RunId, What};
use super::timers::Timer;
use super::{Keeper, READ};
use crate::protocol::{EventBody, Line, Said, Voice};
use crate::report::report;

/// How an instance speaks, and what it has said.
#[derive(Debug)]
pub(super) struct Speech {
    pub(super) voice: Voice,
    pub(super) said: Said,
    /// Our end of the pipe for the line that means ready, until that was read.
    pub(super) ready: Option<OwnedFd>,
    /// The leader that it named.
    pub(super) leader: Option<ProcessRef>,
    pub(super) watchdog: Watchdog,
    /// Until when a mere change of its status waits, and whether one does.
    pub(super) quiet: Option<Instant>,
    pub(super) untold: bool,
}

/// Whether signs of life come in time.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    /// How often there must be one; not at all if there is nothing here.
    pub(super) every: Option<Duration>,
    /// When the next one is due at the latest.
    pub(super) due: Option<Instant>,
    /// Whether a timer will look.
    pub(super) looks: bool,
}

/// No period of a watchdog is shorter.
const SHORTEST: Duration = Duration::from_millis(10);

/// How often the same silence is told.
const MISSES: u32 = 100;

/// How often a change of nothing but the status is told at most.
const QUIET: Duration = Duration::from_millis(100);

impl Speech {
    pub(super) fn new(voice: Voice, ready: Option<OwnedFd>) -> Self {
        Self {
            voice,
            said: Said::default(),
            ready,
            leader: None,
            watchdog: Watchdog {
                every: voice.watchdog_ms.map(Duration::from_millis),
                ..Watchdog::default()
            },
            quiet: None,
            untold: false,
        }
    }

    /// The pipe, if its instance is to have one: our end, and the service's.
    pub(super) fn pipe(pipes: &Pipes, voice: &Voice) -> Result<Option<(Pipe, i32)>, SysError> {
        // Open for reading too at the service's end: it meets no broken pipe when we are gone.
        let number = voice.fd.map(i32::from);
        let pipe = number.map(|number| pipes.make().map(|pipe| (pipe, number)));
        pipe.transpose()
    }
}

impl Run {
    /// The process that counts as the whole: the first one, unless it named another.
    pub(super) fn leader(&self) -> Option<ProcessRef> {
        let named = self.speech.as_ref().and_then(|speech| speech.leader);
        named.or(self.process)
    }
}

impl Keeper<'_> {
    /// Something was written to the descriptor for readiness, or nobody has it any more.
    pub(super) fn read_ready(&mut self, id: RunId) {
        let pipe = |run: &Run| run.speech.as_ref()?.ready.as_ref()?.try_clone().ok();
        let Some(pipe) = self.runs.get(&id).and_then(pipe) else {
            return;
        };
        let line = match self.look_into(&pipe) {
            Ok(Some(line)) => line,
            Ok(None) => return,
            Err(error) => {
                report(format!("cannot read what a service says: {error}"));
                Line::Closed
            }
        };
        self.say(id, |said| said.line = line);
        let Some(speech) = self.runs.get_mut(&id).and_then(|run| run.speech.as_mut()) else {
            return;
        };
        if let Some(pipe) = speech.ready.take() {
            self.poller.remove(&pipe);
        }
    }

    /// What a pipe holds, without taking a line that is there.
    fn look_into(&mut self, pipe: &OwnedFd) -> Result<Option<Line>, rustix::io::Errno> {
        if self.glass.is_none() {
            self.glass = self.pipes.make().ok();
        }
        let Some(glass) = &self.glass else {
            return Err(rustix::io::Errno::MFILE);
        };
        let seen = match rustix::pipe::tee(pipe, &glass.write, READ, SpliceFlags::NONBLOCK) {
            Ok(0) => return Ok(Some(Line::Closed)),
            Ok(seen) => seen,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut left = seen;
        let mut line = false;
        while left > 0 {
            let share = left.min(READ);
            let length = rustix::io::read(&glass.read, &mut self.buffer[..share])?;
            line |= memchr::memchr(b'\n', &self.buffer[..length]).is_some();
            left = left.saturating_sub(length.max(1));
        }
        if line {
            return Ok(Some(Line::Written));
        }
        // Nothing that means anything: it goes, so that what comes after it is heard.
        let _ = rustix::io::read(pipe, &mut self.buffer[..seen.min(READ)]);
        Ok(None)
    }

    /// Change what an instance has said, and tell if it is anything new. A mere status waits a little
    /// if there was one just before.
    pub(super) fn say(&mut self, id: RunId, change: impl FnOnce(&mut Said)) {
        let now = Instant::now();
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let (What::Instance { .. }, Some(speech)) = (&run.what, &mut run.speech) else {
            return;
        };
        let before = speech.said.clone();
        change(&mut speech.said);
        if speech.said.says_as(&before) {
            return;
        }
        let status = speech.said.status.clone();
        let only_status = speech.said.says_as(&Said { status, ..before });
        if only_status && let Some(quiet) = speech.quiet.filter(|quiet| *quiet > now) {
            if !std::mem::replace(&mut speech.untold, true) {
                self.timers.set(quiet, Timer::Said(id));
            }
            return;
        }
        self.tell_said(id);
    }

    /// Tell what an instance has said.
    fn tell_said(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let What::Instance {
            name, generation, ..
        } = &run.what
        else {
            return;
        };
        let Some(speech) = &mut run.speech else {
            return;
        };
        speech.untold = false;
        speech.quiet = Some(Instant::now() + QUIET);
        speech.said.count += 1;
        run.dirty = true;
        let body = EventBody::Said {
            instance: name.clone(),
            generation: *generation,
            said: speech.said.clone(),
        };
        self.happened(body);
    }

    /// The wait of a mere status is over.
    pub(super) fn said_is_due(&mut self, id: RunId) {
        let speech = self.runs.get(&id).and_then(|run| run.speech.as_ref());
        if speech.is_some_and(|speech| speech.untold) {
            self.tell_said(id);
        }
    }

    /// A sign of life, or the beginning of the watch: the next one is due a period from now.
    pub(super) fn wind_watchdog(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let Some(speech) = &mut run.speech else {
            return;
        };
        let Some(every) = speech.watchdog.every.filter(|_| run.exit.is_none()) else {
            return;
        };
        let due = super::requests::after(Instant::now(), every.max(SHORTEST));
        speech.watchdog.due = Some(due);
        if !std::mem::replace(&mut speech.watchdog.looks, true) {
            self.timers.set(due, Timer::Watchdog(id));
        }
    }

    /// A sign of life may be due. What waits in the socket counts first: it is we who may be late.
    pub(super) fn watchdog_is_due(&mut self, id: RunId) {
        if let Some(speech) = self.runs.get_mut(&id).and_then(|run| run.speech.as_mut()) {
            speech.watchdog.looks = false;
        }
        while self.hear_letters() {}
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let over = run.exit.is_some() || run.stop.is_some();
        let Some(speech) = run.speech.as_mut().filter(|_| !over) else {
            return;
        };
        let Some(due) = speech.watchdog.due else {
            return;
        };
        if due > Instant::now() {
            if !std::mem::replace(&mut speech.watchdog.looks, true) {
                self.timers.set(due, Timer::Watchdog(id));
            }
            return;
        }
        if speech.said.misses >= MISSES {
            return;
        }
        self.say(id, |said| said.misses += 1);
        self.wind_watchdog(id);
    }

    /// Give back what an instance speaks with: it is over.
    pub(super) fn end_speech(&mut self, run: &mut Run) {
        if let Some(pipe) = run.speech.as_mut().and_then(|speech| speech.ready.take()) {
            self.poller.remove(&pipe);
        }
    }

    /// A run was taken over from a keeper that died: listen on.
    pub(super) fn listen_on(&mut self, id: RunId) {
        let Some(speech) = self.runs.get(&id).and_then(|run| run.speech.as_ref()) else {
            return;
        };
        if let Some(pipe) = &speech.ready
            && let Err(error) = self.poller.add(pipe.as_fd(), Token::Ready(id))
        {
            report(error.to_string());
        }
        if speech.said.watched {
            self.wind_watchdog(id);
        }
    }
}
