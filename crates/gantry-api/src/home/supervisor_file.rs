//! The short files that say who keeps a stack, and which stack it is.

use std::fs;
use std::io;

use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{StackDir, whole_file};

/// `supervisor.json`. It is there as long as the stack is kept; after a crash it may be stale, so it
/// is a hint for people, and for `ls`, never a proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisorFile {
    /// The version of this format: 1.
    pub format: u32,
    /// The supervisor's process.
    pub pid: u32,
    /// The version of gantry that it is.
    pub version: String,
    /// When it began.
    pub since: Timestamp,
    /// The stack file, absolute.
    pub file: Utf8PathBuf,
    /// The stack's name.
    pub name: String,
}

impl SupervisorFile {
    /// Read that of a stack.
    pub fn read(dir: &StackDir) -> io::Result<Self> {
        let text = fs::read(dir.supervisor_file())?;
        serde_json::from_slice(&text).map_err(io::Error::from)
    }

    /// Write it whole, for this user only.
    pub fn write(&self, dir: &StackDir) -> io::Result<()> {
        whole_file::write(&dir.supervisor_file(), self)
    }
}

/// `stack.json`: which stack a folder is of. It stays when the stack is down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackRecord {
    /// The version of this format: 1.
    pub format: u32,
    /// The stack's name.
    pub name: String,
    /// The stack file, absolute.
    pub file: Utf8PathBuf,
}
