//! What this machine offers a mode, whatever a stack needs of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use crate::HostJobs;

/// What a survey is made with.
#[derive(Clone, Copy)]
pub struct Surveyor<'a> {
    /// The specifications of a stack's services in this mode, with their references not resolved; none if there
    /// is no stack.
    pub specs: &'a [&'a Value],
    /// The environment that an `up` would be given.
    pub environment: &'a BTreeMap<String, String>,
    /// The way to run commands on this machine.
    pub host: &'a Arc<dyn HostJobs>,
}

impl fmt::Debug for Surveyor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surveyor")
            .field("specs", &self.specs.len())
            .finish_non_exhaustive()
    }
}

/// One thing that a mode is made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Offer {
    /// What it is, in one or two words.
    pub part: SmolStr,
    /// Which of several a stack file or a variable chooses, where there is such a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<SmolStr>,
    /// Whether it is there.
    pub standing: Standing,
    /// What is there, or what is not, in one line.
    pub found: String,
    /// Why it is this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// All that was looked at, in the order of preference, where there is more than one possibility.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// What to do about what lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Whether something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is.
    Good,
    /// Not all of it; what there is can be used.
    Partly,
    /// It is not.
    Missing,
}

impl Standing {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Partly => "partly",
            Self::Missing => "missing",
        }
    }
}

/// One possibility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Candidate {
    /// Its name, or where it is.
    pub name: String,
    /// Whether it was taken.
    pub chosen: bool,
    /// What it is, or why it was passed over.
    pub found: String,
}
