//! A Helm release.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `[services.NAME.helm]`, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are keys that a user sets one by one"
)]
pub struct HelmSpec {
    /// The chart: an absolute folder, `REPOSITORY/NAME`, or `oci://…`.
    pub chart: String,
    /// The chart's version; the newest if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The release's name; the service's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The context of the configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<Utf8PathBuf>,
    /// The namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Whether the namespace is made if it is not there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_namespace: bool,
    /// Files with values, absolute, each over the ones before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_files: Vec<Utf8PathBuf>,
    /// Values, over those of the files. Names with dots have become mappings.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
    /// Whether the chart's hooks run.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub hooks: bool,
    /// Whether the chart's own resource definitions are installed.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub crds: bool,
    /// Whether the charts that it depends on are fetched first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub update_dependencies: bool,
    /// Whether a failed upgrade is taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rollback_on_failure: bool,
    /// How many revisions are kept; 0 keeps all.
    #[serde(default = "ten", skip_serializing_if = "is_ten")]
    pub history: u32,
    /// A command that changes the manifests on their way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_renderer: Option<Vec<String>>,
}

fn yes() -> bool {
    true
}

fn ten() -> u32 {
    10
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_ten(history: &u32) -> bool {
    *history == 10
}
