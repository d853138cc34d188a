//! Where things are in a stack's folder.

use camino::{Utf8Path, Utf8PathBuf};

use crate::protocol::{Generation, InstanceName};

/// The paths below one stack's folder that guard and keeper make.
#[derive(Debug, Clone)]
pub struct Layout {
    root: Utf8PathBuf,
}

impl Layout {
    /// The layout of the stack in this folder.
    pub fn new(root: impl Into<Utf8PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The stack's folder.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// The socket on which the keeper is spoken to.
    pub fn socket(&self) -> Utf8PathBuf {
        self.root.join(SOCKET)
    }

    /// Locked as long as a guard or its keeper lives.
    pub fn lock(&self) -> Utf8PathBuf {
        self.root.join("guard.lock")
    }

    /// What the supervisor prints.
    pub fn supervisor_log(&self) -> Utf8PathBuf {
        self.root.join("supervisor.log")
    }

    /// The first keeper's folder.
    pub fn keeper(&self) -> Utf8PathBuf {
        self.root.join("keepers/1")
    }

    /// What the keeper did, one record a line.
    pub fn ledger(&self) -> Utf8PathBuf {
        self.keeper().join("ledger")
    }

    /// What the keeper is about to do to a log.
    pub fn intent(&self) -> Utf8PathBuf {
        self.keeper().join("intent")
    }

    /// Exit statuses that the guard waited for because a keeper had died.
    pub fn orphans(&self) -> Utf8PathBuf {
        self.keeper().join("orphans")
    }

    /// The folder of all services' folders.
    pub fn services(&self) -> Utf8PathBuf {
        self.root.join("services")
    }

    /// The variable that all processes of one start of an instance carry, `NAME=value`.
    pub fn mark(&self, instance: &InstanceName, generation: Generation) -> String {
        let hash = gantry_sys::stack_hash(self.root.as_std_path());
        format!("{}={hash}/{instance}/{generation}", crate::guard::MARK)
    }

    /// An instance's folder: `services/<name>/<number>`.
    pub fn instance(&self, instance: &InstanceName) -> Utf8PathBuf {
        self.services()
            .join(instance.service())
            .join(instance.number().to_string())
    }

    /// An instance's record.
    pub fn run_file(&self, instance: &InstanceName) -> Utf8PathBuf {
        self.instance(instance).join("run.json")
    }

    /// An instance's log folder, to be read with `gantry-log`.
    pub fn log(&self, instance: &InstanceName) -> Utf8PathBuf {
        self.instance(instance).join("log")
    }
}

/// The name of the keeper's socket.
pub const SOCKET: &str = "guard.sock";
