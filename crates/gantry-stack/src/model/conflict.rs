//! What may not be up together with a service.

use gantry_core::ServiceName;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// One entry of `conflicts-with`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Conflict {
    /// Another service of the stack.
    Service(ServiceName),
    /// A program of this name that runs on the machine.
    Process(SmolStr),
    /// A port of the machine that somebody else holds.
    Port(u16),
}
