//! What `[services.X.container]` says, with all references resolved.

use std::ops::Deref;

use gantry_driver::{Ports, SpecError};
use gantry_stack::modes::container::ContainerSpec;
use serde::Deserialize;
use serde_json::Value;
use smol_str::SmolStr;

/// The resolved specification of a container, which names an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec(pub(crate) ContainerSpec);

impl Deref for Spec {
    type Target = ContainerSpec;

    fn deref(&self) -> &ContainerSpec {
        &self.0
    }
}

impl Spec {
    /// Reads a resolved specification.
    pub(crate) fn read(value: &Value) -> Result<Self, SpecError> {
        // Serde would take a list for the fields in their order.
        if !value.is_object() {
            return Err(SpecError::new("", "expected a table"));
        }
        let spec = ContainerSpec::deserialize(value)
            .map_err(|error| SpecError::new("", error.to_string()))?;
        if spec.image.is_none() && spec.build.is_none() {
            return Err(SpecError::new("image", "names no image"));
        }
        Ok(Self(spec))
    }
}

/// The ports of this machine for a service's own `ports`. References in `spec` need not be resolved.
pub(crate) fn published(spec: &Value, ports: &Ports) -> Ports {
    let written = |name: &SmolStr| {
        let port = spec["publish"][name.as_str()].as_u64()?;
        u16::try_from(port).ok()
    };
    ports
        .keys()
        .map(|name| (name.clone(), written(name).unwrap_or(0)))
        .collect()
}
