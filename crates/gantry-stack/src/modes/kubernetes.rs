//! Manifests or a kustomization.

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// `[services.NAME.kubernetes]`, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KubernetesSpec {
    /// Files with manifests, or folders of such, absolute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<Utf8PathBuf>,
    /// The folder of a kustomization, absolute. There is either this or `manifests`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<Utf8PathBuf>,
    /// The context of the configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<Utf8PathBuf>,
    /// The namespace of objects that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Whether the namespace is made if it is not there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_namespace: bool,
    /// Images to use in place of those that the manifests name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub images: IndexMap<String, String>,
    /// Whether objects that were applied, and that the manifests no longer have, are deleted.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub prune: bool,
    /// Contexts of clusters elsewhere that may be changed although nobody named them: those of the stack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_contexts: Vec<String>,
    /// A sum of what the files say, so that the specification differs when one of them does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

fn yes() -> bool {
    true
}
