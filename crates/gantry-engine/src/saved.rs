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
    pub(crate) services: Vec<SavedService>,
    pub(crate) definitions: Vec<&'a Definition>,
}

/// Read the plan of the stack that is kept in a folder. One that does not parse is set aside.
pub(crate) fn read(path: &Utf8Path) -> Option<SavedPlan> {
    match files::read_json::<SavedPlan>(path) {
        Ok(Kept::Read(plan)) if plan.format == FORMAT => Some(plan),
        Ok(Kept::Read(plan)) => {
            tracing::error!(%path, format = plan.format, "the plan is of a version that is not known");
            None
        }
        Ok(Kept::Absent) => None,
        Ok(Kept::SetAside { path, reason }) => {
            tracing::error!(%path, %reason, "the plan could not be read and was set aside");
            None
        }
        Err(error) => {
            tracing::error!(%path, %error, "failed to read the plan");
            None
        }
    }
}

pub(crate) fn write(path: &Utf8Path, plan: &Writing<'_>) -> Result<(), WriteError> {
    let text = serde_json::to_vec(plan).expect("a plan is JSON");
    files::write_whole(path, &text, Durability::Power)
}
