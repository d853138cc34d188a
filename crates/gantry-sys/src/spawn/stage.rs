//! The steps between fork and exec, by name.

use std::ffi::{CStr, CString};
use std::fmt;
use std::io;

use super::Spawn;
use super::child::Plan;
use crate::error::SysError;
use crate::limits::RLimit;
use crate::scheduling::Scheduling;

/// A step between fork and exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Making sense of the arguments: a NUL byte in one of them, or none at all.
    Arguments,
    /// Looking up the user or group.
    Lookup,
    /// Making the pipes for its output, and other preparations of the keeper's.
    Prepare,
    /// Making the process.
    Fork,
    /// Getting a descriptor table of its own.
    Descriptors,
    /// Joining its control group.
    Cgroup,
    /// Standard input, output and error.
    Streams,
    /// A new session and process group.
    Session,
    /// Signals back to what they are by default.
    Signals,
    /// Resource limits.
    Limits,
    /// The out-of-memory score.
    OomScore,
    /// Niceness.
    Nice,
    /// Scheduling policy and priority.
    Scheduling,
    /// Namespaces of its own.
    Namespaces,
    /// A `/tmp` of its own.
    PrivateTmp,
    /// Paths that it may only read.
    ReadOnly,
    /// Capabilities.
    Capabilities,
    /// Giving up to gain privileges.
    NoNewPrivileges,
    /// Supplementary groups and group.
    Group,
    /// The user.
    User,
    /// The working folder.
    WorkingFolder,
    /// Running the program.
    Exec,
    /// Giving it the descriptors that it was promised.
    Passing,
    /// A controlling terminal.
    Terminal,
}

impl Stage {
    /// Their places travel in memory between releases: a new one goes to the end.
    const ALL: [Self; 24] = [
        Self::Arguments,
        Self::Lookup,
        Self::Prepare,
        Self::Fork,
        Self::Descriptors,
        Self::Cgroup,
        Self::Streams,
        Self::Session,
        Self::Signals,
        Self::Limits,
        Self::OomScore,
        Self::Nice,
        Self::Group,
        Self::User,
        Self::WorkingFolder,
        Self::Exec,
        Self::Passing,
        Self::Scheduling,
        Self::Namespaces,
        Self::PrivateTmp,
        Self::ReadOnly,
        Self::Capabilities,
        Self::NoNewPrivileges,
        Self::Terminal,
    ];

    /// Step and error number as one word that is not 0.
    pub(super) fn pack(self, errno: i32) -> u64 {
        let stage = Self::ALL
            .iter()
            .position(|stage| *stage == self)
            .unwrap_or(0) as u64;
        (stage + 1) << 32 | u64::from(errno.unsigned_abs())
    }

    /// What such a word says; `None` for 0.
    pub fn unpack(word: u64) -> Option<(Self, i32)> {
        let stage = usize::try_from(word >> 32).ok()?.checked_sub(1)?;
        let errno = i32::try_from(word & 0xffff_ffff).ok()?;
        Some((*Self::ALL.get(stage)?, errno))
    }

    /// The step in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arguments => "arguments",
            Self::Lookup => "user lookup",
            Self::Prepare => "preparation",
            Self::Fork => "fork",
            Self::Descriptors => "descriptors",
            Self::Cgroup => "cgroup",
            Self::Streams => "standard streams",
            Self::Session => "session",
            Self::Signals => "signals",
            Self::Limits => "limits",
            Self::OomScore => "oom score",
            Self::Nice => "nice",
            Self::Scheduling => "scheduling",
            Self::Namespaces => "namespaces",
            Self::PrivateTmp => "private tmp",
            Self::ReadOnly => "read-only paths",
            Self::Capabilities => "capabilities",
            Self::NoNewPrivileges => "no new privileges",
            Self::Group => "group",
            Self::User => "user",
            Self::WorkingFolder => "working folder",
            Self::Exec => "exec",
            Self::Passing => "passing descriptors",
            Self::Terminal => "terminal",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a program could not be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SpawnError {
    /// The step that failed.
    pub stage: Stage,
    /// The kernel's number for the reason; 0 if it was not the kernel's.
    pub errno: i32,
    /// A sentence with the path or name in it.
    pub message: String,
}

impl SpawnError {
    /// A failure of this step. An empty message is made of the step and the number.
    pub fn new(stage: Stage, errno: i32, message: String) -> Self {
        let message = if message.is_empty() {
            format!("cannot start: {stage}: {}", word(errno))
        } else {
            message
        };
        Self {
            stage,
            errno,
            message,
        }
    }

