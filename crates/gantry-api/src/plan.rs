//! What an operation would do.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::GivenVariables;

/// The body of `POST /v1/plan`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanRequest {
    /// The version of this format: [`crate::VERSION`].
    pub version: u32,
    /// The services that `up` would be given; empty for those that start by themselves.
    #[serde(default)]
    pub services: Vec<String>,
    /// The resolved model of the stack.
    pub model: Box<RawValue>,
    /// What the environment has for the secrets of the model.
    #[serde(default, skip_serializing_if = "GivenVariables::is_empty")]
    pub given: GivenVariables,
}

/// What would be done, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What is done: `keep`, `start`, `stop`, `restart`, `recreate`, `update`, `scale`, `remove`.
    pub action: String,
    /// With which service.
    pub service: String,
    /// Why, in one line.
    pub reason: String,
}
