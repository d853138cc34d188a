//! Where things are in a stack's folder.

use camino::{Utf8Path, Utf8PathBuf};

use crate::protocol::{Generation, InstanceName};

/// The paths below one stack's folder that one pair of guard and keeper makes.
#[derive(Debug, Clone)]
pub struct Layout {
    root: Utf8PathBuf,
    pair: u32,
}

/// The pair that every stack has. It also keeps the supervisor, and starts the others.
pub const FIRST_PAIR: u32 = 1;

/// No pair has a higher number.
pub const LAST_PAIR: u32 = 63;

impl Layout {
    /// The layout of the stack in this folder, for its first pair.
    pub fn new(root: impl Into<Utf8PathBuf>) -> Self {
        Self {
            root: root.into(),
            pair: FIRST_PAIR,
        }
    }

    /// The same stack for another pair.
    #[must_use]
    pub fn of_pair(&self, pair: u32) -> Self {
        Self {
            root: self.root.clone(),
            pair,
        }
    }

    /// Which pair it is for.
    pub fn pair(&self) -> u32 {
        self.pair
    }

    /// The further pairs of the stack that were not told to end, whether they live or not.
    pub fn further_pairs(&self) -> Vec<u32> {
        let further = (FIRST_PAIR + 1)..=LAST_PAIR;
        further
            .filter(|pair| self.of_pair(*pair).socket().symlink_metadata().is_ok())
            .collect()
    }

    /// The stack's folder.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// The folder of the pair's socket and lock.
    pub fn place(&self) -> Utf8PathBuf {
        if self.pair == FIRST_PAIR {
            self.root.clone()
        } else {
            self.keeper()
        }
    }

    /// The socket on which the keeper is spoken to. It is there from the pair's start until the pair is
    /// told to end.
    pub fn socket(&self) -> Utf8PathBuf {
        self.place().join(SOCKET)
    }

    /// Locked as long as a guard or its keeper lives.
    pub fn lock(&self) -> Utf8PathBuf {
        self.place().join("guard.lock")
    }

    /// What the guard has to say.
    pub fn guard_log(&self) -> Utf8PathBuf {
        self.root.join("guard.log")
    }

    /// What the supervisor prints.
    pub fn supervisor_log(&self) -> Utf8PathBuf {
        self.root.join("supervisor.log")
    }

    /// The keeper's folder.
    pub fn keeper(&self) -> Utf8PathBuf {
        self.root.join(format!("keepers/{}", self.pair))
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
