//! The static half.

use std::sync::Arc;

use gantry_core::{ModeName, ServiceName};
use gantry_driver::{
    BoxFuture, Capabilities, Described, Driver, DriverError, EventSink, FieldChange, HostJobs,
    Missing, Need, Offer, OpenContext, Power, Prerequisite, Session, SpecError, Surveyor, Target,
};
use serde_json::Value;

use crate::session::ProcessSession;
use crate::spec::Spec;
use crate::{changes, groups, needs, rights};

/// The driver of mode `process`.
#[derive(Debug)]
pub struct ProcessDriver {
    capabilities: Capabilities,
}

impl ProcessDriver {
    /// The driver.
    pub fn new() -> Self {
        Self {
            capabilities: Capabilities {
                voice: true,
                powers: vec![Power::Attach],
                ..Capabilities::all_ours()
            },
        }
    }

    /// Opens a session of its own type. It also runs commands for drivers that must not fork
    /// ([`OpenContext::host`]), which is why its own context needs no such thing.
    pub async fn open_session(
        &self,
        context: OpenContext,
        events: EventSink,
    ) -> Result<Arc<ProcessSession>, DriverError> {
        ProcessSession::open(context, events).await.map(Arc::new)
    }

    /// A way to run commands on this machine through the keeper of this session's stack.
    pub fn host_jobs(session: &Arc<ProcessSession>) -> Arc<dyn HostJobs> {
        Arc::clone(session) as Arc<dyn HostJobs>
    }
}

impl Default for ProcessDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl Driver for ProcessDriver {
    fn mode(&self) -> ModeName {
        ModeName::new("process")
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

    fn beside(&self, service: Described<'_>, program: &str) -> Option<Need> {
        needs::beside(service, program)
    }

    fn examine<'a>(&'a self, need: &'a Need) -> BoxFuture<'a, Result<(), Missing>> {
        Box::pin(std::future::ready(rights::examine(need)))
    }

    fn survey<'a>(&'a self, _surveyor: Surveyor<'a>) -> BoxFuture<'a, Vec<Offer>> {
        Box::pin(std::future::ready(vec![groups::survey()]))
    }

    fn diff(&self, old: Described<'_>, new: Described<'_>) -> Vec<FieldChange> {
        changes::between(old, new)
    }

    fn target(&self, _spec: &Value) -> Result<Target, SpecError> {
        Ok(Target::only(self.mode()))
    }

    fn open(
        &self,
        context: OpenContext,
        _target: Target,
        events: EventSink,
    ) -> BoxFuture<'_, Result<Arc<dyn Session>, DriverError>> {
        Box::pin(async move {
            let session = self.open_session(context, events).await?;
            Ok(session as Arc<dyn Session>)
        })
    }
}
