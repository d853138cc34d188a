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
    /// The object that replicas, restarts and logs are about; all workloads if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// Images to use in place of those that the manifests name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub images: IndexMap<String, String>,
    /// Whether objects that were applied, and that the manifests no longer have, are deleted.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub prune: bool,
    /// Conditions beyond the usual ones that make it ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wait_for: Vec<String>,
}

fn yes() -> bool {
    true
}
