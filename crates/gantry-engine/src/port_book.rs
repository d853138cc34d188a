//! The ports of this stack's instances: those that are written, and those that were drawn.

use std::collections::HashMap;

use gantry_core::InstanceId;
use gantry_driver::Ports;
use smol_str::SmolStr;

use crate::definition::Definition;
use crate::holder;
use crate::ports::{PortError, PortLedger, PortOwner};

/// Ports by instance.
#[derive(Debug)]
pub(crate) struct PortBook {
    ledger: PortLedger,
    drawn: HashMap<PortOwner, u16>,
}

impl PortBook {
    pub(crate) fn new(ledger: PortLedger) -> Self {
        Self {
            ledger,
            drawn: HashMap::new(),
        }
    }

    /// The ports of an instance by name, at which it listens where it runs. One that it may choose is the
    /// one of this machine that leads to it. A port that was not drawn is left out.
    pub(crate) fn of(&self, instance: &InstanceId, definition: &Definition) -> Ports {
        let on_host = definition.host_ports();
        let port = |(name, port): (&SmolStr, &u16)| match port {
            0 => Some((
                name.clone(),
                self.number(instance, name, *on_host.get(name)?)?,
            )),
            port => Some((name.clone(), *port)),
        };
        definition.ports().iter().filter_map(port).collect()
    }

    /// The ports of this machine that lead to an instance.
    pub(crate) fn on_host(&self, instance: &InstanceId, definition: &Definition) -> Ports {
        let port = |(name, port): (&SmolStr, &u16)| {
            Some((name.clone(), self.number(instance, name, *port)?))
        };
        definition.host_ports().iter().filter_map(port).collect()
    }

    /// A port as it is written, or the one that was drawn for it.
    fn number(&self, instance: &InstanceId, name: &str, written: u16) -> Option<u16> {
        match written {
            0 => self.drawn.get(&owner(instance, name)).copied(),
            written => Some(written),
        }
    }

    /// Draw what these services need and do not have, all at once.
    pub(crate) fn draw<'a>(
        &mut self,
        definitions: impl IntoIterator<Item = &'a Definition>,
    ) -> Result<(), PortError> {
        let mut owners = Vec::new();
        for definition in definitions {
            for (name, _) in to_draw(definition) {
                for slot in 0..definition.core.replicas {
                    let instance = InstanceId::new(definition.name().clone(), slot);
                    owners.push(owner(&instance, name));
                }
            }
        }
        owners.retain(|owner| !self.drawn.contains_key(owner));
        let ports = self.ledger.draw(&owners)?;
        self.drawn.extend(owners.into_iter().zip(ports));
        Ok(())
    }

    /// Before a start: whoever took one of its drawn ports in the meantime keeps it, and another is
    /// drawn. Tells which port became which, and who has it.
    pub(crate) fn renew(
        &mut self,
        instance: &InstanceId,
        definition: &Definition,
    ) -> Result<Vec<String>, PortError> {
        let mut notes = Vec::new();
        for (name, _) in to_draw(definition) {
            let owner = owner(instance, name);
            let port = match self.drawn.get(&owner) {
                Some(port) if holder::is_free(*port) => continue,
                Some(port) => *port,
                None => {
                    let ports = self.ledger.draw(std::slice::from_ref(&owner))?;
                    self.drawn.extend([owner].into_iter().zip(ports));
                    continue;
                }
            };
            let by = holder::holder_of(port).map(|holder| format!(" by {holder}"));
            let new = self.ledger.redraw(&owner)?;
            notes.push(format!(
                "port {port} ({name}) was taken{}; it is {new} now",
                by.unwrap_or_default()
            ));
            self.drawn.insert(owner, new);
        }
        Ok(notes)
    }

    /// Give back the ports of a service that left.
    pub(crate) fn forget(&mut self, service: &str) {
        let is_its = |owner: &PortOwner| {
            let instance = owner.instance.rsplit_once('.');
            instance.is_some_and(|(name, _)| name == service)
        };
        if !self.drawn.keys().any(&is_its) {
            return;
        }
        self.drawn.retain(|owner, _| !is_its(owner));
        if let Err(error) = self.ledger.retain(|owner| !is_its(owner)) {
            tracing::warn!(%error, service, "failed to give back ports");
        }
    }

    /// Give back all.
    pub(crate) fn release(&mut self) {
        self.drawn.clear();
        if let Err(error) = self.ledger.release() {
            tracing::warn!(%error, "failed to give back ports");
        }
    }
}

/// The ports of this machine that are not written down.
fn to_draw(definition: &Definition) -> impl Iterator<Item = (&SmolStr, &u16)> {
    definition
        .host_ports()
        .iter()
        .filter(|(_, port)| **port == 0)
}

fn owner(instance: &InstanceId, port: &str) -> PortOwner {
    PortOwner {
        instance: instance.to_string(),
        port: port.to_owned(),
    }
}
