//! Failures and exits in words.

use std::time::Duration;

use camino::Utf8Path;
use gantry_core::{ExitStatus, Failure, FailureKind, Stage};
use gantry_driver::{Line, Said};
use gantry_keeper::protocol::{
    self as keeper, Exit, LeftProcess, OutOfMemory, Proof, SpawnFailure,
};
use rustix::io::Errno;

/// The signal that cannot be caught.
const KILL: i32 = 9;

/// `exited with code 3 after 1.2 s`, `killed by SIGSEGV after 12 ms, core dumped`, `killed for want of
/// memory (limit 64MiB) after 3.0 s`.
pub(crate) fn exit(exit: &Exit, ran: Option<Duration>, oom: Option<&OutOfMemory>) -> String {
    let limit = |oom: &OutOfMemory| {
        let limit = oom.limit.map(|limit| format!("limit {}", size(limit)));
        limit.unwrap_or_else(|| "the machine's".into())
    };
    let also = match (oom, exit) {
        (None, _) | (_, Exit::Signal { signal: KILL, .. }) => String::new(),
        (Some(oom), _) => {
            let who = match oom.killed {
                1 => "a process of it was".to_owned(),
                many => format!("{many} processes of it were"),
            };
            format!("; {who} killed for want of memory ({})", limit(oom))
        }
    };
    let ran = ran.map_or_else(String::new, |ran| format!(" after {}", duration(ran)));
    match exit {
        Exit::Code(code) => format!("exited with code {code}{ran}{also}"),
        Exit::Signal { signal, core } => {
            if let (Some(oom), KILL) = (oom, *signal) {
                return format!("killed for want of memory ({}){ran}", limit(oom));
            }
            let core = if *core { ", core dumped" } else { "" };
            format!(
                "killed by {}{ran}{core}{also}",
                gantry_core::signal::name(*signal)
            )
        }
        Exit::Unknown { reason } => format!("ended{ran}, exit status unknown: {reason}{also}"),
    }
}

/// A size as the stack file has it: `64MiB`, `1500kB`, `77B`.
fn size(bytes: u64) -> String {
    let units = [
        (1 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1000, "kB"),
    ];
    let whole = units
        .into_iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    let (unit, name) = whole.unwrap_or((1, "B"));
    format!("{}{name}", bytes / unit)
}

/// Limits that could not be applied, as warnings.
pub(crate) fn not_applied(reasons: &[String]) -> Vec<String> {
    let warning = |reason: &String| format!("not limited: {reason}");
    reasons.iter().map(warning).collect()
}

/// The same in the core's words.
pub(crate) fn status(exit: &Exit, oom: Option<&OutOfMemory>) -> ExitStatus {
    let limit = |oom: &OutOfMemory| oom.limit.map(|limit| size(limit).into());
    match (exit, oom) {
        (Exit::Signal { signal: KILL, .. }, Some(oom)) => {
            return ExitStatus::OutOfMemory {
                limit: limit(oom),
                code: None,
            };
        }
        (Exit::Code(code), Some(oom)) if *code != 0 => {
            return ExitStatus::OutOfMemory {
                limit: limit(oom),
                code: Some(*code),
            };
        }
        _ => {}
    }
    match exit {
        Exit::Code(code) => ExitStatus::Code(*code),
        Exit::Signal { signal, .. } => ExitStatus::Signal(*signal),
        Exit::Unknown { reason } => ExitStatus::Unknown(reason.as_str().into()),
    }
}

/// `850 µs`, `12 ms`, `1.2 s`, `3 min 5 s`, `2 h 4 min`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match duration.as_millis() {
        0 => format!("{} µs", duration.as_micros()),
        millis @ 1..1000 => format!("{millis} ms"),
        // Tenths, cut off: 1.96 s is not yet 2.
        millis @ 1000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// What was to be started, as far as a sentence about its failure needs it.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// The program as it was written.
    pub(crate) program: String,
    /// The folders in which it was looked for.
    pub(crate) search_path: Option<String>,
    /// The working folder.
    pub(crate) folder: String,
    /// Whether it gets a `/tmp` of its own.
    pub(crate) private_tmp: bool,
}

impl Attempt {
    /// Whether the working folder is not there for the service, since another `/tmp` lies over it.
    fn hides_folder(&self) -> bool {
        let below = |place| Utf8Path::new(&self.folder).starts_with(place);
        self.private_tmp && (below("/tmp") || below("/var/tmp"))
    }
}

/// A start that failed, as the service's failure.
pub(crate) fn start_failure(failure: &SpawnFailure, attempt: Option<&Attempt>) -> Failure {
    let errno = failure.errno.map(Errno::from_raw_os_error);
    let mut result = Failure::new(
        Stage::Start,
        format!("failed to start: {}", cause(failure, errno, attempt)),
    )
    .kind(kind(errno));
    result.step = Some(failure.stage.as_str().into());
    result
}

