//! What one stack file, with its imports, describes.

use camino::Utf8PathBuf;
use gantry_core::{ModeName, ServiceName};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use super::{Repository, Service, is_default};

/// The version of the model's JSON. A supervisor refuses a newer one than it knows.
pub const MODEL_VERSION: u32 = 1;

/// The whole of a stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stack {
    /// The version of this form: [`MODEL_VERSION`].
    pub version: u32,
    /// Its name.
    pub name: SmolStr,
    /// The stack file, absolute.
    pub file: Utf8PathBuf,
    /// The folder of the stack file, absolute: what relative paths begin at.
    pub dir: Utf8PathBuf,
    /// The default mode of services that offer several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ModeName>,
    /// The variables of `[vars]`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub vars: IndexMap<String, Value>,
    /// Its services, in the order of the file.
    #[serde(default)]
    pub services: IndexMap<ServiceName, Service>,
    /// Repositories of charts.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub repositories: IndexMap<SmolStr, Repository>,
    /// What services of a cluster have in common.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kubernetes: Defaults,
    /// Where templates are rendered to; a supervisor has no use for it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub render: Render,
}

/// Where templates are rendered to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Render {
    /// The build folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_dir: Option<Utf8PathBuf>,
    /// The template of the project's first file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Utf8PathBuf>,
    /// What templates see in place of the stack file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Utf8PathBuf>,
}

/// What services of a cluster have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Defaults {
    /// The context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<Utf8PathBuf>,
    /// The namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Contexts of clusters elsewhere that this stack may change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_contexts: Vec<String>,
    /// The command that is Helm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<Words>,
    /// Whether it is run by sudo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm_sudo: Option<bool>,
    /// The command that is kubectl.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubectl: Option<Words>,
    /// Whether that is run by sudo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubectl_sudo: Option<bool>,
}

/// The words of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Words {
    /// With blanks between them.
    Text(String),
    /// One by one.
    List(Vec<String>),
}

impl Words {
    /// One by one.
    pub fn split(&self) -> Vec<String> {
        match self {
            Self::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
            Self::List(words) => words.clone(),
        }
    }
}
