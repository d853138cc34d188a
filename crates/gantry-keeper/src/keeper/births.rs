//! Starts whose programs do not run yet.
//!
//! The kernel takes longer to make a process, and to load its program, than we to prepare the next: so a few are on
//! their way at once. They are finished as they are through, so that none waits for another, and all of them before
//! anything but the next start is looked at: whatever else happens, finds each run either born or failed.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use gantry_sys::{Birth, ProcessRef, SpawnError, Stage, SysError};

use super::Keeper;
use super::now_us;
use super::poller::Token;
use super::requests::after;
use super::run::{RunId, What};
use super::streams::Streams;
use super::timers::Timer;
use super::voice::Speech;
use crate::ledger::Entry;
use crate::protocol::{Bytes, EventBody, JobLog, JobName, ProcessId, SpawnFailure, Voice};

/// A start whose program does not run yet.
pub(super) struct Begun {
    pub(super) id: RunId,
    pub(super) birth: Birth,
    pub(super) streams: Streams,
    pub(super) voice: Voice,
    /// Where its line about readiness comes from.
    pub(super) ready: Option<OwnedFd>,
    /// How long it may run, if it is a job.
    pub(super) limit: Option<Duration>,
    /// What the child writes itself to on its way; not to be closed before.
    pub(super) _joined: Vec<File>,
}

/// What is particular to jobs.
pub(super) struct TimedJob {
    /// When its time is over, in milliseconds since boot.
    pub(super) until: u64,
    /// How many bytes of its output are kept.
    pub(super) capture: u64,
    /// The same time as it was asked for.
    pub(super) limit: Duration,
    /// What it reads.
    pub(super) input: Option<Bytes>,
}

/// A job as it is asked for, but for its command.
pub(super) struct JobWish {
    pub(super) name: JobName,
    pub(super) limit: Duration,
    pub(super) grace: Duration,
    pub(super) capture: u64,
    pub(super) log: Option<Box<JobLog>>,
    pub(super) input: Option<Bytes>,
}

impl Keeper<'_> {
    /// The lane of the next start. If all are taken, one is waited for.
    pub(super) fn free_lane(&mut self) -> usize {
        loop {
            if let Some(lane) = self.spawner.free_lane() {
                return lane;
            }
            self.spawner.wait_any();
            let through = |begun: &Begun| self.spawner.is_through(&begun.birth);
            let first = self.births.iter().position(through).unwrap_or(0);
            match self.births.remove(first) {
                Some(begun) => self.finish(begun),
                // Every taken lane is in the list.
                None => return 0,
            }
        }
    }

    /// Wait until everything that was begun runs, or has failed.
    pub(super) fn settle(&mut self) {
        while let Some(begun) = self.births.pop_front() {
            self.finish(begun);
        }
    }

    fn finish(&mut self, begun: Begun) {
        let Begun {
            id,
            birth,
            streams,
            voice,
            ready,
            limit,
            ..
        } = begun;
        let born = self.spawner.finish(Some(&self.shared.slots), birth);
        let taken = born.and_then(|process| self.take_up(id, process, streams, voice, ready));
        self.through(id, taken, limit);
    }

    /// Listen to what was born.
    fn take_up(
        &mut self,
        id: RunId,
        process: ProcessRef,
        streams: Streams,
        voice: Voice,
        ready: Option<OwnedFd>,
    ) -> Result<ProcessRef, SpawnError> {
        if let Some(run) = self.runs.get_mut(&id) {
            (run.pipes, run.terminal) = streams.ours();
            for (stream, source) in run.sources() {
                self.poller
                    .add(source, Token::Output(id, stream))
                    .map_err(trouble)?;
            }
            if !voice.is_none() {
                if let Some(ready) = &ready {
                    self.poller.add(ready, Token::Ready(id)).map_err(trouble)?;
                }
                run.speech = Some(Box::new(Speech::new(voice, ready)));
            }
        }
        Ok(process)
    }

    /// Write down and tell how a start went.
    pub(super) fn through(
        &mut self,
        id: RunId,
        outcome: Result<ProcessRef, SpawnError>,
        limit: Option<Duration>,
    ) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let failure = match &outcome {
            Ok(process) => {
                run.process = Some(*process);
                run.tree_empty = false;
                self.by_pid.insert(process.pid, id);
                None
            }
            Err(error) => {
                run.remove_groups();
                run.ended_us = Some(now_us());
                let failure = SpawnFailure {
                    stage: error.stage.to_string(),
                    errno: (error.errno != 0).then_some(error.errno),
                    message: error.message.clone(),
                    interrupted: false,
                };
                run.failure = Some(Box::new(failure.clone()));
                Some(failure)
            }
        };
        match (&run.what, outcome, failure) {
            (
                What::Instance {
                    name, generation, ..
                },
                Ok(process),
                _,
            ) => {
                let body = EventBody::Spawned {
                    instance: name.clone(),
                    generation: *generation,
                    process: ProcessId {
                        pid: process.pid,
                        start_time: process.start_time,
                        boot_id: run.boot_id.to_string(),
                    },
                    proof: run.proof,
                    not_applied: run.not_applied.clone(),
                };
                self.happened(body);
            }
            (
                What::Instance {
                    name, generation, ..
                },
                Err(_),
                Some(failure),
            ) => {
                let body = EventBody::SpawnFailed {
                    instance: name.clone(),
                    generation: *generation,
                    failure,
                };
                self.happened(body);
            }
            (What::Job { .. }, Ok(process), _) => {
                let entry = Entry::Started {
                    key: run.key(),
                    pid: process.pid,
                    start_time: process.start_time,
                };
                self.note(&entry);
                let due = after(Instant::now(), limit.unwrap_or_default());
                self.timers.set(due, Timer::JobLimit(id));
            }
            (_, Err(_), _) => self.job_ended(id),
        }
    }
}

/// A start that failed before there was a child.
#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
pub(super) fn trouble(error: SysError) -> SpawnError {
    let errno = error.source.raw_os_error().unwrap_or(0);
    SpawnError::new(Stage::Prepare, errno, error.to_string())
}
