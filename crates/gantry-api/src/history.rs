//! What services have been in their backends, and whereto one can go back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The body of `GET /v1/history/{service}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryReport {
    /// The service.
    pub service: String,
    /// Its revisions that are kept, oldest first.
    pub revisions: Vec<PastRevision>,
}

/// One revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRevision {
    /// Its number: it grows with each.
    pub number: u32,
    /// What became of it, in the words of the backend: `deployed`, `superseded`, `failed`.
    pub state: String,
    /// Whether it is the one that counts now.
    pub current: bool,
    /// Whether one can go back to it: it worked once.
    pub worked: bool,
    /// When it was made, or came to its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What it is made of, as in `web-1.2.3`.
    pub of: String,
    /// The version of what is in that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// What the backend says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl HistoryReport {
    /// The revision before the one that counts: the newest that worked.
    pub fn previous(&self) -> Option<&PastRevision> {
        let current = self.revisions.iter().rfind(|one| one.current);
        let limit = current.map_or(u32::MAX, |current| current.number);
        let mut before = self.revisions.iter();
        before.rfind(|one| one.worked && one.number < limit)
    }
}
