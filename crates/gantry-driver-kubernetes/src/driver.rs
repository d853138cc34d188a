//! The static half.

use std::sync::Arc;

use gantry_core::{ChangeEffect, ModeName, ServiceName};
use gantry_driver::{
    Around, BoxFuture, Capabilities, ChildName, Described, Driver, DriverError, EventSink,
    FieldChange, Missing, Need, Offer, OpenContext, Owner, Ports, Power, Prerequisite, Reach,
    Session, Sought, SpecError, StackIdentity, Surveyor, Target, Vantage, Zone, diff,
};
use gantry_stack::modes::forward::Forward;
use serde::Deserialize as _;
use serde_json::Value;

use crate::forward;
use crate::kustomize::Lately;
use crate::manifest;
use crate::needs;
use crate::object::Key;
use crate::record::Mode;
use crate::session::ClusterSession;
use crate::spec::{Spec, choice_of};
use crate::survey;

/// What both modes of clusters can do.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities {
        readiness: Owner::Backend,
        replicas: Owner::Backend,
        update_in_place: true,
        children: true,
        // Those of its forwards.
        local_ports: true,
        // How long pods have is said in their manifests.
        stop_policy: false,
        drifts: true,
        powers: vec![Power::Exec, Power::Attach, Power::Dial],
        ..Capabilities::all_ours()
    }
}

/// The ports of this machine that lead to a service of such a mode: those of its forwards.
pub(crate) fn host_ports(spec: &Value, ports: &Ports) -> Ports {
    forward::host_ports(&forwards(spec), ports)
}

/// Forwards as far as they are known before references are resolved.
pub(crate) fn forwards(spec: &Value) -> Vec<Forward> {
    let all = spec["forward"].as_array().into_iter().flatten();
    all.filter_map(|one| Forward::deserialize(one).ok())
        .collect()
}

/// From where pods look for others.
pub(crate) fn vantage(spec: &Value) -> Vantage {
    Vantage {
        zone: zone(spec),
        machine: spec["machine"].as_str().map(Into::into),
    }
}

fn zone(spec: &Value) -> Zone {
    let choice = serde_json::to_string(&choice_of(spec)).unwrap_or_default();
    Zone::Cluster(choice.into())
}

/// Where a service of such a mode is: here, behind its forwards; in its cluster, by the name of what these lead to.
pub(crate) fn reach(sought: &Sought<'_>, from: &Zone) -> Option<Reach> {
    if *from == Zone::Host {
        let named = sought.host_ports.iter();
        let named = named.filter(|(name, _)| sought.ports.contains_key(*name));
        let ports = named.map(|(name, port)| (name.clone(), *port)).collect();
        return Some(Reach::local(&ports));
    }
    if *from != zone(sought.spec) {
        return None;
    }
    let forwards = forwards(sought.spec);
    let service = forwards.first().map(|one| one.service.as_str());
    let service = service.filter(|name| !name.contains(['*', '?', '/']));
    let service = service.unwrap_or(sought.instance.service.as_str());
    let namespace = forwards.first().and_then(|one| one.namespace.as_deref());
    let namespace = namespace.or_else(|| sought.spec["namespace"].as_str());
    Some(Reach {
        host: match namespace {
            Some(namespace) => format!("{service}.{namespace}.svc").into(),
            None => service.into(),
        },
        ports: sought.ports.clone(),
    })
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
    /// What pre-flight has asked for.
    lately: Lately,
}

impl KubernetesDriver {
    /// The driver.
    pub fn new() -> Self {
        Self {
            capabilities: capabilities(),
            lately: Lately::default(),
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
        Box::pin(needs::examine(need, around, &self.lately))
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

    fn survey<'a>(&'a self, surveyor: Surveyor<'a>) -> BoxFuture<'a, Vec<Offer>> {
        Box::pin(survey::of_clusters(surveyor))
    }

    fn vantage(&self, _: &StackIdentity, spec: &Value) -> Vantage {
        vantage(spec)
    }

    fn host_ports(&self, spec: &Value, ports: &Ports) -> Option<Ports> {
        Some(host_ports(spec, ports))
    }

    fn reach(&self, sought: &Sought<'_>, zone: &Zone) -> Option<Reach> {
        reach(sought, zone)
    }

    fn diff(&self, old: Described<'_>, new: Described<'_>) -> Vec<FieldChange> {
        diff::values(
            old.spec,
            new.spec,
            &|path| match path.split('.').next().unwrap_or(path) {
                "context" | "kubeconfig" | "namespace" => ChangeEffect::Restart,
                "create-namespace" | "allow-contexts" | "machine" => ChangeEffect::None,
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
