//! Manifests or a kustomization.

use camino::Utf8PathBuf;
use gantry_core::Millis;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::forward::Forward;

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
    /// How long a pod without a readiness probe must have run before it counts as ready.
    #[serde(default = "two_seconds", skip_serializing_if = "is_two_seconds")]
    pub settle: Millis,
    /// When objects are ready, by `KIND/NAME` with wildcards: an expression about each.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub ready_when: IndexMap<String, String>,
    /// What a stop does with what was applied.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stop: OnStop,
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
    /// Ways from this machine to what runs there: the service's `forward`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forward: Vec<Forward>,
    /// By which address what listens on this machine is reached from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The commands that are used.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tools: Tools,
    /// A sum of what the files say, so that the specification differs when one of them does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// What a stop does with what was applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnStop {
    /// It is deleted, but for data.
    #[default]
    Delete,
    /// Workloads are taken to no copies; everything else stays.
    Scale,
}

/// The commands for a cluster, as the stack and the environment name them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tools {
    /// What is run as Helm.
    pub helm: Vec<String>,
    /// Whether by `sudo -n`.
    pub helm_sudo: bool,
    /// What is run as kubectl.
    pub kubectl: Vec<String>,
    /// Whether by `sudo -n`.
    pub kubectl_sudo: bool,
}

impl Default for Tools {
    fn default() -> Self {
        Self {
            helm: vec!["helm".to_owned()],
            helm_sudo: false,
            kubectl: vec!["kubectl".to_owned()],
            kubectl_sudo: false,
        }
    }
}

impl Tools {
    /// All words of kubectl.
    pub fn kubectl(&self) -> Vec<String> {
        with_sudo(&self.kubectl, self.kubectl_sudo)
    }

    /// Whether it is no kubectl as everybody has one.
    pub fn is_own_kubectl(&self) -> bool {
        self.kubectl_sudo || self.kubectl != ["kubectl"]
    }

    /// All words of Helm.
    pub fn helm(&self) -> Vec<String> {
        with_sudo(&self.helm, self.helm_sudo)
    }
}

/// A user's own files stay the user's: root's home is root's (`-H`).
fn with_sudo(words: &[String], sudo: bool) -> Vec<String> {
    let before = ["sudo", "-n", "-H"].iter().filter(|_| sudo);
    let before = before.map(|word| (*word).to_owned());
    before.chain(words.iter().cloned()).collect()
}

pub(super) fn two_seconds() -> Millis {
    Millis::seconds(2)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
pub(super) fn is_two_seconds(settle: &Millis) -> bool {
    *settle == two_seconds()
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn yes() -> bool {
    true
}
