//! What a supervisor writes down for the one after it: `plan.json`.

use camino::{Utf8Path, Utf8PathBuf};
use gantry_core::SavedService;
use gantry_driver::SpecKey;
use serde::{Deserialize, Serialize};

use crate::definition::Definition;
use crate::files::{self, Durability, Kept, WriteError};

/// The version of this format.
pub(crate) const FORMAT: u32 = 1;

/// What must survive a supervisor.
#[derive(Debug, Deserialize)]
pub(crate) struct SavedPlan {
    pub(crate) format: u32,
    /// The stack's name.
    pub(crate) stack: String,
    /// Its file, absolute.
    pub(crate) file: Utf8PathBuf,
    /// Its folder.
    pub(crate) folder: Utf8PathBuf,
    /// What its specifications are hashed with.
    pub(crate) key: SpecKey,
    /// Whether the stack belongs to a client that watches.
    #[serde(default)]
    pub(crate) foreground: bool,
    /// Whether everything was stopped, and seen to be, when this was written.
    #[serde(default)]
    pub(crate) down: bool,
    /// The services as the world keeps them, in start order.
    pub(crate) services: Vec<SavedService>,
    /// The specification of each.
    pub(crate) definitions: Vec<Definition>,
}

/// The same while it is written: nothing is copied for it.
#[derive(Debug, Serialize)]
pub(crate) struct Writing<'a> {
    pub(crate) format: u32,
    pub(crate) stack: &'a str,
    pub(crate) file: &'a Utf8Path,
    pub(crate) folder: &'a Utf8Path,
    pub(crate) key: &'a SpecKey,
    pub(crate) foreground: bool,
    pub(crate) down: bool,
    pub(crate) services: Vec<SavedService>,
    pub(crate) definitions: Vec<&'a Definition>,
}

/// Read the plan of the stack that is kept in a folder. One that does not parse is set aside, and the
/// message says so.
pub(crate) fn read(path: &Utf8Path) -> (Option<SavedPlan>, Option<String>) {
    match files::read_json(path, |plan: &SavedPlan| plan.format == FORMAT) {
        Ok(Kept::Read(plan)) => (Some(plan), None),
        Ok(Kept::Absent) => (None, None),
        Ok(Kept::SetAside { path, reason }) => {
            let message =
                format!("the plan could not be read, and was set aside as {path}: {reason}");
            (None, Some(message))
        }
        Err(error) => (None, Some(format!("failed to read {path}: {error}"))),
    }
}

pub(crate) fn write(path: &Utf8Path, plan: &Writing<'_>) -> Result<(), WriteError> {
    let text = serde_json::to_vec(plan).expect("a plan is JSON");
    files::write_whole(path, &text, Durability::Power)
}
