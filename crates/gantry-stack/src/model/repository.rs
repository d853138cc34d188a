//! A repository of charts.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::template::{EnvValue, Template};

/// One `[repositories.NAME]` of a stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Repository {
    /// Its address.
    pub url: Template,
    /// Certificates to trust, beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<Utf8PathBuf>,
    /// Who logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<EnvValue>,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<EnvValue>,
}
