//! Finding what a keeper was killed over while it started it.

use gantry_sys::{ProcessRef, SpawnError, Stage};

use crate::keeper::Keeper;
use crate::keeper::run::{RunId, What};
use crate::ledger::Entry;
use crate::protocol::{EventBody, ProcessId, SpawnFailure};

impl Keeper<'_> {
    /// The ledger says that it was to be started, and not whether it was. The kernel has left its pid
    /// in memory that we share with the keeper before; if even that is gone, it carries our mark.
    pub(super) fn find_started(&mut self, id: RunId, same_guard: bool, same_boot: bool) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let mark = run.mark.clone();
        let (born, failed) = self.wait_for_exec(&mark);
        if let Some((stage, errno)) = failed {
            let error = SpawnError::new(stage, errno, String::new());
            self.did_not_start(
                id,
                SpawnFailure {
                    stage: stage.to_string(),
                    errno: Some(errno),
                    message: error.to_string(),
                    interrupted: false,
                },
            );
            return;
        }
        let mut ended = None;
        let mut found = None;
        if let Some(pid) = born {
            self.read_orphans();
            ended = self
                .unclaimed
                .iter()
                .rfind(|orphan| orphan.pid == pid)
                .cloned();
            found = match &ended {
                Some(orphan) => Some(orphan.process()),
                None => gantry_sys::stat(pid).map(|stat| stat.process()),
            };
        }
        if found.is_none() && same_boot {
            found = self.find_by_mark(&mark);
        }
        let Some(process) = found else {
            // Under another guard, it may have run and ended before anyone looked; a group of its own would know.
            let was_born = born.is_some() || !(same_guard || self.is_untouched(id));
            self.did_not_start(
                id,
                SpawnFailure {
                    stage: Stage::Fork.to_string(),
                    errno: None,
                    message: "the keeper was killed while it started this; nothing of it runs"
                        .into(),
                    interrupted: !was_born,
                },
            );
            return;
        };
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.process = Some(process);
        let boot_id = run.boot_id.to_string();
        self.by_pid.insert(process.pid, id);
        match &run.what {
            What::Instance {
                name, generation, ..
            } => {
                let body = EventBody::Spawned {
                    instance: name.clone(),
                    generation: *generation,
                    process: ProcessId {
                        pid: process.pid,
                        start_time: process.start_time,
                        boot_id,
                    },
                    proof: run.proof,
                    not_applied: Vec::new(),
                };
                self.happened(body);
            }
            What::Job { .. } => {
                let key = run.key();
                self.note(&Entry::Started {
                    key,
                    pid: process.pid,
                    start_time: process.start_time,
                });
            }
        }
        if let Some(orphan) = ended {
            self.leader_ended(id, orphan.exit);
        }
    }

    /// Whether it has a group, and nothing has ever run in that.
    fn is_untouched(&self, id: RunId) -> bool {
        let group = self.runs.get(&id).and_then(|run| run.group.as_ref());
        group.is_some_and(|group| {
            group.usage().cpu_us == Some(0) && group.populated().is_ok_and(|populated| !populated)
        })
    }

    /// A child that was born before its parent was killed goes on to its program by itself. Wait until
    /// it has got there, or has failed, which is a matter of microseconds.
    fn wait_for_exec(&self, mark: &str) -> (Option<u32>, Option<(Stage, i32)>) {
        for _ in 0..200 {
            let (born, failed) = self.shared.spawn_begun(mark);
            let Some(pid) = born.filter(|_| failed.is_none()) else {
                return (born, failed);
            };
            let alive = gantry_sys::stat(pid).is_some_and(|stat| !stat.is_dead());
            if !alive || gantry_sys::has_environment(pid, mark) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        self.shared.spawn_begun(mark)
    }

    fn find_by_mark(&mut self, mark: &str) -> Option<ProcessRef> {
        let nobody = ProcessRef {
            pid: 0,
            start_time: u64::MAX,
        };
        let (tree, _) = self.table()?.tree(nobody, mark);
        // The first one: it leads its session.
        tree.into_iter()
            .filter(|entry| entry.session == entry.pid)
            .min_by_key(|entry| entry.start_time)
            .map(gantry_sys::Stat::process)
    }

    fn did_not_start(&mut self, id: RunId, failure: SpawnFailure) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.tree_empty = true;
        run.failure = Some(Box::new(failure.clone()));
        run.remove_groups();
        if let What::Instance {
            name, generation, ..
        } = &run.what
        {
            let body = EventBody::SpawnFailed {
                instance: name.clone(),
                generation: *generation,
                failure,
            };
            self.happened(body);
        } else {
            self.job_ended(id);
        }
    }
}
