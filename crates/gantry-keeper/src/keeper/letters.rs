//! Messages of services, as `sd_notify` sends them: whose each is, and what it does.
//!
//! All instances of a keeper share one socket. Who sent a message is told by the kernel, as a pid; whose
//! instance that is, by what the kernel says of it: its control group, else its ancestors and session,
//! and at last the mark in its environment, which counts only from those who could signal us anyway.

use gantry_sys::{Letter, ProcessRef};

use super::Keeper;
use super::poller::Token;
use super::requests::after;
use super::run::{RunId, What};
use super::{boot_millis, now_us};
use crate::guard::MARK;
use crate::ledger::Entry;
use crate::letter::Message;
use crate::protocol::{InstanceName, ProcessId};
use crate::report::report;

/// How many messages are heard in a row before others have their turn.
const SHARE: usize = 64;

/// How far up a sender's ancestors are followed.
const ANCESTORS: usize = 64;

impl Keeper<'_> {
    /// Hear the messages that are there. Says whether there may be more.
    pub(super) fn hear_letters(&mut self) -> bool {
        let Some(letters) = &self.shared.letters else {
            return false;
        };
        for _ in 0..SHARE {
            let Some(letter) = letters.next() else {
                return false;
            };
            match self.sender(&letter) {
                Some(id) => self.heard(id, Message::parse(&letter.bytes), letter.pid),
                None => self.count_foreign(&letter),
            }
            // Only now: what it has changed is written down.
            letters.drop_next();
        }
        true
    }

    fn count_foreign(&mut self, letter: &Letter) {
        self.foreign_letters += 1;
        if self.foreign_letters.is_power_of_two() {
            report(format!(
                "a message of process {} (user {}) was ignored: it is no instance's ({} so far)",
                letter.pid, letter.uid, self.foreign_letters
            ));
        }
    }

    /// Whose message it is, if it is one of ours that may speak.
    fn sender(&mut self, letter: &Letter) -> Option<RunId> {
        let id = self.run_of_sender(letter)?;
        let run = self.runs.get(&id)?;
        run.speech.as_ref()?.voice.notify.then_some(id)
    }

    fn run_of_sender(&self, letter: &Letter) -> Option<RunId> {
        if letter.pid == 0 {
            return None;
        }
        if let Some(id) = self.by_pid.get(&letter.pid) {
            return Some(*id);
        }
        if let Some(id) = self.run_by_group(letter.pid) {
            return Some(id);
        }
        let mut pid = letter.pid;
        for _ in 0..ANCESTORS {
            let Some(stat) = gantry_sys::stat(pid) else {
                break;
            };
            for known in [stat.session, stat.pid] {
                // A session keeps its number from others as long as it has a member.
                let run = |id: &&RunId| {
                    let process = self.runs.get(id).and_then(|run| run.process);
                    process.is_some_and(|process| process.start_time <= stat.start_time)
                };
                if let Some(id) = self.by_pid.get(&known).filter(run) {
                    return Some(*id);
                }
            }
            if stat.parent <= 1 {
                break;
            }
            pid = stat.parent;
        }
        self.run_by_mark(letter)
    }

    fn run_by_group(&self, pid: u32) -> Option<RunId> {
        let group = gantry_sys::group_of(pid)?;
        // `…/service.1@4`, or a group that it made below.
        let parts = group.split('/').filter_map(|part| part.rsplit_once('@'));
        let mut ids = parts.filter_map(|(name, _)| {
            let name: InstanceName = name.parse().ok()?;
            self.instances.get(&name).copied()
        });
        ids.find(|id| {
            let own = self.runs.get(id).and_then(|run| run.group.as_ref());
            own.is_some_and(|own| {
                let own = own.path().to_string_lossy();
                let cut = group.match_indices('/').map(|(at, _)| at).skip(1);
                cut.chain([group.len()])
                    .any(|end| own.ends_with(&group[..end]))
            })
        })
    }

    fn run_by_mark(&self, letter: &Letter) -> Option<RunId> {
        let value = gantry_sys::environment_value(letter.pid, MARK)?;
        let mark = format!("{MARK}={value}");
        let mut parts = value.splitn(3, '/').skip(1);
        let name: InstanceName = parts.next()?.parse().ok()?;
        let id = *self.instances.get(&name)?;
        let run = self.runs.get(&id)?;
        let leader = run
            .leader()
            .and_then(|leader| gantry_sys::owner(leader.pid));
        let ours = rustix::process::geteuid().as_raw();
        let trusted = letter.uid == ours || Some(letter.uid) == leader;
        (trusted && run.mark == mark).then_some(id)
    }

    /// Do what a message says.
    fn heard(&mut self, id: RunId, message: Message, from: u32) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if run.exit.is_some() && run.stop.is_none() {
            return;
        }
        let stopping = run.stop.is_some();
        let Some(speech) = run.speech.as_mut() else {
            return;
        };
        if let Some(every) = message.watchdog
            && speech.watchdog.every.is_some()
        {
            speech.watchdog.every = Some(every);
        }
        let watches = speech.watchdog.every.is_some();
        if let Some(more) = message.more_time.filter(|_| stopping) {
            self.give_time(id, more);
        }
        let leader = message
            .leader
            .filter(|_| !stopping)
            .and_then(|pid| self.elect(id, pid, from));
        let until = message.more_time.filter(|_| !stopping).map(|more| {
            let more = i64::try_from(more.as_micros()).unwrap_or(i64::MAX);
            now_us().saturating_add(more)
        });
        let alive = message.alive || message.ready || message.watchdog.is_some();
        self.say(id, |said| {
            if message.reloading {
                said.reloading = true;
            }
            if message.ready {
                said.ready = true;
                said.reloading = false;
                said.stopping = false;
            }
            said.stopping |= message.stopping;
            if let Some(status) = message.status {
                said.status = Some(status).filter(|status| !status.is_empty());
            }
            if watches && alive {
                said.watched = true;
                said.misses = 0;
            }
            if message.dead {
                said.watched = true;
                said.misses = u32::MAX;
            }
            if watches && let Some(every) = message.watchdog {
                said.watchdog_ms = u64::try_from(every.as_millis()).ok();
            }
            said.leader = leader.or(said.leader.take());
            said.until_us = until.or(said.until_us);
        });
        if alive {
            self.wind_watchdog(id);
        }
    }

    /// It asks for more time for its end.
    fn give_time(&mut self, id: RunId, more: std::time::Duration) {
        let deadline = after(std::time::Instant::now(), more);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let key = run.key();
        let Some(stop) = run.stop.as_mut().filter(|stop| stop.killed.is_none()) else {
            return;
        };
        // One that was to be killed at once gets no more time.
        if deadline <= stop.deadline || stop.signal == 9 {
            return;
        }
        stop.deadline = deadline;
        let signal = stop.signal;
        let more = u64::try_from(more.as_millis()).unwrap_or(u64::MAX);
        self.note(&Entry::Stopping {
            key,
            signal,
            deadline_ms: boot_millis().saturating_add(more),
        });
        self.advance_stop(id);
    }

    /// An instance names another process as its leader. It must be one of its own tree.
    fn elect(&mut self, id: RunId, pid: u32, from: u32) -> Option<ProcessId> {
        let named = gantry_sys::stat(pid).filter(|stat| !stat.is_dead());
        let Some(process) = named.map(|stat| stat.process()) else {
            report(format!(
                "process {from} names {pid} as leader, which does not run"
            ));
            return None;
        };
        let run = self.runs.get(&id)?;
        let before = run.leader();
        if before == Some(process) {
            return None;
        }
        // Looked at anew: it may be younger than this turn.
        self.table = None;
        if !self.members(id).contains(&process) {
            report(format!(
                "process {from} names {pid} as leader, which is none of its instance"
            ));
            return None;
        }
        if let Some(before) = before {
            self.by_pid.remove(&before.pid);
        }
        self.lead(id, process);
        let run = self.runs.get(&id)?;
        Some(ProcessId {
            pid: process.pid,
            start_time: process.start_time,
            boot_id: run.boot_id.to_string(),
        })
    }

    /// From now on this process is the leader.
    fn lead(&mut self, id: RunId, process: ProcessRef) {
        self.by_pid.insert(process.pid, id);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if let Some(speech) = &mut run.speech {
            speech.leader = Some(process);
        }
        if let Some(pidfd) = run.pidfd.take() {
            self.poller.remove(&pidfd);
        }
        // As long as its parent lives, that one is told of its end, and not we.
        match gantry_sys::pidfd(process) {
            Ok(Some(pidfd)) => {
                if let Err(error) = self.poller.add(&pidfd, Token::Process(id)) {
                    report(error.to_string());
                }
                run.pidfd = Some(pidfd);
            }
            // It has ended since: as if it had after.
            Ok(None) => {}
            Err(error) => report(error.to_string()),
        }
    }

    /// Whether a run of an instance has a leader that it named itself.
    pub(super) fn has_elected(&self, id: RunId) -> bool {
        let run = self.runs.get(&id);
        run.is_some_and(|run| {
            matches!(run.what, What::Instance { .. }) && run.leader() != run.process
        })
    }
}
