//! How a service is told to read its configuration again.

use gantry_core::Millis;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::template::Template;

/// The `reload` of a service: a signal, or a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Reload {
    /// The signal's name without `SIG`, in capitals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<SmolStr>,
    /// The command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<Template>>,
    /// How long the command may take.
    #[serde(default = "Reload::default_timeout")]
    pub timeout: Millis,
}

impl Reload {
    /// The timeout unless the file says otherwise.
    pub fn default_timeout() -> Millis {
        Millis::seconds(10)
    }
}
