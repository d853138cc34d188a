//! What a service needs before it may start.

use gantry_core::{Condition, Dependency, ServiceName};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Origin;

/// One edge of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DependsOn {
    /// The service that is needed.
    pub service: ServiceName,
    /// A part of it that its backend shows, when only that part is needed (`shop/db`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<SmolStr>,
    /// What is waited for.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub condition: Condition,
    /// Whether the edge comes from a reference to something that is only known at run time, not
    /// from `depends-on`.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub implied: bool,
    /// Where the edge was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

impl DependsOn {
    /// The edge as the core keeps it.
    pub fn to_core(&self) -> Dependency {
        Dependency {
            on: self.service.clone(),
            part: self.child.clone(),
            condition: self.condition,
            follow: self.implied,
            origin: self.origin.as_ref().map(Origin::to_core),
        }
    }
}
