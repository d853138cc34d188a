//! A way from localhost to a service inside an engine or a cluster.

use gantry_core::Millis;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Origin, Probe};
use crate::template::Template;

/// One entry of `forward`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Forward {
    /// The service, deployment, stateful set or pod at the other end; `*` and `?` match.
    pub service: Template,
    /// The port on this machine; 0 picks a free one.
    pub local: u16,
    /// The port at the other end: a number or a name.
    pub remote: Template,
    /// The address on this machine, if not `127.0.0.1` and `::1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SmolStr>,
    /// The namespace, if not the service's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Template>,
    /// Whether every match of a pattern gets a local port of its own, counted up from `local`.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub each: bool,
    /// How long a connection waits for a ready target.
    #[serde(default = "Forward::default_connect_timeout")]
    pub connect_timeout: Millis,
    /// What must pass through the tunnel before it counts as ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readiness: Vec<Probe>,
    /// Where it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

impl Forward {
    /// How long a connection waits unless the file says otherwise.
    pub fn default_connect_timeout() -> Millis {
        Millis::seconds(10)
    }
}
