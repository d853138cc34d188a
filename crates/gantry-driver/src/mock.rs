//! A driver without a backend, for tests of everything above the seam.
//!
//! It is a driver like any other, and passes the same [`conformance`](crate::conformance) suite. What
//! its instances do is said by their specification ([`MockSpec`]); what happens to them from outside, by
//! [`MockDriver`]'s own methods. Its backend lives as long as the driver, so that sessions may come and
//! go as supervisors do. Under tokio's paused clock everything it does is deterministic.
//!
//! ```
//! # use gantry_driver::{Driver, EventSink, OpenContext, StackIdentity, mock::MockDriver};
//! # use serde_json::json;
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let driver = MockDriver::new();
//! let (events, _stream) = EventSink::channel();
//! let stack = StackIdentity {
//!     name: "shop".into(),
//!     id: "shop-1".into(),
//!     state_dir: "/nowhere".into(),
//!     base_dir: "/nowhere".into(),
//! };
//! let target = driver.target(&json!({"run-for": 100, "exit-code": 3})).unwrap();
//! let session = driver.open(OpenContext::new(stack), target, events).await.unwrap();
//! assert!(session.observe().await.unwrap().is_empty());
//! # });
//! ```

mod attach;
mod backend;
mod life;
mod output;
mod outside;
mod requests;
mod session;
mod spec;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use gantry_core::{ChangeEffect, ModeName, ServiceName};
use serde_json::Value;
use smol_str::SmolStr;

use crate::{
    Capabilities, ChildName, Described, Driver, DriverError, EventSink, FieldChange, Need,
    OpenContext, Ports, Power, Prerequisite, Reach, Session, Sought, SpecError, StackIdentity,
    Target, Vantage, Zone, diff,
};
use backend::Backend;
use session::MockSession;

pub use spec::{LateChild, MockSpec};

/// The mock driver with its backend.
#[derive(Debug, Clone)]
pub struct MockDriver {
    mode: ModeName,
    capabilities: Capabilities,
    shared: Arc<Shared>,
}

/// The backend, shared by the driver and all its sessions.
#[derive(Debug, Default)]
pub(crate) struct Shared(Mutex<Backend>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Backend> {
        // A test that panicked has failed already; the others go on.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MockDriver {
    /// A mock driver for the mode `mock`, in which gantry does everything but what a specification
    /// asks of the backend.
    pub fn new() -> Self {
        Self::named(
            "mock",
            Capabilities {
                update_in_place: true,
                children: true,
                powers: vec![Power::Preview, Power::Attach],
                ..Capabilities::all_ours()
            },
        )
    }

    /// A mock driver that goes by another name and can do other things.
    pub fn named(mode: &str, capabilities: Capabilities) -> Self {
        Self {
            mode: ModeName::new(mode),
            capabilities,
            shared: Arc::default(),
        }
    }
}

impl Default for MockDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl Driver for MockDriver {
    fn mode(&self) -> ModeName {
        self.mode.clone()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn check(&self, spec: &Value) -> Result<(), SpecError> {
        MockSpec::read(spec).map(|_| ())
    }

    fn prerequisites(&self, services: &[(ServiceName, Described<'_>)]) -> Vec<Prerequisite> {
        let needs = |(service, described): &(ServiceName, Described<'_>)| {
            let spec = MockSpec::read(described.spec).unwrap_or_default();
            let service = service.clone();
            spec.needs.into_iter().map(move |path| Prerequisite {
                services: vec![service.clone()],
                need: Need::File { path: path.into() },
                field: "needs".into(),
                advisory: false,
            })
        };
        services.iter().flat_map(needs).collect()
    }

    fn declared_children(&self, spec: &Value) -> Vec<ChildName> {
        let spec = MockSpec::read(spec).unwrap_or_default();
        spec.children.iter().map(ChildName::new).collect()
    }

    fn vantage(&self, _stack: &StackIdentity, spec: &Value) -> Vantage {
        match MockSpec::read(spec).unwrap_or_default().network {
            Some(network) => Vantage {
                zone: Zone::Network(network),
                machine: Some(SmolStr::new_static("machine.mock")),
            },
            None => Vantage::host(),
        }
    }

    fn host_ports(&self, spec: &Value, _ports: &Ports) -> Option<Ports> {
        MockSpec::read(spec).unwrap_or_default().publish
    }

    fn reach(&self, sought: &Sought<'_>, zone: &Zone) -> Option<Reach> {
        let network = MockSpec::read(sought.spec).unwrap_or_default().network;
        match zone {
            Zone::Host => Some(Reach::local(sought.host_ports)),
            Zone::Network(name) if network.as_ref() == Some(name) => Some(Reach {
                host: SmolStr::new(sought.instance.service.as_str()),
                ports: sought.ports.clone(),
            }),
            Zone::Network(_) | Zone::Cluster(_) | Zone::External => None,
        }
    }

    fn diff(&self, old: Described<'_>, new: Described<'_>) -> Vec<FieldChange> {
        let mut changes = diff::values(old.spec, new.spec, &|path| match path {
            "note" => ChangeEffect::None,
            "setting" if self.capabilities.update_in_place => ChangeEffect::InPlace,
            "image" => ChangeEffect::Recreate,
            _ => ChangeEffect::Restart,
        });
        changes.extend(diff::settings(old.settings, new.settings, &|path| {
            if path.starts_with("stop") || path.starts_with("logs") || path == "job" {
                ChangeEffect::None
            } else {
                ChangeEffect::Restart
            }
        }));
        changes
    }

    fn target(&self, spec: &Value) -> Result<Target, SpecError> {
        Ok(Target {
            mode: self.mode(),
            key: MockSpec::read(spec)?.group,
        })
    }

    fn open(
        &self,
        context: OpenContext,
        target: Target,
        events: EventSink,
    ) -> BoxFuture<'_, Result<Arc<dyn Session>, DriverError>> {
        let session = MockSession::open(&self.shared, context, target, events);
        Box::pin(std::future::ready(
            session.map(|session| Arc::new(session) as Arc<dyn Session>),
        ))
    }
}

#[cfg(test)]
mod tests;
