//! Limits of the kernel on one process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// One limit, soft and hard alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RLimit {
    /// Open descriptors.
    OpenFiles(u64),
    /// Size of a core file.
    Core(u64),
}

impl RLimit {
    /// The kernel's number for it.
    pub(crate) fn resource(self) -> u32 {
        match self {
            Self::OpenFiles(_) => libc::RLIMIT_NOFILE,
            Self::Core(_) => libc::RLIMIT_CORE,
        }
    }

    pub(crate) fn value(self) -> u64 {
        match self {
            Self::OpenFiles(value) | Self::Core(value) => value,
        }
    }
}

/// The limit on open descriptors that this process was started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    /// The soft limit.
    pub soft: u64,
    /// The hard limit.
    pub hard: u64,
}

/// Raise the number of descriptors that this process may have to its hard limit, and give the limits
/// from before, which its children should be given back.
pub fn raise_open_files() -> OpenFiles {
    let before = getrlimit(Resource::Nofile);
    // Not raised is not fatal: fewer instances fit.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: before.maximum,
            maximum: before.maximum,
        },
    );
    OpenFiles {
        soft: before.current.unwrap_or(u64::MAX),
        hard: before.maximum.unwrap_or(u64::MAX),
    }
}
