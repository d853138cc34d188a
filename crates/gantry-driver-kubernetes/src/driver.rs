//! The static half.

use std::sync::Arc;

use gantry_core::{ChangeEffect, ModeName, ServiceName};
use gantry_driver::{
    Around, BoxFuture, Capabilities, ChildName, Described, Driver, DriverError, EventSink,
    FieldChange, Missing, Need, OpenContext, Owner, Power, Prerequisite, Session, SpecError,
    Target, diff,
};
use serde_json::Value;

use crate::manifest;
use crate::needs;
use crate::object::Key;
use crate::record::Mode;
use crate::session::ClusterSession;
use crate::spec::{Spec, choice_of};

/// What both modes of clusters can do.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities {
        readiness: Owner::Backend,
        replicas: Owner::Backend,
        update_in_place: true,
        children: true,
        local_ports: false,
        // How long pods have is said in their manifests.
        stop_policy: false,
        powers: vec![Power::Exec],
        ..Capabilities::all_ours()
    }
}

/// The cluster that a service of such a mode is for.
pub(crate) fn target(mode: ModeName, spec: &Value) -> Result<Target, SpecError> {
    let key = serde_json::to_string(&choice_of(spec));
    let key = key.map_err(|error| SpecError::new("context", error.to_string()))?;
    Ok(Target {
        mode,
        key: key.into(),
    })
}

/// The driver of mode `kubernetes`.
#[derive(Debug)]
pub struct KubernetesDriver {
    capabilities: Capabilities,
}

impl KubernetesDriver {
    /// The driver.
    pub fn new() -> Self {
        Self {
            capabilities: capabilities(),
        }
    }
}

impl Default for KubernetesDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl Driver for KubernetesDriver {
    fn mode(&self) -> ModeName {
        ModeName::new("kubernetes")
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

    fn part(
        &self,
        service: &ServiceName,
        described: Described<'_>,
        part: &ChildName,
    ) -> Option<Need> {
        needs::part(service, described, part.as_str())
    }

    fn declared_children(&self, spec: &Value) -> Vec<ChildName> {
        let Ok(spec) = Spec::read(spec) else {
            return Vec::new();
        };
        let documents = manifest::read(&spec.0.manifests).unwrap_or_default();
        let keys = documents.iter().map(|one| Key::of(&one.object));
        let workloads = keys.filter(Key::is_workload);
        workloads.map(|key| ChildName::new(key.short())).collect()
    }

    fn diff(&self, old: Described<'_>, new: Described<'_>) -> Vec<FieldChange> {
        diff::values(
            old.spec,
            new.spec,
            &|path| match path.split('.').next().unwrap_or(path) {
                "context" | "kubeconfig" | "namespace" => ChangeEffect::Restart,
                "create-namespace" | "allow-contexts" => ChangeEffect::None,
                _ => ChangeEffect::InPlace,
            },
        )
    }

    fn target(&self, spec: &Value) -> Result<Target, SpecError> {
        target(self.mode(), spec)
    }

    fn open(
        &self,
        context: OpenContext,
        target: Target,
        events: EventSink,
    ) -> BoxFuture<'_, Result<Arc<dyn Session>, DriverError>> {
        Box::pin(async move {
            let session = ClusterSession::open(Mode::Manifests, context, &target, events).await?;
            Ok(Arc::new(session) as Arc<dyn Session>)
        })
    }
}
