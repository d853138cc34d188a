//! Where an instance can be reached.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

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

/// One port of an instance, as seen from a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The port's name in the stack file.
    pub name: SmolStr,
    /// The host to connect to.
    pub host: SmolStr,
    /// The port to connect to.
    pub port: u16,
    /// The scheme of a URL, where one is known: `http`, `tcp`.
    pub scheme: Option<SmolStr>,
}

impl Endpoint {
    /// The address, as `host:port`; an IPv6 address in brackets.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The URL, if a scheme is known.
    pub fn url(&self) -> Option<String> {
        let scheme = self.scheme.as_ref()?;
        Some(format!("{scheme}://{}", self.address()))
    }
}
