//! Telling services to read their configuration again.

use serde::{Deserialize, Serialize};

/// The body of `POST /v1/reload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadRequest {
    /// The services; if empty, all that run and can be told.
    #[serde(default)]
    pub services: Vec<String>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReloadReport {
    /// Every instance that was told, in start order.
    pub instances: Vec<Reloaded>,
}

/// One instance that was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reloaded {
    /// `service.number`, counted from 1.
    pub id: String,
    /// Its service.
    pub service: String,
    /// How: the signal's name, or the command's first word.
    pub how: String,
    /// Why it did not work; null if it did, as far as the service tells.
    #[serde(default)]
    pub error: Option<String>,
    /// How long it took.
    #[serde(default)]
    pub duration_ms: u64,
}
