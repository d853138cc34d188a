//! How the output of a service is kept.

use gantry_core::Millis;
use serde::{Deserialize, Serialize};

/// What happens when output comes faster than it can be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// The service is held back; nothing is lost.
    #[default]
    Block,
    /// Lines are dropped and counted in the log.
    Drop,
}

/// The `logs` of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Logs {
    /// The size in bytes at which a file is rotated.
    pub max_size: u64,
    /// The age of its first line at which a file is rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Millis>,
    /// How many rotated files are kept.
    pub keep: u32,
    /// The size in bytes of all rotated files together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total: Option<u64>,
    /// Whether rotated files are compressed.
    pub compress: bool,
    /// What happens when output comes faster than it can be written.
    pub overflow: Overflow,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            max_size: 10 << 20,
            max_age: None,
            keep: 5,
            max_total: None,
            compress: false,
            overflow: Overflow::Block,
        }
    }
}
