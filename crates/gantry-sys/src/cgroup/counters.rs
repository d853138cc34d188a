//! What groups count.

use std::fs;
use std::path::Path;

use super::Group;

/// Processes that were killed for want of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfMemory {
    /// How many.
    pub killed: u64,
    /// The limit that they had reached together, in bytes; `None` if it was the machine's memory.
    pub limit: Option<u64>,
}

/// What a tree has used, as far as its groups count it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupUsage {
    /// Time on processors in microseconds, also of processes that ended.
    pub cpu_us: Option<u64>,
    /// Memory in bytes, caches included.
    pub memory: Option<u64>,
    /// Bytes read from disks.
    pub read: Option<u64>,
    /// Bytes written to disks.
    pub written: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

impl Group {
    /// Those in it that were killed for want of memory, if any.
    pub fn out_of_memory(&self) -> Option<OutOfMemory> {
        let killed = keyed(self.path(), "memory.events", "oom_kill")
            .or_else(|| keyed(self.path(), "memory.oom_control", "oom_kill"))?;
        let limit = number(self.path(), "memory.max")
            .or_else(|| number(self.path(), "memory.limit_in_bytes"))
            // Version 1 says no limit with the greatest number of whole pages.
            .filter(|limit| *limit < 1 << 60);
        (killed > 0).then_some(OutOfMemory { killed, limit })
    }

    /// What it counts of what has been used in it.
    pub fn usage(&self) -> GroupUsage {
        let path = self.path();
        let (read, written) = match io(path) {
            Some((read, written)) => (Some(read), Some(written)),
            None => (None, None),
        };
        GroupUsage {
            cpu_us: keyed(path, "cpu.stat", "usage_usec"),
            memory: number(path, "memory.current")
                .or_else(|| number(path, "memory.usage_in_bytes")),
            read,
            written,
            pids: number(path, "pids.current"),
        }
    }
}

fn number(group: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(group.join(file))
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The number behind a word at the beginning of a line.
fn keyed(group: &Path, file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(group.join(file)).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
        .and_then(|number| number.trim().parse().ok())
}

/// Bytes read and written, over all disks: `8:0 rbytes=1 wbytes=2 …`.
fn io(group: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(group.join("io.stat")).ok()?;
    let sum = |key: &str| {
        text.split_ascii_whitespace()
            .filter_map(|word| word.strip_prefix(key)?.parse::<u64>().ok())
            .sum()
    };
    Some((sum("rbytes="), sum("wbytes=")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let group = Group::at(folder.path());
        assert_eq!(group.out_of_memory(), None);
        assert_eq!(group.usage(), GroupUsage::default());
        let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
        write(
            "memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        );
        write("memory.limit_in_bytes", "9223372036854771712\n");
        let found = |limit| Some(OutOfMemory { killed: 2, limit });
        assert_eq!(group.out_of_memory(), found(None));
        write("memory.limit_in_bytes", "1048576\n");
        assert_eq!(group.out_of_memory(), found(Some(1 << 20)));
        write(
            "memory.events",
            "low 0\noom 1\noom_kill 1\noom_group_kill 0\n",
        );
        write("memory.max", "4096\n");
        let found = Some(OutOfMemory {
            killed: 1,
            limit: Some(4096),
        });
        assert_eq!(group.out_of_memory(), found);
        write(
            "io.stat",
            "8:0 rbytes=10 wbytes=1 rios=3\n8:16 rbytes=5 wbytes=2\n",
        );
        write("cpu.stat", "usage_usec 77\nuser_usec 7\n");
        write("pids.current", "3\n");
        let usage = group.usage();
        assert_eq!((usage.read, usage.written), (Some(15), Some(3)));
        assert_eq!((usage.cpu_us, usage.pids), (Some(77), Some(3)));
    }
}
