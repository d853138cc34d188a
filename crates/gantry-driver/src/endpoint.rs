//! Where an instance can be reached, and from where it looks itself.

use std::fmt;

use gantry_core::InstanceId;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use crate::StackIdentity;

/// This machine's own address, as its processes know it.
pub const LOCALHOST: &str = "127.0.0.1";

/// Ports by their names in the stack file.
pub type Ports = IndexMap<SmolStr, u16>;

/// A way to an instance from outside of its backend, that the backend itself provides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// What provides it, and which of its ports: `service/web:http`.
    pub name: SmolStr,
    /// Where: `https://shop.example/`.
    pub url: String,
}

/// From where someone looks: the same port has different addresses in different zones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Zone {
    /// A process on this machine.
    Host,
    /// Inside the network of that name of an engine.
    Network(SmolStr),
    /// Inside the cluster of that context.
    Cluster(SmolStr),
    /// Somewhere else.
    External,
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("this machine"),
            Self::Network(name) => write!(f, "network {name}"),
            Self::Cluster(name) => write!(f, "cluster {name}"),
            Self::External => f.write_str("outside"),
        }
    }
}

/// Where a service stands when it looks for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vantage {
    /// What it is in.
    pub zone: Zone,
    /// The host by which it reaches what listens on this machine; `None` if nothing leads here.
    pub machine: Option<SmolStr>,
}

impl Vantage {
    /// A process of this machine.
    pub fn host() -> Self {
        Self {
            zone: Zone::Host,
            machine: Some(SmolStr::new_static(LOCALHOST)),
        }
    }
}

/// An instance that somebody wants to reach.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'a> {
    /// Its stack.
    pub stack: &'a StackIdentity,
    /// Which it is.
    pub instance: &'a InstanceId,
    /// How many instances its service has.
    pub replicas: u16,
    /// The mode's part of its service. References in it are not resolved.
    pub spec: &'a Value,
    /// The ports at which it listens where it runs.
    pub ports: &'a Ports,
    /// The ports of this machine that lead to them; see [`Driver::host_ports`](crate::Driver::host_ports).
    pub host_ports: &'a Ports,
}

/// Where an instance is, as seen from one zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The host to connect to.
    pub host: SmolStr,
    /// The port behind each name. One that does not lead to it from there is left out.
    pub ports: Ports,
}

impl Reach {
    /// At these ports of this machine.
    pub fn local(ports: &Ports) -> Self {
        Self {
            host: SmolStr::new_static(LOCALHOST),
            ports: ports.clone(),
        }
    }

    /// The address of a port, as `host:port`; an IPv6 address in brackets.
    pub fn address(&self, port: &str) -> Option<String> {
        let port = self.ports.get(port)?;
        Some(if self.host.contains(':') {
            format!("[{}]:{port}", self.host)
        } else {
            format!("{}:{port}", self.host)
        })
    }
}
