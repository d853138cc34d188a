//! Layers: who says what, and who wins.
//!
//! Lowest first: imports in order, the file, `--file` again, the environment (`GANTRY_…__…`),
//! flags. Mappings merge; lists and scalars replace; `!reset` (an empty list in TOML) means none.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use assign::{assignment, environment};
pub use merge::{merge, without_resets};

mod assign;
mod merge;
#[cfg(test)]
mod tests;
pub(crate) mod values;

/// Where a value came from, lowest first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Nobody wrote it.
    #[default]
    Default,
    /// A file that another one imports.
    Import,
    /// The stack file.
    File,
    /// A further `--file`.
    Override,
    /// A variable `GANTRY_…`.
    Environment,
    /// A flag.
    Flag,
}

impl Layer {
    /// As `config show --origins` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Import => "import",
            Self::File => "file",
            Self::Override => "override",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
