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
//! A tree in a cgroup is killed by the kernel in one go, and empty when the kernel says so: it rings.
//! Without one it is found anew each time by lineage and mark, and killed until nothing is found.
//!
//! A stop is said to resist when something is still there [`RESISTS`] after the kill and waits in the
//! kernel, where no signal reaches it, or when anything is [`DIES_SLOWLY`] after it: to give back a
//! large memory takes its time, and a success that is told too late is better than a failure that was
//! none.

use std::time::{Duration, Instant};

use super::poller::Token;
use super::requests::after;
use super::run::{Run, RunId, Stop, What};
use super::timers::Timer;
use super::{Keeper, boot_millis};
use crate::ledger::Entry;
use crate::protocol::EventBody;
use crate::report::report;

const SIGKILL: i32 = 9;
const SIGCONT: i32 = 18;

/// How long after the kill a tree is said to resist of which something cannot be killed.
const RESISTS: Duration = Duration::from_millis(80);

/// How long after the kill a tree that is not empty is said to resist in any case.
const DIES_SLOWLY: Duration = Duration::from_millis(500);

/// While a group's emptiness rings, this is how often is looked all the same.
const LOOK_ANYWAY: Duration = Duration::from_millis(100);

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
            // Something else was to ask it, and could not.
            if stop.signal == 0 && signal != 0 && !grace.is_zero() {
                stop.signal = signal;
                stop.rest_asked = false;
                if run.exit.is_none() && run.failure.is_none() {
                    self.ask(id, signal);
                }
            }
        } else {
            run.stop = Some(Box::new(Stop::new(signal, deadline)));
            run.dirty = true;
            self.behind.note(Instant::now());
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
        if let Some(group) = &run.group {
            group.thaw();
        }
        if let Some(leader) = run.process
            && leader.exists()
        {
            for signal in [signal, SIGCONT] {
                if let Err(error) = gantry_sys::kill_group(leader, signal) {
                    report(format!("{}: {error}", run.label()));
                }
            }
        }
        // One that took the lead later may be in another group, or the group without its first.
        if let Some(leader) = run.leader().filter(|leader| Some(*leader) != run.process) {
            for signal in [signal, SIGCONT] {
                if let Err(error) = gantry_sys::send(leader, signal) {
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
        let mut resists = None;
        if let Some(since) = killed {
            let took = now.duration_since(since);
            if took >= RESISTS {
                self.resisted(id, took >= DIES_SLOWLY);
            }
            resists = [RESISTS, DIES_SLOWLY]
                .into_iter()
                .find(|limit| *limit > took)
                .map(|limit| since + limit);
        }
        let rings = (killed.is_some() || now >= deadline || ended) && self.watch_group(id);
        let Some(stop) = self.runs.get_mut(&id).and_then(|run| run.stop.as_mut()) else {
            return;
        };
        stop.next = if stop.killed.is_some() || ended {
            // Quickly at first, then less and less often.
            stop.looks = stop.looks.saturating_add(1);
            let wait = if rings {
                LOOK_ANYWAY
            } else {
                Duration::from_millis(1) * 2_u32.pow(stop.looks.min(6) / 2 + stop.looks.min(12) / 4)
            };
            let next = resists.map_or(now + wait, |at| at.min(now + wait));
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

    /// Hear when the group of a run that is being stopped becomes empty. Whether it will be heard.
    fn watch_group(&mut self, id: RunId) -> bool {
        let Some(Run {
            group: Some(group),
            stop: Some(stop),
            ..
        }) = self.runs.get_mut(&id)
        else {
            return false;
        };
        if stop.watch.is_none() {
            // Without a descriptor to spare it is looked at often instead.
            stop.watch = group.events().ok().filter(|events| {
                self.poller
                    .add_exceptional(events, Token::Group(id))
                    .is_ok()
            });
        }
        stop.watch.is_some()
    }

    /// Something changed in the group of a run that is being stopped.
    pub(super) fn group_changed(&mut self, id: RunId) {
        let watch = self
            .runs
            .get(&id)
            .and_then(|run| run.stop.as_ref()?.watch.as_ref());
        if watch.is_some_and(|events| !events.populated()) {
            self.advance_stop(id);
        }
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
        let stop = run.stop.take();
        let killed = stop.as_ref().is_some_and(|stop| stop.killed.is_some());
        if let Some(watch) = stop.and_then(|stop| stop.watch) {
            self.poller.remove(&watch);
        }
        run.tree_empty = true;
        run.stopped = true;
        run.dirty = true;
        run.remove_groups();
        self.close_terminal(id);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
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

    /// Killed, and not gone: tell, once, if it cannot be killed or is given up.
    fn resisted(&mut self, id: RunId, given_up: bool) {
        let told = |run: &Run| run.stop.as_ref().is_none_or(|stop| stop.resisted);
        if self.runs.get(&id).is_none_or(told) {
            return;
        }
        let left = self.left(id);
        if !given_up && !left.iter().any(|process| process.state == 'D') {
            return;
        }
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
                self.behind.note(Instant::now());
                run.remove_groups();
            }
            self.close_terminal(id);
        }
        self.runs.get(&id).is_none_or(Run::is_over)
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
}
