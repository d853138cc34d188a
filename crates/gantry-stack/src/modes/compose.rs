//! A Compose project, or part of one.

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::container::auto;

/// `[services.NAME.compose]`, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ComposeSpec {
    /// Its files, absolute, each over the ones before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Utf8PathBuf>,
    /// In place of files: what they are rendered from. A driver never sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateSpec>,
    /// A sum over what a template became. Nobody writes it: while it stays, the containers need not be made anew, whatever
    /// other files of the project come and go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendered_files: Option<String>,
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
    /// Which engine runs it: `auto`, `docker`, `podman`, or an address.
    #[serde(default = "auto")]
    pub engine: String,
    /// Whether images are built before every start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub build: bool,
    /// When images are fetched.
    #[serde(default)]
    pub pull: Pull,
    /// Whether containers of services that the files no longer have are removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove_orphans: bool,
    /// Whether Compose's own view of its containers counts for readiness.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub wait: bool,
}

/// What a Compose file is rendered from, and what goes into the build folder with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TemplateSpec {
    /// The template, absolute.
    pub file: Utf8PathBuf,
    /// Whether the stack's `src` is copied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub copy_src: bool,
    /// What is not copied from `src`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Further folders and files to copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_dirs: Vec<Copy>,
    /// Whether templates of kernels are rendered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kernel_templates: bool,
    /// What the stack's own configuration is called in the build folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

/// A folder or file that is copied into the build folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Copy {
    /// Where it comes from, absolute.
    pub source: Utf8PathBuf,
    /// Where it goes, below the service's build folder.
    pub to: Utf8PathBuf,
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

impl Pull {
    /// The word that Compose has for it; none where it is left to the files.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Policy => None,
            Self::Missing => Some("missing"),
            Self::Always => Some("always"),
            Self::Never => Some("never"),
        }
    }
}

fn yes() -> bool {
    true
}
