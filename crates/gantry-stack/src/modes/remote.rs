//! Something that runs elsewhere.

use serde::{Deserialize, Serialize};

/// `[services.NAME.remote]`, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RemoteSpec {
    /// The name or address of its machine.
    pub host: String,
}
