//! What one process has used.

use std::fs;

/// What `/proc` says that a process has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Time on processors in microseconds, with that of children that it has waited for.
    pub cpu_us: u64,
    /// Memory in bytes that is present; what it shares with others is counted with each.
    pub memory: u64,
    /// Bytes read from and written to disks; `None` if we may not know.
    pub io: Option<(u64, u64)>,
}

/// What a process has used; `None` if it is gone.
pub fn process_usage(pid: u32) -> Option<ProcessUsage> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let (ticks, pages) = parse(&stat)?;
    let page = asked(libc::_SC_PAGESIZE).unwrap_or(4096);
    Some(ProcessUsage {
        cpu_us: micros(ticks),
        memory: pages.saturating_mul(page),
        io: fs::read_to_string(format!("/proc/{pid}/io"))
            .ok()
            .and_then(|text| Some((line(&text, "read_bytes: ")?, line(&text, "write_bytes: ")?))),
    })
}

/// Clock ticks, as the kernel tells times, in microseconds.
pub(super) fn micros(ticks: u64) -> u64 {
    ticks.saturating_mul(1_000_000) / asked(libc::_SC_CLK_TCK).unwrap_or(100).max(1)
}

/// How many whole ticks have passed since boot, by the clock that goes on while the machine sleeps, as the kernel counts
/// them for the starts of processes; `None` where a second is no whole number of nanoseconds for each of its ticks.
pub(crate) fn ticks_since_boot() -> Option<u64> {
    const SECOND: u64 = 1_000_000_000;
    let per_second = asked(libc::_SC_CLK_TCK)?;
    let tick = SECOND.checked_div(per_second)?;
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).ok()?;
    let rest = u64::try_from(now.tv_nsec).ok()?;
    (tick * per_second == SECOND).then(|| seconds * per_second + rest / tick)
}

fn asked(name: libc::c_int) -> Option<u64> {
    // SAFETY: it takes a number and gives one.
    u64::try_from(unsafe { libc::sysconf(name) }).ok()
}

/// Ticks on processors and pages present, of the text of a `stat` file.
fn parse(stat: &[u8]) -> Option<(u64, u64)> {
    // Behind the name, which may contain anything, the first field is the third.
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let text = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let ticks = [14, 15, 16, 17].into_iter().filter_map(number).sum();
    Some((ticks, number(24)?))
}

fn line(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_is_known() {
        let ours = process_usage(std::process::id()).unwrap();
        assert!(ours.memory > 100_000, "{ours:?}");
        assert_eq!(process_usage(0), None);
    }

    #[test]
    fn a_name_with_brackets_does_not_confuse() {
        let stat = b"7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 1 2 3 4 20 0 1 0 99 1000 55 0";
        assert_eq!(parse(stat), Some((10, 55)));
    }
}
