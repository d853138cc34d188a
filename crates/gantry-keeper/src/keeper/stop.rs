//! Signal, grace, kill, proof of emptiness.
//!
//! ```text
//! stop ─▶ signal to the leader's group ─▶ leader ends ─▶ tree empty? ─▶ Stopped
//!                    │                                      │ no: the rest is asked once, too
//!                    └──── grace is over ─▶ tree killed ◀───┘ grace is over
//!                                              │ again and again; after a while: StopResisted
//!                                              └─▶ tree empty ─▶ Stopped
//! ```
//!
//! A tree in a cgroup is killed by the kernel in one go and empty when the kernel says so. Without one
//! it is found anew each time by lineage and mark, and killed until nothing is found.

use std::time::{Duration, Instant};

use gantry_sys::ProcessRef;

use super::requests::after;
use super::run::{Run, RunId, Stop, What};
use super::timers::Timer;
use super::{Keeper, boot_millis};
use crate::ledger::Entry;
use crate::protocol::{EventBody, LeftProcess, Proof};
use crate::report::report;

const SIGKILL: i32 = 9;
const SIGCONT: i32 = 18;

/// How long after the kill a tree that is not empty is said to resist.
const RESISTS: Duration = Duration::from_millis(500);

impl Keeper<'_> {
    /// Begin a stop, or hurry one that is under way.
    pub(super) fn stop(&mut self, id: RunId, signal: i32, grace: Duration) {
        let now = Instant::now();
        let deadline = after(now, grace);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let key = run.key();
        if let Some(stop) = &mut run.stop {
            stop.deadline = stop.deadline.min(deadline);
        } else {
            run.stop = Some(Stop {
                signal,
                deadline,
                killed: None,
                next: now,
                looks: 0,
                rest_asked: false,
                resisted: false,
            });
            run.dirty = true;
            self.files_behind = true;
            if !grace.is_zero() && run.exit.is_none() && run.failure.is_none() {
                self.ask(id, signal);
            }
        }
        let grace = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.note(&Entry::Stopping {
            key,
            signal,
            deadline_ms: boot_millis().saturating_add(grace),
        });
        self.advance_stop(id);
    }

    /// Signal the leader's process group, and wake what is stopped so that it can hear.
    fn ask(&mut self, id: RunId, signal: i32) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        if let Some(leader) = run.process
            && leader.exists()
        {
            for signal in [signal, SIGCONT] {
                if let Err(error) = gantry_sys::kill_group(leader, signal) {
                    report(format!("{}: {error}", run.label()));
                }
            }
        }
    }

    pub(super) fn stop_is_due(&mut self, id: RunId) {
        let due = self
            .runs
            .get(&id)
            .and_then(|run| run.stop.as_ref())
            .is_some_and(|stop| stop.next <= Instant::now());
        if due {
            self.advance_stop(id);
        }
    }

    /// Do what is next in a stop.
    pub(super) fn advance_stop(&mut self, id: RunId) {
        let now = Instant::now();
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let ended = run.exit.is_some() || run.failure.is_some();
        let Some(stop) = &run.stop else {
            return;
        };
        let (killed, signal, deadline) = (stop.killed, stop.signal, stop.deadline);
        if ended && self.is_empty(id) {
            self.stopped(id);
            return;
        }
        if killed.is_some() || now >= deadline {
            self.kill_tree(id);
            // With luck it is over already.
            self.table = None;
            if ended && self.is_empty(id) {
                self.mark_killed(id, now);
                self.stopped(id);
                return;
            }
            self.mark_killed(id, now);
        } else if ended {
            let ask = self
                .runs
                .get_mut(&id)
                .and_then(|run| run.stop.as_mut())
                .is_some_and(|stop| !std::mem::replace(&mut stop.rest_asked, true));
            if ask {
                self.signal_tree(id, signal);
            }
        }
        let resisting = killed.is_some_and(|since| now.duration_since(since) >= RESISTS);
        if resisting {
            self.resisted(id);
        }
        let Some(stop) = self.runs.get_mut(&id).and_then(|run| run.stop.as_mut()) else {
            return;
        };
        stop.next = if stop.killed.is_some() || ended {
            // Quickly at first, then less and less often.
            stop.looks = stop.looks.saturating_add(1);
            let wait = Duration::from_millis(1)
                * 2_u32.pow(stop.looks.min(6) / 2 + stop.looks.min(12) / 4);
            let next = now + wait;
            if stop.killed.is_none() {
                next.min(stop.deadline)
            } else {
                next
            }
        } else {
            stop.deadline
        };
        let next = stop.next;
        self.timers.set(next, Timer::Stop(id));
    }

    fn mark_killed(&mut self, id: RunId, now: Instant) {
        if let Some(stop) = self.runs.get_mut(&id).and_then(|run| run.stop.as_mut())
            && stop.killed.is_none()
        {
            stop.killed = Some(now);
            stop.looks = 0;
        }
    }

    /// The tree is empty: tell.
    fn stopped(&mut self, id: RunId) {
        self.drain_output(id);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let killed = run.stop.take().is_some_and(|stop| stop.killed.is_some());
        run.tree_empty = true;
        run.stopped = true;
        run.dirty = true;
        if let Some(group) = &run.group {
            group.remove();
        }
        let proof = run.proof;
        match &run.what {
            What::Instance {
                name, generation, ..
            } => {
                let body = EventBody::Stopped {
                    instance: name.clone(),
                    generation: *generation,
                    exit: run
                        .exit
                        .clone()
                        .unwrap_or_else(|| crate::protocol::Exit::Unknown {
                            reason: "it never ran".into(),
                        }),
                    proof,
                    killed,
                };
                self.happened(body);
            }
            What::Job { .. } => self.drop_job(id),
        }
    }

    /// Killed, and not gone: tell, once.
    fn resisted(&mut self, id: RunId) {
        let left = self.left(id);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let Some(stop) = &mut run.stop else {
            return;
        };
        if std::mem::replace(&mut stop.resisted, true) {
            return;
        }
        if let What::Instance {
            name, generation, ..
        } = &run.what
        {
            let body = EventBody::StopResisted {
                instance: name.clone(),
                generation: *generation,
                left,
            };
            self.happened(body);
        }
    }

    /// Whether nothing of a run is left, looking again if it was not so before.
    pub(super) fn look_whether_over(&mut self, id: RunId) -> bool {
        let Some(run) = self.runs.get(&id) else {
            return true;
        };
        if run.stop.is_some() || (run.exit.is_none() && run.failure.is_none()) {
            return false;
        }
        if !run.tree_empty && self.is_empty(id) {
            self.drain_output(id);
            if let Some(run) = self.runs.get_mut(&id) {
                run.tree_empty = true;
                run.dirty = true;
                self.files_behind = true;
                if let Some(group) = &run.group {
                    group.remove();
                }
            }
        }
        self.runs.get(&id).is_none_or(Run::is_over)
    }

    /// Whether no living process of a run's tree is left.
    fn is_empty(&mut self, id: RunId) -> bool {
        let Some(run) = self.runs.get(&id) else {
            return true;
        };
        if run.tree_empty {
            return true;
        }
        match &run.group {
            Some(group) => match group.populated() {
                Ok(populated) => !populated,
                Err(error) => {
                    report(error.to_string());
                    false
                }
            },
            None => self.members(id).is_empty(),
        }
    }

    /// The living processes of a run's tree, by whatever means there is.
    fn members(&mut self, id: RunId) -> Vec<ProcessRef> {
        let Some(run) = self.runs.get(&id) else {
            return Vec::new();
        };
        if let Some(group) = &run.group {
            return group
                .pids()
                .into_iter()
                .filter_map(gantry_sys::stat)
                .filter(|stat| !stat.is_dead())
                .map(|stat| stat.process())
                .collect();
        }
        let (Some(leader), mark) = (run.process, run.mark.clone()) else {
            return Vec::new();
        };
        let mut by_mark = false;
        let mut members = Vec::new();
        if let Some(table) = self.table() {
            let (tree, marked) = table.tree(leader, &mark);
            members = tree.into_iter().map(gantry_sys::Stat::process).collect();
            by_mark = marked;
        }
        if by_mark && let Some(run) = self.runs.get_mut(&id) {
            run.proof = Proof::Marker;
        }
        members
    }

    /// Who is left, for people.
    pub(super) fn left(&mut self, id: RunId) -> Vec<LeftProcess> {
        if let Some(Run {
            group: Some(group), ..
        }) = self.runs.get(&id)
            && matches!(group.populated(), Ok(false))
        {
            return Vec::new();
        }
        self.members(id)
            .into_iter()
            .take(LeftProcess::LIMIT)
            .filter_map(|process| {
                let stat = gantry_sys::stat(process.pid)?;
                (stat.process() == process && !stat.is_dead()).then(|| LeftProcess {
                    pid: process.pid,
                    command: gantry_sys::cmdline(process.pid),
                    state: stat.state,
                })
            })
            .collect()
    }

    fn kill_tree(&mut self, id: RunId) {
        match self.runs.get(&id).and_then(|run| run.group.as_ref()) {
            Some(group) => {
                if let Err(error) = group.kill() {
                    report(error.to_string());
                    self.signal_tree(id, SIGKILL);
                }
            }
            None => self.signal_tree(id, SIGKILL),
        }
    }

    /// Send a signal to every living process of a tree, each surely the one that is meant.
    pub(super) fn signal_tree(&mut self, id: RunId, signal: i32) {
        for process in self.members(id) {
            if let Err(error) = gantry_sys::send(process, signal) {
                report(error.to_string());
            }
        }
    }
}
