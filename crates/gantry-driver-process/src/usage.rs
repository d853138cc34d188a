//! What instances have used: from their groups where these count it, else from their processes.
//!
//! Reading that of 10,000 instances takes some 30,000 small files. So the keeper, which must not be kept
//! from its work, only tells where they are, and they are read here, when somebody asks.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use gantry_core::InstanceId;
use gantry_driver::Usage;
use gantry_keeper::layout::Layout;
use gantry_keeper::protocol::{InstanceState, Listing};
use gantry_sys::{Group, GroupUsage, ProcessRef, ProcessTable};
use jiff::Timestamp;

/// How long ago the reading must be that a rate is counted from.
const SHORTEST: Duration = Duration::from_millis(200);

/// The readings before, by instance and generation.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    last: HashMap<(InstanceId, u32), (Instant, u64)>,
}

impl Readings {
    /// Read what all of these have used that run.
    pub(crate) fn read(&mut self, layout: &Layout, listing: &Listing) -> Vec<(InstanceId, Usage)> {
        let mut table = None;
        let mut found = Vec::new();
        let mut next = HashMap::new();
        for state in listing.instances.iter().filter(|state| state.lives()) {
            let Ok(instance) = state.instance.as_str().parse::<InstanceId>() else {
                continue;
            };
            let mut usage = one(layout, state, &mut table);
            if let Some(cpu_us) = usage.cpu_us {
                let key = (instance.clone(), state.generation);
                let now = Instant::now();
                let before = self.last.get(&key).copied();
                usage.cpus = Some(rate(before, now, cpu_us, state.started_us));
                // One that was just taken says too little: the next rate is counted from before it.
                let young = before.filter(|(at, _)| now.duration_since(*at) < SHORTEST);
                next.insert(key, young.unwrap_or((now, cpu_us)));
            }
            found.push((instance, usage));
        }
        self.last = next;
        found
    }
}

/// Processors kept busy since a reading, or since the start.
fn rate(before: Option<(Instant, u64)>, now: Instant, cpu_us: u64, started_us: i64) -> f64 {
    let (wall, used) = match before {
        Some((at, used)) if now.duration_since(at) >= SHORTEST => {
            (now.duration_since(at), cpu_us.saturating_sub(used))
        }
        _ => {
            let since = Timestamp::now().as_microsecond() - started_us;
            let wall = Duration::from_micros(u64::try_from(since).unwrap_or(1).max(1));
            (wall, cpu_us)
        }
    };
    Duration::from_micros(used).as_secs_f64() / wall.as_secs_f64().max(1e-6)
}

fn one(layout: &Layout, state: &InstanceState, table: &mut Option<ProcessTable>) -> Usage {
    let groups = state
        .groups
        .iter()
        .map(|path| Group::at(path.as_std_path()));
    let groups: Vec<Group> = groups.collect();
    let mut counted = GroupUsage::default();
    for group in &groups {
        let more = group.usage();
        counted.cpu_us = counted.cpu_us.or(more.cpu_us);
        counted.memory = counted.memory.or(more.memory);
        counted.read = counted.read.or(more.read);
        counted.written = counted.written.or(more.written);
        counted.pids = counted.pids.or(more.pids);
    }
    let whole = counted.cpu_us.is_some()
        && counted.memory.is_some()
        && counted.read.is_some()
        && counted.pids.is_some();
    if !whole {
        let pids = match groups.first() {
            Some(group) => group.pids(),
            None => by_lineage(layout, state, table),
        };
        let processes: Vec<_> = pids
            .iter()
            .filter_map(|pid| gantry_sys::process_usage(*pid))
            .collect();
        let sum = |of: &dyn Fn(&gantry_sys::ProcessUsage) -> Option<u64>| {
            processes.iter().map(of).sum::<Option<u64>>()
        };
        counted.cpu_us = counted.cpu_us.or_else(|| sum(&|one| Some(one.cpu_us)));
        counted.memory = counted.memory.or_else(|| sum(&|one| Some(one.memory)));
        counted.read = counted.read.or_else(|| sum(&|one| one.io.map(|io| io.0)));
        counted.written = counted
            .written
            .or_else(|| sum(&|one| one.io.map(|io| io.1)));
        counted.pids = counted.pids.or(Some(processes.len() as u64));
    }
    Usage {
        cpu_us: counted.cpu_us,
        cpus: None,
        memory: counted.memory,
        read: counted.read,
        written: counted.written,
        pids: counted.pids,
    }
}

/// The processes of a tree that has no group. All processes are looked at once for all trees.
fn by_lineage(
    layout: &Layout,
    state: &InstanceState,
    table: &mut Option<ProcessTable>,
) -> Vec<u32> {
    let Some(process) = &state.process else {
        return Vec::new();
    };
    if table.is_none() {
        *table = ProcessTable::snapshot().ok();
    }
    let leader = ProcessRef {
        pid: process.pid,
        start_time: process.start_time,
    };
    let mark = layout.mark(&state.instance, state.generation);
    table.as_mut().map_or_else(Vec::new, |table| {
        let (tree, _) = table.tree(leader, &mark);
        tree.into_iter().map(|entry| entry.pid).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_counted_from_the_reading_before() {
        let now = Instant::now();
        let at = now.checked_sub(Duration::from_secs(2)).unwrap();
        let counted = rate(Some((at, 1_000_000)), now, 4_000_000, 0);
        assert!((counted - 1.5).abs() < 1e-9, "{counted}");
    }

    #[test]
    fn a_first_rate_is_counted_from_the_start() {
        let started = Timestamp::now().as_microsecond() - 10_000_000;
        let counted = rate(None, Instant::now(), 5_000_000, started);
        assert!((0.4..0.6).contains(&counted), "{counted}");
    }
}
