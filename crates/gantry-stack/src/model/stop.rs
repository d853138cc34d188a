//! How a service is stopped.

use gantry_core::Millis;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::template::Template;

/// The `stop` of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stop {
    /// The signal's name without `SIG`, in capitals.
    pub signal: SmolStr,
    /// How long it has before everything that is left is killed.
    pub grace: Millis,
    /// What asks it to end, in place of the signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<Template>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            signal: SmolStr::new_static("TERM"),
            grace: Millis::seconds(10),
            command: None,
        }
    }
}