fn cause(failure: &SpawnFailure, errno: Option<Errno>, attempt: Option<&Attempt>) -> String {
    let stage = failure.stage.as_str();
    if let Some(lack) = errno.and_then(|errno| lack(stage, errno)) {
        return lack.into();
    }
    let Some(attempt) = attempt else {
        return failure.message.clone();
    };
    let program = &attempt.program;
    if stage.contains("exec") || stage.contains("program") {
        match errno {
            Some(Errno::NOENT) if !program.contains('/') => {
                let path = attempt.search_path.as_deref().unwrap_or("");
                return format!("program `{program}` was not found in PATH ({path})");
            }
            Some(Errno::NOENT) if program.starts_with('/') => {
                return format!("program {program} does not exist, or its interpreter does not");
            }
            Some(Errno::NOENT) => {
                let folder = &attempt.folder;
                return format!("program {program} does not exist, seen from {folder}");
            }
            Some(Errno::ACCESS) => return format!("program {program} may not be executed"),
            Some(Errno::NOEXEC) => {
                return format!("program {program} is not executable: no `#!` and no known format");
            }
            _ => {}
        }
    } else if (stage.contains("folder") || stage.contains("chdir") || stage.contains("cwd"))
        && let Some(errno) = errno
    {
        let folder = &attempt.folder;
        if errno == Errno::NOENT && attempt.hides_folder() {
            return format!(
                "`private-tmp` hides the folder {folder}: give it a working folder elsewhere, or leave `private-tmp` out"
            );
        }
        return format!("cannot change to folder {folder}: {}", words(errno));
    }
    failure.message.clone()
}

/// What the machine lacks, where the kernel's own word for it would send people looking for a file.
fn lack(stage: &str, errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::MFILE => {
            "gantry has no descriptor left for it: the limit of open files is reached (`ulimit -n` where `gantry up` began)"
        }
        Errno::NFILE => "the machine has no descriptor left (fs.file-max)",
        Errno::AGAIN if stage == "fork" => {
            "no further process is allowed: the limit of the user (`ulimit -u`) or of gantry's control group is reached"
        }
        Errno::NOMEM => "the machine has no memory left for another process",
        Errno::NOSPC if stage == "terminal" => {
            "the machine has no terminal left for it (kernel.pty.max)"
        }
        Errno::NOSPC => "there is no space left where gantry keeps its state",
        _ => return None,
    })
}

/// What the kernel says, lower case.
fn words(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

/// Whether trying again may help: when the machine lacked something, not when the file is wrong.
fn kind(errno: Option<Errno>) -> FailureKind {
    match errno {
        Some(
            Errno::AGAIN
            | Errno::NOMEM
            | Errno::MFILE
            | Errno::NFILE
            | Errno::TXTBSY
            | Errno::NOSPC
            | Errno::IO
            | Errno::INTR,
        ) => FailureKind::Transient,
        _ => FailureKind::Permanent,
    }
}

/// What is alive although it should not be: how many, and for each its number, command and state.
pub(crate) fn left(left: &[LeftProcess]) -> Option<String> {
    if left.is_empty() {
        return None;
    }
    let (count, verb) = match left.len() {
        1 => ("1 process".to_owned(), "is"),
        LeftProcess::LIMIT => (format!("{} or more processes", left.len()), "are"),
        many => (format!("{many} processes"), "are"),
    };
    let list: Vec<_> = left
        .iter()
        .map(|process| {
            let state = match process.state {
                'D' => " (waits in the kernel, cannot be killed now)",
                'T' | 't' => " (is halted)",
                'Z' => " (has ended, its parent does not collect it)",
                _ => "",
            };
            format!("{} `{}`{state}", process.pid, process.command)
        })
        .collect();
    Some(format!("{count} {verb} still alive: {}", list.join(", ")))
}

/// How it is known what belongs to an instance, in a word.
pub(crate) fn proof(proof: Proof) -> &'static str {
    match proof {
        Proof::Cgroup => "cgroup",
        Proof::Lineage => "lineage",
        Proof::Marker => "marker",
    }
}

/// What an instance has said, in the words of the seam.
pub(crate) fn said(said: &keeper::Said) -> Said {
    Said {
        count: said.count,
        line: match said.line {
            keeper::Line::Awaited => Line::Awaited,
            keeper::Line::Written => Line::Written,
            keeper::Line::Closed => Line::Closed,
        },
        ready: said.ready,
        reloading: said.reloading,
        stopping: said.stopping,
        status: said.status.as_deref().map(Into::into),
        watched: said.watched,
        misses: said.misses,
        leader: said.leader.as_ref().map(|leader| leader.pid),
        until: said
            .until_us
            .and_then(|until| jiff::Timestamp::from_microsecond(until).ok()),
    }
}

#[cfg(test)]
mod tests;
