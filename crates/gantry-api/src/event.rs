//! What happened: one record a line.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::operation::OperationKind;
use crate::outcome::ResultWord;
use crate::state::State;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number, growing by one in the life of a stack, over restarts of the supervisor too.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// What kind of thing.
    pub kind: EventKind,
    /// The service it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The instance it is about: `service.number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The part of it that it is about, by the name that its backend has for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<String>,
    /// The state before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<State>,
    /// The state after; the same if only `ready` or the message is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<State>,
    /// Whether it is ready after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// The reason in one line; may be empty.
    #[serde(default)]
    pub message: String,
    /// What the service waits for now, if it came to wait or to be blocked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<Awaited>,
    /// The operation that asked for it, or that began or ended. Its numbers grow in the life of a stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// What that operation is, if it began or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_kind: Option<OperationKind>,
    /// How it ended, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultWord>,
    /// What failed, if it is a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Event {
    /// One of this kind, about nobody yet.
    pub fn new(kind: EventKind, at: Timestamp, message: impl Into<String>) -> Self {
        Self {
            sequence: 0,
            at,
            kind,
            service: None,
            instance: None,
            child: None,
            from: None,
            to: None,
            ready: None,
            message: message.into(),
            waits_for: Vec::new(),
            operation: None,
            operation_kind: None,
            result: None,
            failure: None,
        }
    }
}

/// Something that a service waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// The other service.
    pub service: String,
    /// The part of it, if not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// What it must be: `started`, `ready` or `completed`; `stopped`, if both cannot run at once.
    pub condition: String,
}

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A service went from one state to another, or became ready or not ready.
    Transition,
    /// The same of one instance of a service that has several.
    Instance,
    /// An operation began.
    OperationBegun,
    /// An operation ended.
    OperationEnded,
    /// A supervisor began to keep the stack.
    SupervisorBegun,
    /// An instance was told to read its configuration again.
    Reload,
    /// A backend told of something that happened to a part of a service. The time is the backend's, as exactly
    /// as it tells that; so such an event may be older than those before it.
    Backend,
    /// Something that someone should know.
    #[serde(other)]
    Note,
}

/// The query of `GET /v1/events`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsQuery {
    /// Whether the stream goes on with what happens from now on.
    #[serde(default)]
    pub follow: bool,
    /// Only events with a number greater than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Only so many of the last events that are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<usize>,
}
