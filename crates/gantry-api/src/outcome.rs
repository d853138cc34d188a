//! How an operation ended.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::state::State;

/// The end of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// In one word.
    pub result: ResultWord,
    /// The exit code that a client ends with.
    pub exit_code: u8,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
    /// The services that got there.
    #[serde(default)]
    pub services: Vec<String>,
    /// The services that failed, root causes first.
    #[serde(default)]
    pub failures: Vec<ServiceFailure>,
    /// The services that had not got there when the time was over.
    #[serde(default)]
    pub unfinished: Vec<Unfinished>,
    /// What was missing before the start.
    #[serde(default)]
    pub preflight: Vec<PreflightFailure>,
    /// Why nothing was begun, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What to do about it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Outcome {
    /// An outcome of this kind without anything to list.
    pub fn new(result: ResultWord) -> Self {
        Self {
            result,
            exit_code: result.exit_code(),
            duration_ms: 0,
            services: Vec::new(),
            failures: Vec::new(),
            unfinished: Vec::new(),
            preflight: Vec::new(),
            refusal: None,
            hint: None,
        }
    }
}

/// An outcome in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultWord {
    /// All was reached.
    Done,
    /// Something failed.
    Failed,
    /// Nothing failed, but something was not ready in time.
    NotReady,
    /// A check before the start found something missing; nothing was begun.
    Preflight,
    /// It may not be done now; nothing was begun.
    Refused,
    /// Another operation or the client cancelled it.
    Cancelled,
}

impl ResultWord {
    /// The exit code that goes with it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed | Self::Refused | Self::Cancelled => 1,
            Self::Preflight => 3,
            Self::NotReady => 4,
        }
    }
}

/// A service that did not get there because something failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceFailure {
    /// The service.
    pub service: String,
    /// The state it is in.
    #[serde(default)]
    pub state: State,
    /// What failed. For a service that is blocked its stage is `dependency`.
    pub failure: Failure,
}

/// A service that did not get there in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// The service.
    pub service: String,
    /// The state it is in.
    pub state: State,
    /// The services that it waits for.
    #[serde(default)]
    pub waits_for: Vec<String>,
    /// What is missing, in one line: what its probe saw last, what it waits for.
    pub message: String,
    /// The last lines of its output, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<String>,
}

/// Something that must be there before a service can start, and is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightFailure {
    /// The service that needs it; none if it concerns the whole stack.
    #[serde(default)]
    pub service: Option<String>,
    /// The check that found it: `program`, `port`, `conflict`, `path`.
    pub check: String,
    /// What is missing, in one line.
    pub message: String,
    /// What to do about it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
