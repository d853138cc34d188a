//! The static half.

use std::sync::Arc;

use gantry_core::{ChangeEffect, ModeName, ServiceName};
use gantry_driver::{
    Around, BoxFuture, Capabilities, ChildName, Described, Driver, DriverError, EventSink,
    FieldChange, Missing, Need, Offer, OpenContext, Owner, Prerequisite, Session, SpecError,
    Surveyor, Target, diff,
};
use serde_json::Value;

use crate::session::ComposeSession;
use crate::spec::{self, Spec};
use crate::{needs, survey};

/// The driver of mode `compose`.
#[derive(Debug)]
pub struct ComposeDriver {
    capabilities: Capabilities,
}

impl ComposeDriver {
    /// The driver.
    pub fn new() -> Self {
        Self {
            capabilities: Capabilities {
                readiness: Owner::Backend,
                replicas: Owner::Backend,
                children: true,
                local_ports: false,
                makes: true,
                ..Capabilities::all_ours()
            },
        }
    }
}

impl Default for ComposeDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl Driver for ComposeDriver {
    fn mode(&self) -> ModeName {
        ModeName::new("compose")
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn check(&self, spec: &Value) -> Result<(), SpecError> {
        Spec::read(spec).map(|_| ())
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
        Box::pin(survey::of(surveyor))
    }

    fn part(
        &self,
        service: &ServiceName,
        described: Described<'_>,
        part: &ChildName,
    ) -> Option<Need> {
        needs::part(service, described, part.as_str())
    }

    fn declared_children(&self, spec: &Value) -> Vec<ChildName> {
        let spec = Spec::read(spec);
        let named = spec.map(|spec| spec.0.services).unwrap_or_default();
        named.iter().map(ChildName::new).collect()
    }

    fn diff(&self, old: Described<'_>, new: Described<'_>) -> Vec<FieldChange> {
        let mut harmless = vec!["build", "pull", "remove-orphans"];
        if [old, new]
            .iter()
            .all(|one| one.spec["rendered-files"].is_string())
        {
            // Those of other services come and go; whether its own differ is said by their sum.
            harmless.push("files");
        }
        diff::unchangeable(old, new, &harmless, ChangeEffect::Restart)
    }

    fn target(&self, spec: &Value) -> Result<Target, SpecError> {
        Ok(Target {
            mode: self.mode(),
            key: spec::engine_of(spec).into(),
        })
    }

    fn open(
        &self,
        context: OpenContext,
        target: Target,
        events: EventSink,
    ) -> BoxFuture<'_, Result<Arc<dyn Session>, DriverError>> {
        Box::pin(async move {
            let session = ComposeSession::open(context, &target, events).await?;
            Ok(Arc::new(session) as Arc<dyn Session>)
        })
    }
}
