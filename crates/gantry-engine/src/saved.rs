//! What a supervisor writes down for the one after it: `plan.json`.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

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

/// The same as it is written.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) stack: String,
    pub(crate) file: Utf8PathBuf,
    pub(crate) folder: Utf8PathBuf,
    pub(crate) key: SpecKey,
    pub(crate) foreground: bool,
    pub(crate) down: bool,
    pub(crate) services: Vec<SavedService>,
    pub(crate) definitions: Vec<Arc<Definition>>,
}

/// A plan that is being written beside this thread: of many services that takes as long as all else until the first of
/// them is started.
#[derive(Debug)]
pub(crate) enum Saving {
    Beside(JoinHandle<Result<(), WriteError>>),
    Done(Result<(), WriteError>),
}

impl Saving {
    /// Begin to write.
    pub(crate) fn begin(path: Utf8PathBuf, plan: Plan) -> Self {
        let both = Arc::new((path, plan));
        let theirs = Arc::clone(&both);
        let writer = thread::Builder::new().name("save".into());
        match writer.spawn(move || theirs.1.write(&theirs.0)) {
            Ok(writer) => Self::Beside(writer),
            // No thread is to be had.
            Err(_) => Self::Done(both.1.write(&both.0)),
        }
    }

    /// Wait until it is written.
    pub(crate) fn finish(self) -> Result<(), WriteError> {
        match self {
            Self::Beside(writer) => writer.join().expect("a plan is JSON"),
            Self::Done(written) => written,
        }
    }
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

impl Plan {
    fn write(&self, path: &Utf8Path) -> Result<(), WriteError> {
        /// What is only a reference in memory.
        #[derive(Serialize)]
        struct Written<'a> {
            format: u32,
            stack: &'a str,
            file: &'a Utf8Path,
            folder: &'a Utf8Path,
            key: &'a SpecKey,
            foreground: bool,
            down: bool,
            services: &'a [SavedService],
            definitions: Vec<&'a Definition>,
        }
        let written = Written {
            format: FORMAT,
            stack: &self.stack,
            file: &self.file,
            folder: &self.folder,
            key: &self.key,
            foreground: self.foreground,
            down: self.down,
            services: &self.services,
            definitions: self.definitions.iter().map(AsRef::as_ref).collect(),
        };
        let text = serde_json::to_vec(&written).expect("a plan is JSON");
        files::write_whole(path, &text, Durability::Power)
    }
}
