//! A Helm release.

use camino::Utf8PathBuf;
use gantry_core::Millis;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::forward::Forward;
use super::kubernetes::{Tools, is_default, is_two_seconds, two_seconds};

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
    /// How long a pod without a readiness probe must have run before it counts as ready.
    #[serde(default = "two_seconds", skip_serializing_if = "is_two_seconds")]
    pub settle: Millis,
    /// When objects are ready, by `KIND/NAME` with wildcards: an expression about each.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub ready_when: IndexMap<String, String>,
    /// Whether the namespace is made if it is not there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_namespace: bool,
    /// Files with values, absolute, each over the ones before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_files: Vec<Utf8PathBuf>,
    /// Values, over those of the files. Names with dots have become mappings.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
    /// Whether a release of this name that something else made is taken over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopt: bool,
    /// What is done about a release that is half done.
    #[serde(default)]
    pub on_stuck: OnStuck,
    /// Whether values that were given before stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reuse: bool,
    /// Labels of the release.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// How long one step may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Millis>,
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
    /// Contexts of clusters elsewhere that may be changed although nobody named them: those of the stack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_contexts: Vec<String>,
    /// Ways from this machine to what runs there: the service's `forward`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forward: Vec<Forward>,
    /// By which address what listens on this machine is reached from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The commands that are used: the stack's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tools: Tools,
    /// The stack's repositories, as far as the chart may need them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub repositories: IndexMap<String, Repository>,
    /// A sum of what chart and values files say, so that the specification differs when one of them does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// What is done about a release that another helm has left half done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnStuck {
    /// It is told.
    #[default]
    Fail,
    /// It goes back to what was deployed last.
    Rollback,
    /// It is uninstalled, and installed anew.
    Reinstall,
}

/// A repository of charts, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Repository {
    /// Its address.
    pub url: String,
    /// Certificates to trust, beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<Utf8PathBuf>,
    /// Who logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
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
