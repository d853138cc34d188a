//! What is taken from a process before it begins.

use std::ffi::CString;

use crate::capability::CapabilitySet;

/// What is taken from a process, or given to it alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// The capabilities that it has, and can ever have; `None`: all that it would have.
    pub capabilities: Option<CapabilitySet>,
    /// Whether it has them although it is not root: they are handed on to every program that it runs.
    pub ambient: bool,
    /// Whether no program that it runs can give it more (`setuid`, file capabilities).
    pub no_new_privileges: bool,
    /// Whether `/tmp` and `/var/tmp` are empty, in memory, and its own.
    pub private_tmp: bool,
    /// Files and folders that it, and all that it starts, can only read. They exist.
    pub read_only: Vec<CString>,
}

impl Sandbox {
    /// Whether it needs a view of the files of its own.
    pub(crate) fn needs_mounts(&self) -> bool {
        self.private_tmp || !self.read_only.is_empty()
    }
}
