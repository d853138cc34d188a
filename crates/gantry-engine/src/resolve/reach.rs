//! How services reach each other: from where one stands, by way of what is between them.

use gantry_core::InstanceId;
use gantry_driver::{LOCALHOST, Reach, Sought, Vantage, Zone};

use crate::definition::Definition;
use crate::dispatcher::Dispatcher;

impl Dispatcher {
    /// From where a service looks for others.
    pub(crate) fn vantage(&self, definition: &Definition) -> Vantage {
        match self.sessions.drivers.of(definition.mode()) {
            Some(driver) => driver.vantage(&self.sessions.stack, &definition.spec.value()),
            None => Vantage::host(),
        }
    }

    /// Where an instance is, as seen from there. Its driver knows its own zones. From every other one the
    /// way leads over this machine: by the ports here that lead to it, and the name that this machine has
    /// over there.
    pub(crate) fn reach(
        &self,
        instance: &InstanceId,
        definition: &Definition,
        from: &Vantage,
    ) -> Option<Reach> {
        let driver = self.sessions.drivers.of(definition.mode())?;
        let sought = Sought {
            stack: &self.sessions.stack,
            instance,
            replicas: definition.core.replicas,
            spec: &definition.spec.value(),
            ports: &self.ports.of(instance, definition),
            host_ports: &self.ports.on_host(instance, definition),
        };
        if let Some(reach) = driver.reach(&sought, &from.zone) {
            return Some(reach);
        }
        let here = driver.reach(&sought, &Zone::Host)?;
        if here.host != LOCALHOST {
            return Some(here);
        }
        let host = from.machine.clone()?;
        Some(Reach { host, ..here })
    }
}
