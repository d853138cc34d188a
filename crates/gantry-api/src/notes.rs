//! What services tell their users once they are there: how to log in, where to look.

use serde::{Deserialize, Serialize};

/// The body of `GET /v1/notes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotesReport {
    /// One for each instance that has something to tell, by service.
    pub notes: Vec<Notes>,
}

/// What one instance tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Its service.
    pub service: String,
    /// What it is made of, as in `web-1.2.3`.
    pub of: String,
    /// Its text, as whoever made it wrote it.
    pub text: String,
}
