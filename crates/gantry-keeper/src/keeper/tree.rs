//! Which processes a run consists of.
//!
//! | means | a process belongs to a run if |
//! |---|---|
//! | group | the kernel says so; nothing that is not root can leave |
//! | lineage | it is in the leader's session or group, or descends from such a process |
//! | mark | it, or one that it descends from, has the run's mark in its environment |
//! | stray | it was left to the keeper or the guard by parents that ended, has no mark, and no other run that is not over is as old as it |
//!
//! The last is a daemon that forked twice, made a session of its own and cleared its environment, all
//! without a group: nothing tells whose it is, but that it is ours is sure, since only what a run began
//! is ever left to us. So it is taken down with the last run that may have begun it, and none is left
//! behind when the stack is down. What the ledger of another pair names, or is in the session of what it
//! names, is that pair's.

use gantry_sys::{Entry, ProcessRef, ProcessTable, Stat};

use super::Keeper;
use super::run::{Run, RunId};
use crate::protocol::{LeftProcess, Proof};
use crate::report::report;

impl Keeper<'_> {
    /// Whether no living process of a run's tree is left.
    pub(super) fn is_empty(&mut self, id: RunId) -> bool {
        let Some(run) = self.runs.get(&id) else {
            return true;
        };
        // Of another boot nothing is left, whoever has its numbers now.
        if run.tree_empty || run.boot_id != self.shared.boot_id {
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
            None if run.process.is_none() => true,
            None => {
                self.members(id).is_empty()
                    && self.table.as_ref().is_some_and(ProcessTable::is_settled)
            }
        }
    }

    /// The living processes of a run's tree, by whatever means there is.
    pub(super) fn members(&mut self, id: RunId) -> Vec<ProcessRef> {
        let run = self.runs.get(&id);
        let Some(run) = run.filter(|run| run.boot_id == self.shared.boot_id) else {
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
        let mut strays = Vec::new();
        self.table();
        if let Some(table) = &mut self.table {
            let (tree, marked) = table.tree(leader, &mark);
            members = tree.into_iter().map(Stat::process).collect();
            by_mark = marked;
            // A dead guard's number may be a stranger's by now.
            let guard = Some(self.shared.guard()).filter(|guard| guard.exists());
            let mut keepers = vec![std::process::id()];
            keepers.extend(guard.map(|guard| guard.pid));
            let supervisor = self.shared.supervisor();
            let by_pid = &self.by_pid;
            let known = |entry: &Entry| {
                keepers.contains(&entry.pid)
                    || supervisor == Some(entry.process())
                    || by_pid.contains_key(&entry.pid)
                    // One that is being born: a keeper or a supervisor, not yet known.
                    || gantry_sys::runs_our_program(entry.pid)
            };
            strays.extend(
                table
                    .strays(&keepers, &mark, &known)
                    .into_iter()
                    .map(Stat::process),
            );
        }
        if !strays.is_empty() {
            self.leave_to_other_pairs(&mut strays);
            let others = self.others_by_lineage(id);
            strays.retain(|stray| {
                let as_old = |leader: &ProcessRef| leader.start_time <= stray.start_time;
                as_old(&leader) && !others.iter().any(as_old) && !members.contains(stray)
            });
            members.append(&mut strays);
        }
        if by_mark && let Some(run) = self.runs.get_mut(&id) {
            run.proof = Proof::Marker;
        }
        members
    }

    /// What another pair has started is left to our guard when that pair was killed as a whole.
    fn leave_to_other_pairs(&self, strays: &mut Vec<ProcessRef>) {
        let leaders = crate::ledger::leaders_of_others(&self.shared.layout);
        strays.retain(|stray| {
            let session = gantry_sys::stat(stray.pid).map(|stat| stat.session);
            let of = |leader: &ProcessRef| {
                Some(leader.pid) == session && leader.start_time <= stray.start_time
            };
            !leaders.contains(stray) && !leaders.iter().any(of)
        });
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

    /// The leaders of all other runs that are not over and have no group.
    fn others_by_lineage(&self, id: RunId) -> Vec<ProcessRef> {
        self.runs
            .iter()
            .filter(|(other, run)| **other != id && run.group.is_none() && !run.tree_empty)
            .filter_map(|(_, run)| run.process)
            .collect()
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
