//! Where something was written.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The file, as messages name it.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Origin {
    /// The place as the core keeps it.
    pub fn to_core(&self) -> gantry_core::Origin {
        gantry_core::Origin {
            file: Arc::clone(&self.file),
            line: self.line,
        }
    }
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            file: Arc::from(""),
            line: 0,
            column: 0,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
