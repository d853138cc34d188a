//! What a client asks a supervisor to do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::GivenVariables;

/// The body of `POST /v1/operations`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OperationRequest {
    /// The version of this format: [`crate::VERSION`].
    pub version: u32,
    /// What to do.
    pub kind: OperationKind,
    /// With which services; empty means those that a bare verb means: for `up` every service that
    /// starts by itself, for `down`, `stop`, `start` and `restart` all.
    #[serde(default)]
    pub services: Vec<String>,
    /// The resolved model of the stack, for `up`. It says nothing that is secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Box<RawValue>>,
    /// For `up`: what the environment has for the secrets of the model.
    #[serde(default, skip_serializing_if = "GivenVariables::is_empty")]
    pub given: GivenVariables,
    /// How to do it.
    #[serde(default)]
    pub options: OperationOptions,
}

/// The kinds of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationKind {
    /// Take over the model, start what should run, restart what changed, stop what left the file.
    Up,
    /// Stop everything, then end the supervisor.
    Down,
    /// Start services and what they depend on.
    Start,
    /// Stop services.
    Stop,
    /// Stop services, then start them.
    Restart,
    /// Take one service back to a revision that its backend keeps.
    Rollback,
}

impl OperationKind {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Rollback => "rollback",
        }
    }
}

/// How an operation is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that a user gives or not"
)]
pub struct OperationOptions {
    /// Whether dependents are stopped too.
    pub cascade: bool,
    /// Whether it is done although dependents run. For `down`: kill at once, without grace.
    pub force: bool,
    /// For `down`: whether data that backends keep for the stack goes too, such as volumes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub purge: bool,
    /// For `down`: whether images that were built for the stack go too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub images: bool,
    /// For `down`: whether volumes go too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub volumes: bool,
    /// Whether only the plan is told.
    pub dry_run: bool,
    /// Whether the stream goes on until everything has got there.
    pub wait: bool,
    /// How long to wait, in milliseconds; what has not got there by then is told and goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// For `up`: whether what services are made from is made anew (`true`), or never (`false`); if absent, what
    /// changed is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<bool>,
    /// For `start` and `restart` that are asked for again, since nobody answered: which start each instance was at when
    /// they were asked for first. One that has got further is only waited for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub seen: BTreeMap<String, u32>,
    /// For `rollback`: to which revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u32>,
    /// Whether the stack belongs to this connection: when the stream is closed from the client's
    /// side, also after [`crate::Progress::Ended`] was sent, the supervisor takes the stack down.
    /// Such a stream stays open after it.
    pub foreground: bool,
}

impl Default for OperationOptions {
    fn default() -> Self {
        Self {
            cascade: false,
            force: false,
            purge: false,
            images: false,
            volumes: false,
            dry_run: false,
            wait: true,
            timeout_ms: None,
            build: None,
            seen: BTreeMap::new(),
            back_to: None,
            foreground: false,
        }
    }
}
