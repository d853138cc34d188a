//! The static half.

use std::sync::Arc;

use gantry_core::{ModeName, ServiceName};
use gantry_driver::{
    Around, BoxFuture, Capabilities, Described, Driver, DriverError, EventSink, FieldChange,
    Missing, Need, Offer, OpenContext, Owner, Ports, Power, Prerequisite, Reach, Session, Sought,
    SpecError, StackIdentity, Surveyor, Target, Vantage, Zone,
};
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use crate::names::{self, MACHINE};
use crate::session::ContainerSession;
use crate::spec::{self, Spec};
use crate::{changes, needs};

/// The driver of mode `container`.
#[derive(Debug)]
pub struct ContainerDriver {
    capabilities: Capabilities,
}

impl ContainerDriver {
    /// The driver.
    pub fn new() -> Self {
        Self {
            capabilities: Capabilities {
                readiness: Owner::Backend,
                makes: true,
                powers: vec![Power::Attach, Power::Exec],
                ..Capabilities::all_ours()
            },
        }
    }
}

impl Default for ContainerDriver {
    fn default() -> Self {
        Self::new()
    }
}

/// The engine that a specification asks for. References in it need not be resolved.
pub(crate) fn engine_of(spec: &Value) -> String {
    spec["engine"].as_str().unwrap_or("auto").to_owned()
}

/// The network of a stack in an engine, as others name it.
fn zone(stack: &StackIdentity, spec: &Value) -> Zone {
    let network = names::network(&stack.id);
    Zone::Network(format_smolstr!("{}/{network}", engine_of(spec)))
}

/// The machine whose ports lead to containers of that engine.
fn machine_of(engine: &str) -> SmolStr {
    let address = engine.strip_prefix("tcp://");
    let host = address.and_then(|address| address.rsplit_once(':'));
    host.map_or(
        SmolStr::new_static(gantry_driver::LOCALHOST),
        |(host, _)| SmolStr::new(host),
    )
}

impl Driver for ContainerDriver {
    fn mode(&self) -> ModeName {
        ModeName::new("container")
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

    fn made(&self, service: &ServiceName, described: Described<'_>) -> Option<Need> {
        needs::built(service, described)
    }

    fn examine_around<'a>(
        &'a self,
        need: &'a Need,
        around: Around<'a>,
    ) -> BoxFuture<'a, Result<(), Missing>> {
        Box::pin(needs::examine(need, around))
    }

    fn survey<'a>(&'a self, surveyor: Surveyor<'a>) -> BoxFuture<'a, Vec<Offer>> {
        Box::pin(needs::survey(surveyor))
    }

    fn vantage(&self, stack: &StackIdentity, spec: &Value) -> Vantage {
        let local = machine_of(&engine_of(spec)) == gantry_driver::LOCALHOST;
        Vantage {
            zone: zone(stack, spec),
            machine: local.then_some(SmolStr::new_static(MACHINE)),
        }
    }

    fn host_ports(&self, spec: &Value, ports: &Ports) -> Option<Ports> {
        Some(spec::published(spec, ports))
    }

    fn reach(&self, sought: &Sought<'_>, from: &Zone) -> Option<Reach> {
        if *from == Zone::Host {
            return Some(Reach {
                host: machine_of(&engine_of(sought.spec)),
                ports: sought.host_ports.clone(),
            });
        }
        (*from == zone(sought.stack, sought.spec)).then(|| Reach {
            host: names::alias(sought.instance, sought.replicas),
            ports: sought.ports.clone(),
        })
    }

    fn diff(&self, old: Described<'_>, new: Described<'_>) -> Vec<FieldChange> {
        changes::between(old, new)
    }

    fn target(&self, spec: &Value) -> Result<Target, SpecError> {
        Ok(Target {
            mode: self.mode(),
            key: engine_of(spec).into(),
        })
    }

    fn open(
        &self,
        context: OpenContext,
        target: Target,
        events: EventSink,
    ) -> BoxFuture<'_, Result<Arc<dyn Session>, DriverError>> {
        Box::pin(async move {
            let session = ContainerSession::open(context, &target, events).await?;
            Ok(Arc::new(session) as Arc<dyn Session>)
        })
    }
}
