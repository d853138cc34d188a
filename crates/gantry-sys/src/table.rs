//! All processes of the machine at one moment, and who belongs to whom.

use std::collections::{HashMap, HashSet};

use crate::error::SysError;
use crate::process::{ProcessRef, Stat, environment_value};

/// One process in the table.
pub type Entry = Stat;

/// How often processes are listed at most.
const ROUNDS: usize = 20;

/// All processes at one moment.
#[derive(Debug)]
pub struct ProcessTable {
    entries: Vec<Entry>,
    by_pid: HashMap<u32, usize>,
    children: HashMap<u32, Vec<usize>>,
    marks: Option<HashMap<String, Vec<usize>>>,
    strays: Option<Vec<usize>>,
    settled: bool,
}

/// Every living process whose environment carries a variable of this name, with its value. Takes a part of the time of
/// a whole table: of the others nothing else is read.
pub fn all_marked(name: &str) -> Result<Vec<(String, Entry)>, SysError> {
    let mut found = Vec::new();
    each_process(|pid| {
        let value = environment_value(pid, name);
        let entry = value.and_then(|value| Some((value, crate::process::stat(pid)?)));
        found.extend(entry.filter(|(_, entry)| !entry.is_dead()));
    })?;
    Ok(found)
}

/// Visit every process, each once. Says whether nobody can have been overlooked.
///
/// Processes are born and end while it is looked. One that is listed, begins another and ends before
/// it is read would hide that other. So it is listed again, until a list names nobody new: whoever
/// was alive then was visited.
fn each_process(mut visit: impl FnMut(u32)) -> Result<bool, SysError> {
    let failed = |error| SysError::new("read", "/proc", error);
    let mut seen: HashSet<u32> = HashSet::new();
    for _ in 0..ROUNDS {
        let mut new = Vec::new();
        for entry in std::fs::read_dir("/proc").map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let pid = name.to_str().and_then(|name| name.parse().ok());
            new.extend(pid.filter(|pid| seen.insert(*pid)));
        }
        if new.is_empty() {
            return Ok(true);
        }
        new.into_iter().for_each(&mut visit);
    }
    Ok(false)
}

impl ProcessTable {
    /// Look now.
    pub fn snapshot() -> Result<Self, SysError> {
        let mut entries = Vec::new();
        // One that has gone between the two reads is not in the table.
        let settled = each_process(|pid| entries.extend(crate::process::stat(pid)))?;
        Ok(Self {
            settled,
            ..Self::of(entries)
        })
    }

