//! Where a secret is found. The secret itself is never here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a secret is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Secret {
    /// In this variable of the environment that `up` was given.
    Env(String),
    /// In this file, without its last newline.
    File(String),
    /// In what this command prints, without its last newline.
    Command(Vec<String>),
}

/// What is printed in place of a secret.
pub const DOTS: &str = "•••";

/// Says where it is found, never what it is.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "{DOTS} (from the variable {name})"),
            Self::File(path) => write!(f, "{DOTS} (from the file {path})"),
            Self::Command(argv) => write!(f, "{DOTS} (from the command {})", argv.join(" ")),
        }
    }
}
