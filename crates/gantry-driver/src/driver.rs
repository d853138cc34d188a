//! The static half of a driver.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use camino::Utf8PathBuf;
use futures::future::BoxFuture;
use gantry_core::{InstanceId, ModeName, ServiceName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use crate::{
    Capabilities, ChildName, Described, DriverError, EventSink, FieldChange, Handle, HostJobs,
    Missing, Need, Offer, Ports, Prerequisite, Reach, Session, Sought, SpecError, Surveyor,
    Vantage, Zone,
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

    /// What a command needs that is run in the place of an instance
    /// ([`JobPlace::Instance`](crate::JobPlace::Instance)), a hook for instance: its program's name is
    /// given. Nothing if that cannot be looked at before.
    fn beside(&self, service: Described<'_>, program: &str) -> Option<Need> {
        let (_, _) = (service, program);
        None
    }

    /// The need that what a service is made from is there already. Asked where it may not be made
    /// ([`Make::Never`](crate::Make::Never)).
    fn made(&self, service: &ServiceName, described: Described<'_>) -> Option<Need> {
        let (_, _) = (service, described);
        None
    }

    /// Look whether a [`Need::Backend`] is met. Drivers without such needs keep this as it is.
    fn examine<'a>(&'a self, need: &'a Need) -> BoxFuture<'a, Result<(), Missing>> {
        let _ = need;
        Box::pin(std::future::ready(Ok(())))
    }

    /// The same, for drivers that must run commands for it.
    fn examine_around<'a>(
        &'a self,
        need: &'a Need,
        around: Around<'a>,
    ) -> BoxFuture<'a, Result<(), Missing>> {
        let _ = around;
        self.examine(need)
    }

    /// What this machine has that the mode is made with, whatever the stack needs of it. Modes that are made with
    /// nothing keep this as it is.
    fn survey<'a>(&'a self, surveyor: Surveyor<'a>) -> BoxFuture<'a, Vec<Offer>> {
        let _ = surveyor;
        Box::pin(std::future::ready(Vec::new()))
    }

    /// The need that a service has a part, if that can be looked at before it runs.
    fn part(
        &self,
        service: &ServiceName,
        described: Described<'_>,
        part: &ChildName,
    ) -> Option<Need> {
        let (_, _, _) = (service, described, part);
        None
    }

    /// The parts that the service will have, as far as its specification tells. Others may show later.
    fn declared_children(&self, spec: &Value) -> Vec<ChildName> {
        let _ = spec;
        Vec::new()
    }

    /// From where a service of this specification looks for others.
    fn vantage(&self, stack: &StackIdentity, spec: &Value) -> Vantage {
        let (_, _) = (stack, spec);
        Vantage::host()
    }

    /// The ports of this machine that are to lead to a service's own `ports`; 0 means that one is drawn.
    /// `None` in modes whose services listen on this machine themselves. References in `spec` are not
    /// resolved.
    fn host_ports(&self, spec: &Value, ports: &Ports) -> Option<Ports> {
        let (_, _) = (spec, ports);
        None
    }

    /// Where an instance is, as seen from `zone`; `None` if nothing leads from there to it, or only by
    /// way of this machine.
    fn reach(&self, sought: &Sought<'_>, zone: &Zone) -> Option<Reach> {
        match zone {
            Zone::Host => Some(Reach::local(sought.host_ports)),
            Zone::Network(_) | Zone::Cluster(_) | Zone::External => None,
        }
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

/// What is there while a [`Need`] is looked at.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The stack.
    pub stack: &'a StackIdentity,
    /// The way to run commands on this machine.
    pub host: &'a Arc<dyn HostJobs>,
    /// Says whether somebody has an address of this machine, for connections or for datagrams, as in "held by nginx
    /// (pid 7)".
    pub holder: fn(SocketAddr, bool) -> Option<String>,
}

impl fmt::Debug for Around<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Around")
            .field("stack", &self.stack)
            .finish_non_exhaustive()
    }
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
