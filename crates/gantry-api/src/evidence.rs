//! What backends know of services, for one who looks afterwards.

use serde::{Deserialize, Serialize};

/// The body of `GET /v1/evidence`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceReport {
    /// Files, by service.
    pub files: Vec<EvidenceFile>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceFile {
    /// Of which service.
    pub service: String,
    /// What it is called, below the service's folder.
    pub path: String,
    /// What is in it. Nothing secret is.
    pub text: String,
}
