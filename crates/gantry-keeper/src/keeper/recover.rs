//! Taking over from a keeper that died.
//!
//! The guard's descriptor table still has the pipes, at the numbers that the ledger names. A process
//! is either alive (watched by a descriptor of it from now on), or its exit stands in the ledger, or in
//! what the guard wrote down, or, if guard and keeper were killed together, is unknown and said so.

mod unfound;

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use gantry_log::{LogFolder, LogWriter};
use gantry_sys::{Group, ProcessRef};
use rustix::fs::OFlags;

use super::poller::Token;
use super::requests::instant_of;
use super::run::{Capture, Log, Run, RunId, Stop, What};
use super::terminal::Terminal;
use super::timers::Timer;
use super::voice::Speech;
use super::{Keeper, written_down};
use crate::guard::MARK;
use crate::intent::log_number;
use crate::ledger::{Entry, Key, RunState, Starting, State};
use crate::protocol::{EventBody, Exit, InstanceName, Line, Proof};
use crate::report::report;

/// Of a service that outlived guard and keeper.
const GAP_OF_THE_LIVING: &str = "guard and keeper were killed; what was printed meanwhile follows, as \
                                 far as the pipe could hold it";

/// Of a service with a terminal that outlived them.
const GAP_OF_THE_HUNG_UP: &str = "guard and keeper were killed, and its terminal is gone: what it prints is lost until it is started again";

/// Of one that ended before there was a guard again, or may have: what it printed since the keeper looked
/// last was in a pipe that nobody held.
const GAP_OF_THE_DEAD: &str = "guard and keeper were killed, and this ended before they were back; what it printed last is lost";

/// The ends of a run's pipes that are with us: descriptor and inode of each.
struct Ends {
    /// Of its output and its errors.
    pipes: [(i32, u64); 2],
    /// Of the line that means ready.
    ready: Option<(i32, u64)>,
}

