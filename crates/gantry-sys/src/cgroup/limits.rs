//! Limits on a tree as a whole.
//!
//! Each limit goes to the controller that has it: of version 2 where it is to be had, else of version
//! 1. What neither takes is said, with both reasons.

use std::fs;
use std::path::Path;

use super::{CgroupRoot, Group, OldHierarchies};

/// What a tree may take. What is absent is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TreeLimits {
    /// Memory in bytes, without any swap beside it.
    pub memory: Option<u64>,
    /// Thousandths of a processor.
    pub cpu_millis: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Its share of what disks can do, 1 to 10,000; everybody else has 100.
    pub io_weight: Option<u64>,
}

/// What came of the limits of a tree.
#[derive(Debug, Default)]
pub struct Limited {
    /// Groups of version 1 that the tree has to join.
    pub join: Vec<Group>,
    /// Limits that could not be applied, each with the reason.
    pub not_applied: Vec<String>,
}

/// A file and what to write to it.
type Setting = (&'static str, String);

/// How one limit is set.
struct Knob {
    /// What people call it.
    what: &'static str,
    /// The controller in version 2 and in version 1.
    controllers: [&'static str; 2],
    /// In each version: settings of which the first that can be made is enough.
    one_of: [Vec<Setting>; 2],
    /// In each version: settings that make it tighter where they can be made.
    also: [Vec<Setting>; 2],
}

/// Limit the tree that will be born into `group` (if there is one), or will join what is answered.
pub fn limit_tree(
    root: Result<(&CgroupRoot, &Group), &str>,
    old: Result<&OldHierarchies, &str>,
    name: &str,
    wanted: &TreeLimits,
) -> Limited {
    let mut limited = Limited::default();
    for knob in knobs(wanted) {
        let new = root.map_err(str::to_owned).and_then(|(root, group)| {
            root.enable(knob.controllers[0])?;
            turn(group.path(), &knob, 0)
        });
        let Err(new) = new else {
            continue;
        };
        let joined = old.map_err(str::to_owned).and_then(|old| {
            let group = old.group(knob.controllers[1], name)?;
            let turned = turn(group.path(), &knob, 1);
            if turned.is_err() && !limited.join.contains(&group) {
                group.remove();
            }
            turned.map(|()| group)
        });
        match joined {
            // Two controllers may be one hierarchy.
            Ok(group) if limited.join.contains(&group) => {}
            Ok(group) => limited.join.push(group),
            Err(old) => {
                let why = if old == new {
                    old
                } else {
                    format!("{new}; {old}")
                };
                limited.not_applied.push(format!("{}: {why}", knob.what));
            }
        }
    }
    limited
}

/// Set a limit in one version.
fn turn(group: &Path, knob: &Knob, version: usize) -> Result<(), String> {
    let mut why = String::new();
    let done = knob.one_of[version].iter().any(|(file, value)| {
        fs::write(group.join(file), value)
            .map_err(|error| why = format!("cannot write {file}: {error}"))
            .is_ok()
    });
    if !done {
        return Err(why);
    }
    for (file, value) in &knob.also[version] {
        // Not every kernel counts swap, for one.
        let _ = fs::write(group.join(file), value);
    }
    Ok(())
}

fn knobs(wanted: &TreeLimits) -> Vec<Knob> {
    const PERIOD: u64 = 100_000;
    let mut knobs = Vec::new();
    if let Some(bytes) = wanted.memory {
        let bytes = bytes.to_string();
        knobs.push(Knob {
            what: "memory",
            controllers: ["memory", "memory"],
            one_of: [
                vec![("memory.max", bytes.clone())],
                vec![("memory.limit_in_bytes", bytes.clone())],
            ],
            also: [
                vec![("memory.swap.max", "0".into())],
                vec![
                    ("memory.memsw.limit_in_bytes", bytes),
                    ("memory.swappiness", "0".into()),
                ],
            ],
        });
    }
    if let Some(millis) = wanted.cpu_millis {
        // The kernel takes nothing below a millisecond a period.
        let quota = (millis.saturating_mul(PERIOD) / 1000).max(1000).to_string();
        knobs.push(Knob {
            what: "cpus",
            controllers: ["cpu", "cpu"],
            one_of: [
                vec![("cpu.max", format!("{quota} {PERIOD}"))],
                vec![("cpu.cfs_quota_us", quota)],
            ],
            also: [vec![], vec![]],
        });
    }
    if let Some(count) = wanted.pids {
        let max = vec![("pids.max", count.to_string())];
        knobs.push(Knob {
            what: "pids",
            controllers: ["pids", "pids"],
            one_of: [max.clone(), max],
            also: [vec![], vec![]],
        });
    }
    if let Some(weight) = wanted.io_weight {
        let few = weight.clamp(1, 1000).to_string();
        knobs.push(Knob {
            what: "io-weight",
            controllers: ["io", "blkio"],
            one_of: [
                vec![
                    ("io.weight", format!("default {weight}")),
                    ("io.bfq.weight", few.clone()),
                ],
                vec![
                    ("blkio.bfq.weight", few),
                    // There everybody else has 500.
                    ("blkio.weight", (weight * 5).clamp(10, 1000).to_string()),
                ],
            ],
            also: [vec![], vec![]],
        });
    }
    knobs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_is_said_with_the_reason() {
        let wanted = TreeLimits {
            memory: Some(1),
            cpu_millis: Some(1),
            pids: Some(1),
            io_weight: Some(1),
        };
        let limited = limit_tree(Err("not wanted"), Err("not wanted"), "a", &wanted);
        assert!(limited.join.is_empty());
        assert_eq!(
            limited.not_applied,
            [
                "memory: not wanted",
                "cpus: not wanted",
                "pids: not wanted",
                "io-weight: not wanted"
            ]
        );
    }
}
