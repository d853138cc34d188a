//! Free ports, drawn from one ledger that all stacks of a user share.
//!
//! Asking the kernel for "any free port" gives one of the ephemeral range, which the kernel may give
//! to the next outgoing connection before the service has bound it. So ports are drawn outside that
//! range, written down under a lock, and stay with their owner over restarts of the service and of
//! the supervisor, until the stack goes down. A foreign process that takes one in the meantime is
//! noticed by whoever is about to start the service, and another port is drawn.

mod range;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use crate::files::{self, Durability, Kept, WriteError};
use crate::holder;
use crate::lock::lock;

pub use range::PortRange;

/// The version of the ledger's format.
const VERSION: u32 = 1;

/// Who a port was drawn for, within one stack.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortOwner {
    /// The instance, `api.2`.
    pub instance: String,
    /// The port's name in the stack file.
    pub port: String,
}

/// Failed to draw or release ports.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The ledger cannot be locked.
    #[error("failed to lock {path}")]
    Lock {
        /// The lock beside the ledger.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The ledger cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// The ledger.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The ledger cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// None is left.
    #[error("failed to draw a port: all of {0} are taken")]
    Exhausted(PortRange),
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Ledger {
    version: u32,
    /// Where the next search begins: a port that was just released is not the next one given, since
    /// its late clients would reach a stranger.
    next: u16,
    /// Stack folder, then `instance/port`.
    stacks: BTreeMap<String, BTreeMap<String, u16>>,
}

/// The ledger of a user, on behalf of one stack.
#[derive(Debug, Clone)]
pub struct PortLedger {
    path: Utf8PathBuf,
    stack: String,
    range: PortRange,
}

impl PortLedger {
    /// The ledger at `path`, for the stack that is kept in `stack_dir`.
    pub fn new(path: Utf8PathBuf, stack_dir: &Utf8Path) -> Self {
        Self::within(path, stack_dir, PortRange::of_this_machine())
    }

    /// The same with a range of one's own.
    pub fn within(path: Utf8PathBuf, stack_dir: &Utf8Path, range: PortRange) -> Self {
        Self {
            path,
            stack: stack_dir.as_str().to_owned(),
            range,
        }
    }

    /// A port for each owner: the one it has, if it has one, else a new one that nobody listens at.
    /// All or none; the ledger is locked once.
    pub fn draw(&self, owners: &[PortOwner]) -> Result<Vec<u16>, PortError> {
        if owners.is_empty() {
            return Ok(Vec::new());
        }
        let _lock = self.lock()?;
        let mut ledger = self.read()?;
        let mut drawn = Vec::with_capacity(owners.len());
        let mut taken = taken(&ledger);
        let mut changed = false;
        for owner in owners {
            let known = ledger
                .stacks
                .get(&self.stack)
                .and_then(|ports| ports.get(&owner.key()));
            if let Some(&port) = known {
                drawn.push(port);
                continue;
            }
            let port = self.search(&mut ledger, &taken)?;
            taken.insert(port);
            ledger
                .stacks
                .entry(self.stack.clone())
                .or_default()
                .insert(owner.key(), port);
            drawn.push(port);
            changed = true;
        }
        if changed {
            self.write(&ledger)?;
        }
        Ok(drawn)
    }

    /// Another port for this owner, since a stranger took the one it had.
    pub fn redraw(&self, owner: &PortOwner) -> Result<u16, PortError> {
        let _lock = self.lock()?;
        let mut ledger = self.read()?;
        let taken = taken(&ledger);
        let port = self.search(&mut ledger, &taken)?;
        ledger
            .stacks
            .entry(self.stack.clone())
            .or_default()
            .insert(owner.key(), port);
        self.write(&ledger)?;
        Ok(port)
    }

    /// Give back all ports of this stack that `keep` does not want.
    pub fn retain(&self, keep: impl Fn(&PortOwner) -> bool) -> Result<(), PortError> {
        if !self.path.exists() {
            return Ok(());
        }
        let _lock = self.lock()?;
        let mut ledger = self.read()?;
        let Some(ports) = ledger.stacks.get_mut(&self.stack) else {
            return Ok(());
        };
        let before = ports.len();
        ports.retain(|key, _| PortOwner::from_key(key).is_some_and(|owner| keep(&owner)));
        let after = ports.len();
        if after == 0 {
            ledger.stacks.remove(&self.stack);
        }
        if before != after {
            self.write(&ledger)?;
        }
        Ok(())
    }

    /// Give back all ports of this stack.
    pub fn release(&self) -> Result<(), PortError> {
        self.retain(|_| false)
    }

    fn search(&self, ledger: &mut Ledger, taken: &HashSet<u16>) -> Result<u16, PortError> {
        for port in self.range.from(ledger.next) {
            if !taken.contains(&port) && holder::is_free(port) {
                ledger.next = port.wrapping_add(1);
                return Ok(port);
            }
        }
        Err(PortError::Exhausted(self.range))
    }

    fn lock(&self) -> Result<File, PortError> {
        // Beside the ledger, not the ledger itself: that one is replaced at each write.
        let path = self.path.with_extension("lock");
        let locked = (|| {
            if let Some(folder) = path.parent() {
                std::fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(folder)?;
            }
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)?;
            lock(&file, FlockOperation::LockExclusive)?;
            Ok(file)
        })();
        locked.map_err(|source| PortError::Lock { path, source })
    }

    fn read(&self) -> Result<Ledger, PortError> {
        match files::read_json(&self.path, |ledger: &Ledger| ledger.version == VERSION) {
            Ok(Kept::Read(ledger)) => Ok(ledger),
            Ok(Kept::Absent) => Ok(self.begin()),
            Ok(Kept::SetAside { path, reason }) => {
                tracing::warn!(%path, %reason, "the ledger of ports was set aside");
                Ok(self.begin())
            }
            Err(source) => Err(PortError::Read {
                path: self.path.clone(),
                source,
            }),
        }
    }

    /// An empty ledger. Where its search begins differs from user to user: ledgers do not know of each
    /// other, and a port that was drawn is free for everyone until its service listens.
    fn begin(&self) -> Ledger {
        let hash = blake3::hash(self.path.as_str().as_bytes());
        let [one, two, ..] = *hash.as_bytes();
        Ledger {
            next: self.range.nth(u16::from_le_bytes([one, two])),
            ..Ledger::default()
        }
    }

    fn write(&self, ledger: &Ledger) -> Result<(), PortError> {
        let ledger = Ledger {
            version: VERSION,
            next: ledger.next,
            stacks: ledger
                .stacks
                .iter()
                // A stack whose folder is gone was purged, by hand perhaps: it needs no ports.
                .filter(|(stack, _)| **stack == self.stack || Utf8Path::new(stack).exists())
                .map(|(stack, ports)| (stack.clone(), ports.clone()))
                .collect(),
        };
        let text = serde_json::to_vec_pretty(&ledger).expect("a map of text and numbers is JSON");
        Ok(files::write_whole(&self.path, &text, Durability::Process)?)
    }
}

impl PortOwner {
    fn key(&self) -> String {
        format!("{}/{}", self.instance, self.port)
    }

    fn from_key(key: &str) -> Option<Self> {
        let (instance, port) = key.split_once('/')?;
        Some(Self {
            instance: instance.to_owned(),
            port: port.to_owned(),
        })
    }
}

fn taken(ledger: &Ledger) -> HashSet<u16> {
    let ports = ledger.stacks.values().flat_map(BTreeMap::values);
    ports.copied().collect()
}
