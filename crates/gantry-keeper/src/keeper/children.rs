//! Who ended, and how.

use gantry_sys::ProcessRef;

use super::run::{RunId, What};
use super::{Keeper, now_us};
use crate::orphans::exit_of;
use crate::protocol::{EventBody, Exit};
use crate::report::report;
use crate::shared::SupervisorEnd;

impl Keeper<'_> {
    /// Children ended. Each is written down before it is taken away, so that if we are killed in
    /// between the guard finds it again.
    pub(super) fn reap_children(&mut self) {
        while let Ok(Some(child)) = gantry_sys::wait_any() {
            if let Some(id) = self.by_pid.get(&child.pid).copied() {
                self.leader_ended(id, exit_of(child.ended));
            }
            gantry_sys::reap(child.pid);
        }
    }

    /// The guard wrote down how somebody ended whose parent was a keeper before us.
    pub(super) fn read_orphans(&mut self) {
        let mut bell = [0; 8];
        let _ = rustix::io::read(&self.shared.orphans_bell, &mut bell);
        if let Some(end) = self.shared.take_supervisor_end() {
            let empty = self.shut_down().is_ok();
            match end {
                SupervisorEnd::Done if !empty => {
                    report("the supervisor ended as if all were down, but something still runs");
                }
                SupervisorEnd::Hopeless if empty => {
                    report("nothing runs, and no supervisor can be started: guard and keeper end");
                }
                // As it should be; and what runs has a keeper as long as it does.
                SupervisorEnd::Done | SupervisorEnd::Hopeless => {}
            }
        }
        let orphans = self.orphans.read().unwrap_or_else(|error| {
            report(format!("cannot read what the guard wrote down: {error}"));
            Vec::new()
        });
        for orphan in orphans {
            if let Some(id) = self.run_of(orphan.process()) {
                self.leader_ended(id, orphan.exit);
            } else if self.recovering {
                self.unclaimed.push(orphan);
            }
        }
    }

    fn run_of(&self, process: ProcessRef) -> Option<RunId> {
        let id = *self.by_pid.get(&process.pid)?;
        (self.runs.get(&id)?.leader() == Some(process)).then_some(id)
    }

    /// A process that is not our child is gone. If there is a guard, it tells how.
    pub(super) fn process_gone(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if let Some(pidfd) = run.pidfd.take() {
            self.poller.remove(&pidfd);
        }
        if run.exit.is_some() {
            return;
        }
        if self.has_elected(id) {
            self.elected_gone(id);
            return;
        }
        if self.runs.get(&id).is_none_or(|run| !run.adopted) {
            return;
        }
        let reason = "it outlived the guard and the keeper that could have waited for it";
        self.leader_ended(
            id,
            Exit::Unknown {
                reason: reason.into(),
            },
        );
    }

    /// A leader that took over from the first one is gone. Its parent may be another process of its tree,
    /// and then only the kernel's table tells how it ended, as long as that one has not looked.
    fn elected_gone(&mut self, id: RunId) {
        self.hear_letters();
        let known = |keeper: &Self| {
            let run = keeper.runs.get(&id);
            run.filter(|run| run.exit.is_none())
                .and_then(super::run::Run::leader)
        };
        let seen = known(self).and_then(gantry_sys::zombie_exit);
        self.reap_children();
        self.read_orphans();
        if known(self).is_none() {
            return;
        }
        let exit = match seen {
            Some(ended) => exit_of(ended),
            None => Exit::Unknown {
                reason: "its parent, which is one of its own processes, waited for it".into(),
            },
        };
        self.leader_ended(id, exit);
    }

    /// A run's leader ended. Its last words go to the log before anyone hears of it.
    pub(super) fn leader_ended(&mut self, id: RunId, exit: Exit) {
        match self.runs.get_mut(&id) {
            Some(run) if run.exit.is_none() => {
                if let Some(leader) = run.leader() {
                    self.by_pid.remove(&leader.pid);
                }
            }
            _ => return,
        }
        self.drain_output(id);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.exit = Some(exit.clone());
        run.out_of_memory = run.find_out_of_memory();
        run.ended_us = Some(now_us());
        run.dirty = true;
        let stopping = run.stop.is_some();
        let is_job = matches!(run.what, What::Job { .. });
        let left = if stopping || is_job {
            Vec::new()
        } else {
            self.left(id)
        };
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        if is_job {
            self.job_ended(id);
            return;
        }
        if let What::Instance {
            name, generation, ..
        } = &run.what
        {
            let body = EventBody::Exited {
                instance: name.clone(),
                generation: *generation,
                exit,
                left,
                stopping,
                out_of_memory: run.out_of_memory,
            };
            self.happened(body);
            self.detach_all(id);
        }
        if stopping {
            self.advance_stop(id);
        } else {
            self.look_whether_over(id);
        }
    }

    /// A job is over: tell, and clear away what it left running.
    pub(super) fn job_ended(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let output = Self::job_output(run);
        let started = run.started_us;
        let What::Job { name, capture } = &run.what else {
            return;
        };
        let result = match (&run.failure, &run.exit) {
            (Some(failure), _) => Err(failure.as_ref().clone()),
            (None, Some(exit)) => Ok(exit.clone()),
            (None, None) => return,
        };
        let name = name.clone();
        let body = EventBody::JobEnded {
            job: name.clone(),
            result,
            timed_out: capture.timed_out,
            cancelled: capture.cancelled,
            duration_us: u64::try_from(now_us() - started).unwrap_or(0),
            output: Some(output),
        };
        self.happened(body);
        self.jobs.remove(&name);
        if self.look_whether_over(id) {
            self.drop_job(id);
        } else {
            self.stop(id, 9, std::time::Duration::ZERO);
        }
    }

    pub(super) fn drop_job(&mut self, id: RunId) {
        if let Some(run) = self.runs.remove(&id) {
            self.close_run(run);
        }
    }

    pub(super) fn job_is_over_time(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if run.exit.is_none()
            && let What::Job { capture, .. } = &mut run.what
        {
            capture.timed_out = true;
            let grace = capture.grace;
            let signal = if grace.is_zero() { 9 } else { 15 };
            self.stop(id, signal, grace);
        }
    }
}