    /// A failure while the standard streams were prepared.
    pub fn streams(error: &SysError) -> Self {
        let errno = error.source.raw_os_error().unwrap_or(0);
        Self::new(Stage::Streams, errno, error.to_string())
    }
}

/// What of a start is only of use to say why it failed.
pub(super) struct Circumstances {
    limits: Vec<RLimit>,
    scheduling: Option<Scheduling>,
    oom_score: Option<i32>,
    uid: u32,
    read_only: Vec<CString>,
}

impl Circumstances {
    pub(super) fn of(spawn: &Spawn<'_>) -> Self {
        let read_only = spawn.sandbox.map(|sandbox| sandbox.read_only.clone());
        Self {
            limits: spawn.limits.to_vec(),
            scheduling: spawn.scheduling,
            oom_score: spawn.oom_score,
            uid: spawn.credentials.map_or(0, |wanted| wanted.uid),
            read_only: read_only.unwrap_or_default(),
        }
    }

    pub(super) fn describe(
        &self,
        stage: Stage,
        errno: i32,
        plan: &Plan,
        argv: &[CString],
        programs: &[CString],
    ) -> SpawnError {
        let why = word(errno);
        let text = |text: &CStr| text.to_string_lossy().into_owned();
        let message = match stage {
            Stage::WorkingFolder => {
                format!("cannot enter the working folder {}: {why}", text(&plan.cwd))
            }
            Stage::User => format!("cannot become user {}: {why}", self.uid),
            Stage::Group => {
                let wanted = plan.credentials.as_ref();
                format!(
                    "cannot become group {}: {why}",
                    wanted.map_or(0, |it| it.gid)
                )
            }
            Stage::Limits => format!("cannot set the limits {:?}: {why}", self.limits),
            Stage::Nice => format!("cannot set nice to {}: {why}", plan.nice.unwrap_or(0)),
            Stage::Namespaces => format!(
                "cannot give it a view of the files of its own: {why} (root may; an ordinary user \
                 needs a kernel that lets users make namespaces)"
            ),
            Stage::PrivateTmp => format!("cannot give it a /tmp of its own: {why}"),
            Stage::ReadOnly => format!("cannot make {} read-only for it: {why}", self.paths()),
            Stage::Capabilities => format!("cannot set its capabilities: {why}"),
            Stage::NoNewPrivileges => {
                format!("cannot take from it the way to gain privileges: {why}")
            }
            Stage::Scheduling => format!(
                "cannot set the scheduling to {}: {why}",
                self.scheduling
                    .map_or_else(String::new, |scheduling| format!(
                        "{:?} {}",
                        scheduling.policy, scheduling.priority
                    ))
            ),
            Stage::OomScore => {
                format!(
                    "cannot set the oom score to {}: {why}",
                    self.oom_score.unwrap_or(0)
                )
            }
            Stage::Exec => {
                let name = argv.first().map_or_else(String::new, |name| text(name));
                exec_message(&name, errno, &plan.cwd, programs)
            }
            _ => String::new(),
        };
        SpawnError::new(stage, errno, message)
    }

    fn paths(&self) -> String {
        let paths: Vec<_> = self
            .read_only
            .iter()
            .map(|path| path.to_string_lossy())
            .collect();
        paths.join(", ")
    }
}

fn exec_message(name: &str, errno: i32, cwd: &CStr, programs: &[CString]) -> String {
    let why = word(errno);
    let searched = !name.contains('/');
    match errno {
        libc::ENOENT if searched => {
            let folders: Vec<_> = programs
                .iter()
                .filter_map(|path| {
                    let path = path.to_string_lossy().into_owned();
                    Some(path.rsplit_once('/')?.0.to_owned())
                })
                .collect();
            format!(
                "cannot run `{name}`: not found in PATH ({})",
                folders.join(":")
            )
        }
        libc::ENOENT => {
            let path = std::path::Path::new(&*cwd.to_string_lossy()).join(name);
            if path.exists() {
                format!(
                    "cannot run {}: its interpreter does not exist",
                    path.display()
                )
            } else {
                format!("cannot run {}: {why}", path.display())
            }
        }
        libc::ENOEXEC => format!("cannot run {name}: neither a program nor a script with `#!`"),
        _ => format!("cannot run {name}: {why}"),
    }
}

fn word(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    text.rsplit_once(" (os error")
        .map_or(text.clone(), |(word, _)| word.to_owned())
}
