//! What keeps starts and ends of one project apart, where several services of a stack are parts of it.
//!
//! | what meets | what would happen | what is done |
//! |---|---|---|
//! | two starts, before the project has its networks | both make them: one is refused, or there are two of one name | the second begins when the first one's networks are there |
//! | a start, and the end of another part | the network that the start has just found is removed before a container is in it | it stays as long as a start is under way |

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{
    Mutex as Turn, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
};

/// The gates of all projects.
#[derive(Debug, Default)]
pub(crate) struct Gates(Mutex<HashMap<String, Gate>>);

#[derive(Debug, Clone, Default)]
struct Gate {
    /// Held by the start that makes networks.
    making: Arc<Turn<()>>,
    /// Read by every start, written by who removes networks.
    starts: Arc<RwLock<()>>,
}

impl Gates {
    fn of(&self, project: &str) -> Gate {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.entry(project.to_owned()).or_default().clone()
    }

    /// Kept by a start from before it looks for its networks until it has ended.
    pub(crate) async fn start(&self, project: &str) -> OwnedRwLockReadGuard<()> {
        self.of(project).starts.read_owned().await
    }

    /// Kept by a start until its networks are there.
    pub(crate) async fn make(&self, project: &str) -> OwnedMutexGuard<()> {
        self.of(project).making.lock_owned().await
    }

    /// Kept while networks are removed; nothing while a start is under way.
    pub(crate) fn remove(&self, project: &str) -> Option<OwnedRwLockWriteGuard<()>> {
        self.of(project).starts.try_write_owned().ok()
    }
}
