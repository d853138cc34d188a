//! The short file that says who keeps a stack.

use std::fs;
use std::io;

use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StackDir;

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
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = dir.supervisor_file();
        let temporary = path.with_extension("json.new");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        file.write_all(&text)?;
        fs::rename(temporary, path)
    }
}