    /// Whether nobody can have been overlooked. In a storm of forks it may never be.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        let mut by_pid = HashMap::with_capacity(entries.len());
        let mut children: HashMap<u32, Vec<usize>> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            by_pid.insert(entry.pid, index);
            children.entry(entry.parent).or_default().push(index);
        }
        Self {
            entries,
            by_pid,
            children,
            marks: None,
            strays: None,
            settled: true,
        }
    }

    /// The process with this number.
    pub fn get(&self, pid: u32) -> Option<&Entry> {
        self.by_pid.get(&pid).map(|index| &self.entries[*index])
    }

    /// Every living process of the tree that `leader` began: those of its session and group, all that
    /// descend from any of them, and those whose environment carries `mark` (`NAME=value`) with all that
    /// descend from them. The second value says whether one was found by its mark alone.
    pub fn tree(&mut self, leader: ProcessRef, mark: &str) -> (Vec<&Entry>, bool) {
        let mut found = HashSet::new();
        let mut queue = Vec::new();
        // As long as a session or group has a member, the kernel gives its number to nobody else. If
        // somebody else has it, there is none of ours.
        let ours = self
            .get(leader.pid)
            .is_none_or(|entry| entry.start_time == leader.start_time);
        if ours {
            queue.extend(
                self.entries
                    .iter()
                    .enumerate()
                    .filter_map(|(index, entry)| {
                        let member = entry.session == leader.pid
                            || entry.group == leader.pid
                            || entry.pid == leader.pid;
                        (member && entry.start_time >= leader.start_time).then_some(index)
                    }),
            );
        }
        self.descend(&mut queue, &mut found);
        let by_lineage = found.len();
        queue.extend(self.marked(mark));
        self.descend(&mut queue, &mut found);
        let by_mark = found.len() > by_lineage;
        let mut members: Vec<&Entry> = found
            .into_iter()
            .map(|index| &self.entries[index])
            .filter(|entry| !entry.is_dead())
            .collect();
        members.sort_unstable_by_key(|entry| entry.pid);
        (members, by_mark)
    }

    /// Every living process that was left to one of `keepers` when its parents ended, and all that
    /// descend from it, as long as nothing tells whose it was: it carries no mark, and `known` does not
    /// know it. Looked for once; asked again, the answer is the same.
    pub fn strays(
        &mut self,
        keepers: &[u32],
        mark: &str,
        known: &dyn Fn(&Entry) -> bool,
    ) -> Vec<&Entry> {
        if self.strays.is_none() {
            let mut queue: Vec<usize> = keepers
                .iter()
                .filter_map(|keeper| self.children.get(keeper))
                .flatten()
                .copied()
                .filter(|index| !self.entries[*index].is_dead() && !known(&self.entries[*index]))
                .collect();
            if !queue.is_empty() {
                self.marked(mark);
            }
            if let Some(marks) = &self.marks {
                queue.retain(|index| !marks.values().any(|marked| marked.contains(index)));
            }
            let mut found = HashSet::new();
            self.descend(&mut queue, &mut found);
            self.strays = Some(found.into_iter().collect());
        }
        self.strays
            .iter()
            .flatten()
            .map(|index| &self.entries[*index])
            .filter(|entry| !entry.is_dead())
            .collect()
    }

    fn descend(&self, queue: &mut Vec<usize>, found: &mut HashSet<usize>) {
        while let Some(index) = queue.pop() {
            if found.insert(index)
                && let Some(children) = self.children.get(&self.entries[index].pid)
            {
                queue.extend(children);
            }
        }
    }

    /// Those whose environment carries this variable (`NAME=value`).
    fn marked(&mut self, mark: &str) -> Vec<usize> {
        let Some((name, value)) = mark.split_once('=') else {
            return Vec::new();
        };
        self.marks(name).get(value).cloned().unwrap_or_default()
    }

    /// All environments are read once, when this is first asked; only those with a variable of this
    /// name are remembered, by its value.
    fn marks(&mut self, name: &str) -> &HashMap<String, Vec<usize>> {
        let entries = &self.entries;
        self.marks.get_or_insert_with(|| {
            let mut marks: HashMap<String, Vec<usize>> = HashMap::new();
            for (index, entry) in entries.iter().enumerate() {
                if entry.parent == 2 || entry.is_dead() {
                    continue;
                }
                if let Some(value) = environment_value(entry.pid, name) {
                    marks.entry(value).or_default().push(index);
                }
            }
            marks
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pid: u32, parent: u32, session: u32, start_time: u64) -> Entry {
        Stat {
            pid,
            name: "x".into(),
            state: 'S',
            parent,
            group: session,
            session,
            start_time,
        }
    }

    #[test]
    fn a_tree_is_session_group_and_descent() {
        let mut table = ProcessTable::of(vec![
            entry(1, 0, 1, 0),
            entry(10, 1, 10, 5),
            entry(11, 10, 10, 6),
            entry(12, 11, 12, 7),
            entry(13, 1, 10, 8),
            entry(20, 1, 20, 9),
        ]);
        let leader = ProcessRef {
            pid: 10,
            start_time: 5,
        };
        let (tree, by_mark) = table.tree(leader, "GANTRY_MARK_OF_NOBODY=1");
        let pids: Vec<_> = tree.iter().map(|entry| entry.pid).collect();
        assert_eq!(pids, [10, 11, 12, 13]);
        assert!(!by_mark);
    }

    #[test]
    fn what_was_left_to_a_keeper_is_a_stray() {
        let mut table = ProcessTable::of(vec![
            entry(u32::MAX - 1, 1, 1, 0),
            entry(u32::MAX - 2, u32::MAX - 1, u32::MAX - 2, 5),
            entry(u32::MAX - 3, u32::MAX - 1, u32::MAX - 3, 6),
            entry(u32::MAX - 4, u32::MAX - 3, u32::MAX - 3, 7),
        ]);
        let known = |entry: &Entry| entry.pid == u32::MAX - 2;
        let strays = table.strays(&[u32::MAX - 1], "GANTRY_MARK_OF_NOBODY=1", &known);
        let mut pids: Vec<_> = strays.iter().map(|entry| entry.pid).collect();
        pids.sort_unstable();
        assert_eq!(pids, [u32::MAX - 4, u32::MAX - 3]);
    }

    #[test]
    fn a_reused_number_is_not_a_tree() {
        let mut table = ProcessTable::of(vec![entry(10, 1, 10, 50), entry(11, 10, 10, 60)]);
        let leader = ProcessRef {
            pid: 10,
            start_time: 5,
        };
        assert!(table.tree(leader, "GANTRY_MARK_OF_NOBODY=1").0.is_empty());
    }
}
