//! A way from this machine into a cluster, resolved.

use gantry_core::Millis;
use serde::{Deserialize, Serialize};

/// One entry of `forward`, as drivers of clusters are given it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Forward {
    /// What is at the other end: a service's name, or a kind before a name; `*` and `?` match.
    pub service: String,
    /// The port on this machine; 0 is any.
    pub local: u16,
    /// The port at the other end, by number or name.
    pub remote: String,
    /// The address on this machine, if not `127.0.0.1` and `::1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The namespace, if not the service's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Whether every match of a pattern gets a port of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each: bool,
    /// How long a connection waits for a pod that is ready.
    #[serde(default = "ten_seconds")]
    pub connect_timeout: Millis,
}

fn ten_seconds() -> Millis {
    Millis::seconds(10)
}
