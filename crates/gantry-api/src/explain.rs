//! Why a service is as it is.

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::failure::Failure;
use crate::state::State;
use crate::status::{ChildStatus, ServiceStatus};

/// The body of `GET /v1/explain/{service}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The version of this format: [`crate::VERSION`].
    pub version: u32,
    /// The service that was asked about, as `status` shows it.
    pub service: ServiceStatus,
    /// The causes, from the service itself (depth 0) down to the roots, parents before children.
    /// Only those that keep it from being ready; only itself if it is ready.
    pub chain: Vec<Cause>,
    /// What happened to these services last, oldest first.
    #[serde(default)]
    pub events: Vec<Event>,
    /// The last lines of output of the service, or of the root cause, oldest first.
    #[serde(default)]
    pub tail: Vec<String>,
    /// The part that was asked about, if it was not the whole service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<ChildStatus>,
    /// The service, or the part of one, whose output `tail` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail_of: Option<String>,
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The service.
    pub service: String,
    /// How far from the service that was asked about: 0 for itself.
    pub depth: u32,
    /// Who needs it, one nearer to the question.
    #[serde(default)]
    pub needed_by: Option<NeededBy>,
    /// Its state.
    pub state: State,
    /// Whether it is ready.
    pub ready: bool,
    /// The state's reason in one line.
    pub message: String,
    /// What failed, if something did.
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// Who needs a service, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededBy {
    /// The dependent.
    pub service: String,
    /// The part that it needs, if not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// What it waits for: `started`, `ready`, `completed`.
    pub condition: String,
}
