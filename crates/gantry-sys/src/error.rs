//! What a failed system call says.

use std::io;

/// A system call that failed: what was tried, on what, and the kernel's word.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {path}: {source}")]
pub struct SysError {
    /// What was tried, as in `open`.
    pub what: &'static str,
    /// On what.
    pub path: String,
    /// The kernel's word.
    #[source]
    pub source: io::Error,
}

impl SysError {
    /// An error about this path.
    pub fn new(what: &'static str, path: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self {
            what,
            path: path.into(),
            source: source.into(),
        }
    }

    /// The error with the number that the kernel left for this thread.
    pub(crate) fn last(what: &'static str, path: impl Into<String>) -> Self {
        Self::new(what, path, io::Error::last_os_error())
    }
}
