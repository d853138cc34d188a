//! The static half of a driver.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use camino::Utf8PathBuf;
use futures::future::BoxFuture;
use gantry_core::{InstanceId, ModeName, ServiceName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use crate::{
    Capabilities, ChildName, Described, DriverError, EventSink, FieldChange, Handle, HostJobs,
    Missing, Need, Prerequisite, Session, SpecError,
};

/// One way in which a service can run.
///
/// All methods but [`open`](Self::open) and [`examine`](Self::examine) are pure and cheap. `spec` is
/// always the mode's part of a service, as JSON; unless said otherwise, its references are resolved.
pub trait Driver: Send + Sync {
    /// The name of the mode, as users write it.
    fn mode(&self) -> ModeName;

    /// What the mode can do.
    fn capabilities(&self) -> &Capabilities;

    /// Whether this can be read at all. The stack file was checked already; this is the guard against
    /// a model of another version.
    fn check(&self, spec: &Value) -> Result<(), SpecError>;

    /// What must be there before any of these services can start, in one call, so that a need that
    /// many share is named once.
    fn prerequisites(&self, services: &[(ServiceName, Described<'_>)]) -> Vec<Prerequisite>;

    /// Look whether a [`Need::Backend`] is met. Drivers without such needs keep this as it is.
    fn examine<'a>(&'a self, need: &'a Need) -> BoxFuture<'a, Result<(), Missing>> {
        let _ = need;
        Box::pin(std::future::ready(Ok(())))
    }

    /// The parts that the service will have, as far as its specification tells. Others may show later.
    fn declared_children(&self, spec: &Value) -> Vec<ChildName> {
        let _ = spec;
        Vec::new()
    }

    /// Which fields differ, and what each difference takes.
    fn diff(&self, old: Described<'_>, new: Described<'_>) -> Vec<FieldChange>;

    /// The backend that this specification is for. Services with equal targets share a session.
    fn target(&self, spec: &Value) -> Result<Target, SpecError>;

    /// Open a session. Events may be sent to `events` from the moment it begins.
    fn open(
        &self,
        context: OpenContext,
        target: Target,
        events: EventSink,
    ) -> BoxFuture<'_, Result<Arc<dyn Session>, DriverError>>;
}

/// One backend: this machine, an engine's socket, a context and namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The mode.
    pub mode: ModeName,
    /// What tells it from other targets of the mode: chosen and read by the driver alone.
    pub key: SmolStr,
}

impl Target {
    /// The target of a mode that has only one.
    pub fn only(mode: ModeName) -> Self {
        Self {
            mode,
            key: SmolStr::default(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}", self.mode)
        } else {
            write!(f, "{} ({})", self.mode, self.key)
        }
    }
}

/// Which stack it is, everywhere the same: in labels, environments and names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackIdentity {
    /// Its name.
    pub name: SmolStr,
    /// Its name with a hash of its file's path: no two stacks share one.
    pub id: SmolStr,
    /// The folder in which its state is kept (`guard.sock`, `services/…`).
    pub state_dir: Utf8PathBuf,
    /// The folder of its stack file: what relative paths start from.
    pub base_dir: Utf8PathBuf,
}

/// What a session is opened with.
#[derive(Clone)]
pub struct OpenContext {
    /// The stack.
    pub stack: StackIdentity,
    /// Handles that earlier sessions gave, of what may still run.
    pub handles: BTreeMap<InstanceId, Handle>,
    /// The environment that `up` was given.
    pub environment: Arc<BTreeMap<String, String>>,
    /// The way to run commands on this machine: a supervisor never forks. `None` only in tests of
    /// drivers that do not need it, and for the driver that provides it.
    pub host: Option<Arc<dyn HostJobs>>,
}

impl OpenContext {
    /// A context with nothing but the stack.
    pub fn new(stack: StackIdentity) -> Self {
        Self {
            stack,
            handles: BTreeMap::new(),
            environment: Arc::default(),
            host: None,
        }
    }
}

impl fmt::Debug for OpenContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenContext")
            .field("stack", &self.stack)
            .field("handles", &self.handles.len())
            .finish_non_exhaustive()
    }
}
