//! Parts of a service that its backend shows.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The name of a part, as in `stack/db`: what stands after the `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChildName(SmolStr);

impl ChildName {
    /// A part of this name.
    pub fn new(name: impl AsRef<str>) -> Self {
        Self(SmolStr::new(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChildName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How a part is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildStatus {
    /// Which part.
    pub name: ChildName,
    /// The backend's own word for its state; `None` when it is gone.
    pub state: Option<SmolStr>,
    /// Whether it has been started: it runs, or has ended.
    pub started: bool,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it ended well and was meant to.
    pub completed: bool,
    /// What is wrong with it, if something is.
    pub message: Option<String>,
}
