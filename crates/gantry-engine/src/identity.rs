//! Which stack a supervisor keeps, and who it is.

use camino::Utf8PathBuf;
use gantry_api::Supervisor;
use gantry_api::home::StackDir;
use gantry_driver::{SpecKey, StackIdentity};

/// Which stack, and who keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) dir: StackDir,
    /// The stack's name; before the first `up` what its folder is called by.
    pub(crate) name: String,
    /// Its file; empty before the first `up`.
    pub(crate) file: Utf8PathBuf,
    /// The folder of its file.
    pub(crate) folder: Utf8PathBuf,
    /// What its specifications are hashed with.
    pub(crate) key: SpecKey,
    /// Whether the stack goes down with the client that watches it.
    pub(crate) foreground: bool,
    pub(crate) supervisor: Supervisor,
}

impl Identity {
    /// The same in the words of drivers.
    pub(crate) fn for_drivers(&self) -> StackIdentity {
        let id = self.dir.path().file_name().unwrap_or(&self.name);
        StackIdentity {
            name: self.name.as_str().into(),
            id: id.into(),
            state_dir: self.dir.path().to_owned(),
            base_dir: self.folder.clone(),
        }
    }
}

/// What a stack's folder is called by, without the hash at its end.
pub(crate) fn name_of(dir: &StackDir) -> String {
    let folder = dir.path().file_name().unwrap_or_default();
    folder
        .rsplit_once('-')
        .map_or(folder, |(name, _)| name)
        .to_owned()
}
