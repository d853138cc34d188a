//! A Compose project, or part of one.

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::container::Engine;

/// `[services.NAME.compose]`, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ComposeSpec {
    /// Its files, absolute, each over the ones before.
    pub files: Vec<Utf8PathBuf>,
    /// The services of the project that this one stands for; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// The project's name; one of the stack's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Where the files' relative paths start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<Utf8PathBuf>,
    /// The project's profiles to activate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// Files with variables for the project's `${}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_files: Vec<Utf8PathBuf>,
    /// Variables for the project's `${}`, over those of the service.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, String>,
    /// Which engine runs it.
    #[serde(default)]
    pub engine: Engine,
    /// Whether images are built before every start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub build: bool,
    /// When images are fetched.
    #[serde(default)]
    pub pull: Pull,
    /// Whether containers of services that the files no longer have are removed.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub remove_orphans: bool,
    /// Whether Compose's own view of its containers counts for readiness.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub wait: bool,
}

/// When images are fetched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pull {
    /// As the files say.
    #[default]
    Policy,
    /// Only if the engine does not have them.
    Missing,
    /// At every start.
    Always,
    /// Never.
    Never,
}

fn yes() -> bool {
    true
}