impl Keeper<'_> {
    pub(super) fn recover(
        &mut self,
        state: State,
        boot_before: Option<&str>,
        guards_fds: &[i32],
    ) -> Result<(), String> {
        // Under a new guard, what the ledger says of descriptors is about a table that is gone.
        // A keeper that died before it had taken over has changed nothing of that.
        let same_guard = self.shared.is_recovered();
        let same_boot = boot_before == Some(&*self.shared.boot_id);
        let mut ends = HashMap::with_capacity(state.runs.len());
        for run in state.runs {
            let (id, of_it) = self.take_over(run, same_guard, same_boot);
            ends.insert(id, of_it);
        }
        self.finish_chunk();
        self.take_sockets(state.sockets, same_guard);
        if self.shared.keeper_starts() > 1 {
            self.close_what_was_left(guards_fds)?;
        }
        let _ = rustix::io::write(&self.shared.ready_bell, &1_u64.to_ne_bytes());
        // Whose end stands in the ledger was read to its end before that.
        let open = |run: &Run| run.exit.is_none() && run.failure.is_none();
        let ids: Vec<(RunId, bool)> = self.runs.iter().map(|(id, run)| (*id, open(run))).collect();
        // Who was alive when looked at, and is not now, stands in the guard's file by now.
        self.read_orphans();
        for (id, was_open) in ids {
            if self.runs.get(&id).is_some_and(|run| run.terminal.is_some()) {
                // What it printed may be in its pipe already, where nobody hears of it.
                self.read_output(id, 0);
            }
            if self.runs.get(&id).is_some_and(Run::is_unfound) {
                self.find_started(id, same_guard, same_boot);
                if let Some(ends) = ends.get(&id).filter(|_| !same_guard && same_boot) {
                    self.reopen(id, ends);
                }
            }
            self.look_after(id, same_guard, same_boot);
            let ended = self.runs.get(&id).is_some_and(|run| !open(run));
            if was_open && ended && !same_guard {
                self.note_gap(id, GAP_OF_THE_DEAD);
            }
        }
        if !same_guard {
            // A new guard has no orphans yet, so nothing can be lost with what is read.
            let _ = self.orphans.clear();
        }
        self.shared.set_recovered();
        self.recovering = false;
        self.unclaimed = Vec::new();
        Ok(())
    }

    /// Make a run of what the ledger says.
    fn take_over(&mut self, found: RunState, same_guard: bool, same_boot: bool) -> (RunId, Ends) {
        let RunState {
            starting,
            events,
            started,
            stopping,
        } = found;
        let id = self.next_run;
        self.next_run += 1;
        let mut run = Run {
            mark: String::new(),
            what: self.what_was(&starting),
            process: started.map(|(pid, start_time)| ProcessRef { pid, start_time }),
            boot_id: self.shared.boot_id.clone(),
            started_us: starting.at_us,
            ended_us: None,
            exit: None,
            failure: None,
            tree_empty: false,
            group: starting
                .group
                .as_ref()
                .map(|path| Group::at(path.as_std_path())),
            limits: starting
                .limits
                .iter()
                .map(|path| Group::at(path.as_std_path()))
                .collect(),
            not_applied: Vec::new(),
            out_of_memory: None,
            proof: if starting.group.is_some() {
                Proof::Cgroup
            } else {
                Proof::Lineage
            },
            pipes: [None, None],
            terminal: None,
            hung_up: starting.terminal.is_some() && !same_guard,
            sockets: starting.sockets.clone(),
            speech: (!starting.voice.is_none())
                .then(|| Box::new(Speech::new(starting.voice, None))),
            pidfd: None,
            adopted: false,
            unguarded: starting.guard.is_some_and(|(pid, start_time)| {
                self.shared.guard() != ProcessRef { pid, start_time }
            }),
            stop: None,
            stopped: false,
            dirty: true,
        };
        let mark = match &run.what {
            What::Instance {
                name, generation, ..
            } => format!("{name}/{generation}"),
            What::Job { name, .. } => format!("job:{name}").replace(['\0', '\n'], " "),
        };
        run.mark = format!("{MARK}={}/{mark}", self.hash);
        let mut was_stopped = false;
        for event in events {
            match event.body {
                EventBody::Spawned {
                    process,
                    proof,
                    not_applied,
                    ..
                } => {
                    run.not_applied = not_applied;
                    run.process = Some(ProcessRef {
                        pid: process.pid,
                        start_time: process.start_time,
                    });
                    if *run.boot_id != process.boot_id {
                        run.boot_id = process.boot_id.into();
                    }
                    run.proof = proof;
                }
                EventBody::SpawnFailed { failure, .. } => {
                    run.failure = Some(Box::new(failure));
                    run.tree_empty = true;
                    run.ended_us = Some(event.at_us);
                }
                EventBody::Said { said, .. } => {
                    if let Some(speech) = &mut run.speech {
                        speech.leader = said.leader.as_ref().map(|leader| ProcessRef {
                            pid: leader.pid,
                            start_time: leader.start_time,
                        });
                        let every = said.watchdog_ms.map(Duration::from_millis);
                        speech.watchdog.every = every.or(speech.watchdog.every);
                        speech.said = said;
                    }
                }
                EventBody::Exited {
                    exit,
                    out_of_memory,
                    ..
                } => {
                    run.out_of_memory = out_of_memory;
                    run.exit = Some(exit);
                    run.ended_us = Some(event.at_us);
                }
                EventBody::Stopped { .. } => {
                    was_stopped = true;
                    run.stopped = true;
                    run.tree_empty = true;
                }
                EventBody::StopResisted { .. } | EventBody::JobEnded { .. } => {}
            }
        }
        if !same_boot || run.boot_id != self.shared.boot_id {
            run.tree_empty |= run.exit.is_some();
            run.group = None;
            run.limits = Vec::new();
        } else if same_guard {
            for (slot, (fd, inode)) in run.pipes.iter_mut().zip(starting.pipes) {
                *slot = gantry_sys::claim(fd, inode);
            }
            // Its pipe is like no other, and was closed with it.
            let terminal = starting.terminal.filter(|_| run.pipes[0].is_some());
            run.terminal = terminal.and_then(Terminal::claim).map(Box::new);
            if let What::Instance { log, .. } = &mut run.what {
                let claim = |(stream, fd, inode): &(u8, i32, u64)| {
                    Some((*stream, gantry_sys::claim(*fd, *inode)?))
                };
                log.behind = starting.behind.iter().filter_map(claim).collect();
                if !log.behind.is_empty() {
                    log.blocked = true;
                    self.timers
                        .set(std::time::Instant::now(), Timer::LogRetry(id));
                }
            }
            if let (Some(speech), Some((fd, inode))) = (&mut run.speech, starting.ready) {
                speech.ready = gantry_sys::claim(fd, inode);
            }
        }
        if let Some((signal, deadline_ms)) = stopping.filter(|_| !was_stopped) {
            run.stop = Some(Box::new(Stop::new(signal, instant_of(deadline_ms))));
        }
        match &run.what {
            What::Instance { name, .. } => {
                self.instances.insert(name.clone(), id);
            }
            What::Job { name, .. } => {
                self.jobs.insert(name.clone(), id);
                if let Some((until, _)) = starting.job {
                    self.timers.set(instant_of(until), Timer::JobLimit(id));
                }
            }
        }
        if let (Some(leader), None) = (run.leader(), &run.exit) {
            self.by_pid.insert(leader.pid, id);
        }
        if let Some(speech) = &mut run.speech
            && speech.said.line != Line::Awaited
        {
            speech.ready = None;
        }
        let ends = Ends {
            pipes: starting.pipes,
            ready: starting.ready,
        };
        self.runs.insert(id, run);
        self.watch_sources(id);
        self.listen_on(id);
        if !same_guard && same_boot {
            self.reopen(id, &ends);
        }
        (id, ends)
    }

    /// Whoever held our ends of its pipes is gone, but the process itself still has them. One that is
    /// not known yet has to be found first.
    fn reopen(&mut self, id: RunId, ends: &Ends) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if run.boot_id != self.shared.boot_id {
            return;
        }
        let Some(process) = run.leader().filter(|process| process.is_alive()) else {
            return;
        };
        for (stream, (_, inode)) in (0_i32..).zip(ends.pipes) {
            run.pipes[usize::from(stream == 1)] = reopen_pipe(process, stream + 1, inode);
        }
        if let (Some(speech), Some((_, inode))) = (&mut run.speech, ends.ready)
            && speech.said.line == Line::Awaited
            && let Some(fd) = speech.voice.fd
        {
            speech.ready = reopen_pipe(process, fd.into(), inode);
        }
        // The next keeper under this guard claims what is open here.
        let [output, error] = &run.pipes;
        let noted = |pipe: &Option<OwnedFd>| pipe.as_ref().map_or((-1, 0), written_down);
        let ready = run.speech.as_ref().and_then(|speech| speech.ready.as_ref());
        let entry = Entry::Reopened {
            key: run.key(),
            pipes: [noted(output), noted(error)],
            ready: ready.map(written_down),
        };
        self.note(&entry);
        self.watch_sources(id);
        self.listen_on(id);
    }

    fn watch_sources(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        for (stream, source) in run.sources() {
            if let Err(error) = self.poller.add(source, Token::Output(id, stream)) {
                report(error.to_string());
            }
        }
    }

    fn what_was(&self, starting: &Starting) -> What {
        match &starting.key {
            Key::Instance(name, generation) => What::Instance {
                name: name.clone(),
                generation: *generation,
                log: Box::new(self.log_was(name, starting)),
            },
            Key::Job(name) => What::Job {
                name: name.clone(),
                capture: Box::new(Capture {
                    limit: starting
                        .job
                        .map_or(0, |(_, limit)| usize::try_from(limit).unwrap_or(usize::MAX)),
                    grace: Duration::from_millis(starting.job_grace_ms.into()),
                    kept: [Vec::new(), Vec::new()],
                    dropped: 0,
                    log: self.job_log(starting.job_log.clone()),
                    incomplete: true,
                    timed_out: false,
                    cancelled: false,
                }),
            },
        }
    }

    fn log_was(&self, name: &InstanceName, starting: &Starting) -> Log {
        let policy = starting.log.rotation();
        let folder = LogFolder::new(self.shared.layout.log(name));
        let number = log_number(name.as_str());
        let mut log = Log::new(
            LogWriter::new(folder, policy),
            number,
            starting.log.overflow,
        );
        log.dropped = self.shared.tally.get(number);
        log
    }

    /// What the keeper before was doing to a log is ended or taken back, before anything is read.
    fn finish_chunk(&mut self) {
        let intake = &self.shared.intake;
        let tally = &self.shared.tally;
        intake.empty_scratch();
        let Some(chunk) = intake.intent.get() else {
            intake.empty_stage();
            return;
        };
        let run = self.runs.values_mut().find_map(|run| match &mut run.what {
            What::Instance { log, .. } if log.number == chunk.log => Some((log, &run.pipes)),
            _ => None,
        });
        let Some((log, pipes)) = run else {
            report("a log was being written, and nobody knows whose");
            intake.intent.end();
            intake.empty_stage();
            return;
        };
        let pipe = pipes[usize::from(chunk.stream == 1)].as_ref();
        if let Err(error) = super::pass::finish(intake, tally, chunk, &mut log.writer, pipe) {
            report(format!(
                "cannot end what was begun with {}: {error}",
                log.writer.folder().current()
            ));
        }
        log.dropped = tally.get(log.number);
    }

    /// Close what the keeper before had open, except for what is used on.
    fn close_what_was_left(&mut self, guards_fds: &[i32]) -> Result<(), String> {
        let mut keep = guards_fds.to_vec();
        keep.extend([
            self.poller.as_raw_fd(),
            self.signals.as_fd().as_raw_fd(),
            self.ledger.as_raw_fd(),
            self.orphans.as_raw_fd(),
            self.pipes.as_raw_fd(),
        ]);
        keep.extend(self.handed_on());
        gantry_sys::close_all_but(&self.shared.slots, &keep).map_err(|error| error.to_string())
    }

    /// See what became of a run.
    fn look_after(&mut self, id: RunId, same_guard: bool, same_boot: bool) {
        let known = |run: &&Run| run.failure.is_none() && run.process.is_some();
        let Some(run) = self.runs.get(&id).filter(known) else {
            return;
        };
        if run.exit.is_none() {
            let is_ours = same_boot && run.boot_id == self.shared.boot_id;
            // Under the guard that it is a child of, a zombie is one whose status is about to come.
            let process = run
                .leader()
                .filter(|process| is_ours && (same_guard || process.is_alive()));
            let pidfd = process.and_then(|process| gantry_sys::pidfd(process).ok().flatten());
            if let Some(pidfd) = pidfd {
                self.watch(id, pidfd, !same_guard);
                // If it has ended meanwhile, whoever could tell has told by now.
                self.read_orphans();
            } else {
                let reason = if same_boot {
                    "guard and keeper were killed, and nobody was there to wait for it"
                } else {
                    "the machine was started anew"
                };
                // Looked again: it may have ended since, and the guard have written it down.
                self.read_orphans();
                let reason = reason.into();
                self.leader_ended(id, Exit::Unknown { reason });
            }
        }
        if self.runs.get(&id).is_some_and(|run| run.stop.is_some()) {
            self.advance_stop(id);
        } else {
            self.look_whether_over(id);
        }
    }

    /// Watch a process that is not our child. `gap` says whether guard and keeper were both killed.
    fn watch(&mut self, id: RunId, pidfd: OwnedFd, gap: bool) {
        if let Err(error) = self.poller.add(&pidfd, Token::Process(id)) {
            report(error.to_string());
        }
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.pidfd = Some(pidfd);
        let guard = self.shared.guard().pid;
        let parent = run.process.and_then(|process| {
            let stat = gantry_sys::stat(process.pid)?;
            (stat.process() == process).then_some(stat.parent)
        });
        run.adopted = parent.is_none_or(|parent| parent != guard);
        if gap {
            let text = if run.hung_up {
                GAP_OF_THE_HUNG_UP
            } else {
                GAP_OF_THE_LIVING
            };
            self.note_gap(id, text);
        }
    }

    /// Mark the place in the log where something may be missing.
    fn note_gap(&mut self, id: RunId, text: &str) {
        if let Some(What::Instance { log, .. }) = self.runs.get_mut(&id).map(|run| &mut run.what) {
            let _ = log.writer.note(jiff::Timestamp::now(), text);
            log.writer.release();
        }
    }
}

/// Open a service's own pipe again through the service.
fn reopen_pipe(process: ProcessRef, fd: i32, inode: u64) -> Option<OwnedFd> {
    if gantry_sys::inode_of_fd(process.pid, fd).ok()? != inode {
        return None;
    }
    let path = format!("/proc/{}/fd/{fd}", process.pid);
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let pipe = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).ok()?;
    (super::inode(&pipe) == inode).then_some(pipe)
}
