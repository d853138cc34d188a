//! What a supervisor answers when it cannot do what was asked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The body of every answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What kind of error.
    pub code: ErrorCode,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do about it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The kinds of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// There is no such service or path (404).
    NotFound,
    /// The request makes no sense (400).
    Invalid,
    /// The request makes sense, but not now (409).
    Conflict,
    /// The request is of a version that this supervisor does not speak (400).
    Version,
    /// The supervisor is going down (503).
    Leaving,
    /// A bug of the supervisor (500).
    #[serde(other)]
    Internal,
}

impl ErrorCode {
    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Invalid | Self::Version => 400,
            Self::Conflict => 409,
            Self::Leaving => 503,
            Self::Internal => 500,
        }
    }
}

impl fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
