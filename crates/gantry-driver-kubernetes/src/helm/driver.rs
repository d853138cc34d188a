//! The static half of mode `helm`.

use std::sync::Arc;

use gantry_core::{ChangeEffect, ModeName, ServiceName};
use gantry_driver::{
    Around, BoxFuture, Capabilities, Described, Driver, DriverError, EventSink, FieldChange,
    Missing, Need, Offer, OpenContext, Ports, Power, Prerequisite, Reach, Session, Sought,
    SpecError, StackIdentity, Surveyor, Target, Vantage, Zone, diff,
};
use serde_json::Value;

use super::needs;
use super::upgrade::spec;
use crate::driver;
use crate::record::Mode;
use crate::session::ClusterSession;
use crate::survey;

/// The driver of mode `helm`.
#[derive(Debug)]
pub struct HelmDriver {
    capabilities: Capabilities,
}

impl HelmDriver {
    /// The driver.
    pub fn new() -> Self {
        Self {
            capabilities: Capabilities {
                powers: [driver::capabilities().powers, vec![Power::History]].concat(),
                ..driver::capabilities()
            },
        }
    }
}

impl Default for HelmDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl Driver for HelmDriver {
    fn mode(&self) -> ModeName {
        ModeName::new("helm")
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn check(&self, spec: &Value) -> Result<(), SpecError> {
        self::spec(spec).map(|_| ())
    }

    fn prerequisites(&self, services: &[(ServiceName, Described<'_>)]) -> Vec<Prerequisite> {
        needs::of(services)
    }

    fn examine_around<'a>(
        &'a self,
        need: &'a Need,
        around: Around<'a>,
    ) -> BoxFuture<'a, Result<(), Missing>> {
        Box::pin(needs::examine(need, around))
    }

    fn survey<'a>(&'a self, surveyor: Surveyor<'a>) -> BoxFuture<'a, Vec<Offer>> {
        Box::pin(survey::of_helm(surveyor))
    }

    fn vantage(&self, _: &StackIdentity, spec: &Value) -> Vantage {
        driver::vantage(spec)
    }

    fn host_ports(&self, spec: &Value, ports: &Ports) -> Option<Ports> {
        Some(driver::host_ports(spec, ports))
    }

    fn reach(&self, sought: &Sought<'_>, zone: &Zone) -> Option<Reach> {
        driver::reach(sought, zone)
    }

    fn diff(&self, old: Described<'_>, new: Described<'_>) -> Vec<FieldChange> {
        diff::values(
            old.spec,
            new.spec,
            &|path| match path.split('.').next().unwrap_or(path) {
                "context" | "kubeconfig" | "namespace" | "release" => ChangeEffect::Restart,
                "create-namespace"
                | "allow-contexts"
                | "adopt"
                | "on-stuck"
                | "timeout"
                | "rollback-on-failure"
                | "tools" => ChangeEffect::None,
                _ => ChangeEffect::InPlace,
            },
        )
    }

    fn target(&self, spec: &Value) -> Result<Target, SpecError> {
        driver::target(self.mode(), spec)
    }

    fn open(
        &self,
        context: OpenContext,
        target: Target,
        events: EventSink,
    ) -> BoxFuture<'_, Result<Arc<dyn Session>, DriverError>> {
        Box::pin(async move {
            let session = ClusterSession::open(Mode::Releases, context, &target, events).await?;
            Ok(Arc::new(session) as Arc<dyn Session>)
        })
    }
}
