//! What `/proc` says of one process.

mod usage;

use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt;

pub(crate) use usage::ticks_since_boot;
pub use usage::{ProcessUsage, process_usage};

use crate::wait::Ended;

/// A process, so that a reused pid is not mistaken for it (within one boot).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessRef {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
}

impl ProcessRef {
    /// Whether this very process exists and is no zombie.
    pub fn is_alive(self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.start_time == self.start_time && !stat.is_dead())
    }

    /// When it started, in microseconds since boot.
    pub fn started_us(self) -> u64 {
        usage::micros(self.start_time)
    }

    /// Whether this very process exists, be it as a zombie.
    pub fn exists(self) -> bool {
        start_time(self.pid) == Some(self.start_time)
    }
}

/// One line of `/proc/PID/stat`, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Its number.
    pub pid: u32,
    /// Its name, at most 15 bytes.
    pub name: String,
    /// The kernel's letter for its state.
    pub state: char,
    /// Its parent.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
}

impl Stat {
    /// Read the text of a `stat` file. The name may contain anything, blanks and brackets too.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let open = text.iter().position(|byte| *byte == b'(')?;
        let close = text.iter().rposition(|byte| *byte == b')')?;
        let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.trim().parse::<u64>().ok();
        let small = |bytes: &[u8]| number(bytes).and_then(|number| u32::try_from(number).ok());
        let mut rest = text
            .get(close + 1..)?
            .split(|byte| *byte == b' ')
            .filter(|field| !field.is_empty());
        Some(Self {
            pid: small(text.get(..open)?)?,
            name: String::from_utf8_lossy(text.get(open + 1..close)?).into_owned(),
            state: char::from(*rest.next()?.first()?),
            parent: small(rest.next()?)?,
            group: small(rest.next()?)?,
            session: small(rest.next()?)?,
            start_time: rest.nth(15).and_then(number)?,
        })
    }

    /// Whether it ended and only waits to be waited for.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// The process without its circumstances.
    pub fn process(&self) -> ProcessRef {
        ProcessRef {
            pid: self.pid,
            start_time: self.start_time,
        }
    }
}

/// What the kernel says of a process; `None` if there is none.
pub fn stat(pid: u32) -> Option<Stat> {
    // Read at each start of a process: the whole line at once, where a growing buffer would ask six times.
    let mut file = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?;
    let mut line = [0; LONGEST_STAT];
    let length = file.read(&mut line).ok()?;
    Stat::parse(&line[..length])
}

/// Longer than any line of `/proc/PID/stat`: 52 numbers of at most 20 digits, and a name of 64 bytes.
const LONGEST_STAT: usize = 52 * 21 + 64;

/// When a process started; `None` if there is none.
pub fn start_time(pid: u32) -> Option<u64> {
    stat(pid).map(|stat| stat.start_time)
}

/// Its command line, shortened; its name in brackets if it has none (any more).
pub fn cmdline(pid: u32) -> String {
    const LONGEST: usize = 200;
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    let text = text.trim();
    if text.is_empty() {
        return stat(pid).map_or_else(String::new, |stat| format!("[{}]", stat.name));
    }
    text.chars().take(LONGEST).collect()
}

/// Whether a process was started with exactly this variable (`NAME=value`) in its environment. One
/// that may not be looked into has not, as far as can be known.
pub fn has_environment(pid: u32, variable: &str) -> bool {
    environment(pid).is_ok_and(|environment| {
        environment
            .split(|byte| *byte == 0)
            .any(|entry| entry == variable.as_bytes())
    })
}

/// Whether a process runs the same program file as this one.
pub fn runs_our_program(pid: u32) -> bool {
    let file =
        |path: &str| std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    file("/proc/self/exe")
        .is_ok_and(|ours| file(&format!("/proc/{pid}/exe")).is_ok_and(|theirs| theirs == ours))
}

fn environment(pid: u32) -> io::Result<Vec<u8>> {
    // Read of each process of a machine: in one piece, where a buffer that grows would ask again and again.
    let mut text = Vec::with_capacity(8 * 1024);
    std::fs::File::open(format!("/proc/{pid}/environ"))?.read_to_end(&mut text)?;
    Ok(text)
}

/// The value of a variable with which a process was started, if it may be looked into.
pub fn environment_value(pid: u32, name: &str) -> Option<String> {
    let environment = environment(pid).ok()?;
    let mut entries = environment.split(|byte| *byte == 0);
    let value =
        entries.find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    String::from_utf8(value.to_vec()).ok()
}

/// The cgroup2 group of a process, below the root of all groups; also of a zombie.
pub fn group_of(pid: u32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(path.to_owned())
}

/// The user that a process runs as.
pub fn owner(pid: u32) -> Option<u32> {
    std::fs::metadata(format!("/proc/{pid}"))
        .ok()
        .map(|metadata| metadata.uid())
}

/// How a process ended that its parent has not waited for. `None` if it is no zombie, or the kernel
/// does not tell.
pub fn zombie_exit(process: ProcessRef) -> Option<Ended> {
    let text = std::fs::read(format!("/proc/{}/stat", process.pid)).ok()?;
    let stat = Stat::parse(&text)?;
    if !stat.is_dead() || stat.process() != process {
        return None;
    }
    let text = String::from_utf8_lossy(&text);
    // The last of its 52 fields: what waiting for it would say.
    let status: i32 = text.split_ascii_whitespace().next_back()?.parse().ok()?;
    Some(match status & 0x7f {
        0 => Ended::Code(status >> 8 & 0xff),
        signal => Ended::Signal {
            signal,
            core: status & 0x80 != 0,
        },
    })
}

/// The inode behind a descriptor of some process, to recognise a pipe.
pub fn inode_of_fd(pid: u32, fd: i32) -> io::Result<u64> {
    std::fs::metadata(format!("/proc/{pid}/fd/{fd}")).map(|metadata| metadata.ino())
}

#[cfg(test)]
mod tests;
