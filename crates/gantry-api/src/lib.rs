//! What a supervisor and its clients say to each other, where they meet, and the client.
//!
//! The types here are wire types: plain records of words, numbers and times, versioned as a whole
//! by [`VERSION`], which is also the first part of every path (`/v1/…`). They are no domain types,
//! and nothing here knows how a service runs.
//!
//! - A field is only ever added, never given another meaning. Readers ignore what they do not know.
//! - Times are RFC 3339 in UTC. Durations carry their unit in their name (`_ms`, `_s`).
//! - A stream is one JSON object a line (`application/x-ndjson`).
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/health` | [`Health`] |
//! | `GET /v1/status?brief=&usage=` | [`Status`]; with `brief` without what a list of services does not show |
//! | `GET /v1/explain/{service}` | [`Explanation`] |
//! | `GET /v1/events?follow=&since=&tail=` | a stream of [`Event`] |
//! | `POST /v1/operations` with [`OperationRequest`] | a stream of [`Progress`], the last [`Progress::Ended`] |
//! | `POST /v1/reload` with [`ReloadRequest`] | [`ReloadReport`] |
//! | `GET /v1/attach/{service}?instance=&rows=&columns=&recent=` | frames both ways: [`attach`] |
//! | `GET /v1/history/{service}` | [`HistoryReport`] |
//! | `POST /v1/plan` with [`PlanRequest`] | [`Plan`] |
//!
//! Everything that goes wrong before a stream begins is an [`ErrorBody`] with a status of 4xx or 5xx.

pub mod attach;
mod brief;
pub mod client;
mod error;
mod event;
mod evidence;
mod explain;
mod failure;
mod given;
mod history;
pub mod home;
mod notes;
mod operation;
mod outcome;
mod plan;
mod progress;
mod reload;
mod state;
mod status;
mod usage;

pub use attach::{
    ATTACH, AttachFrame, AttachFrames, AttachOrder, AttachQuery, Attached, DialQuery, ExecCommand,
    ExecQuery,
};
pub use brief::{BriefInstance, BriefService, BriefStatus};
pub use error::{ErrorBody, ErrorCode};
pub use event::{Awaited, Event, EventKind, EventsQuery};
pub use evidence::{EvidenceFile, EvidenceReport};
pub use explain::{Cause, Explanation, NeededBy};
pub use failure::{Exit, Failure};
pub use given::GivenVariables;
pub use history::{HistoryReport, PastRevision};
pub use notes::{Notes, NotesReport};
pub use operation::{OperationKind, OperationOptions, OperationRequest};
pub use outcome::{Outcome, PreflightFailure, ResultWord, ServiceFailure, Unfinished};
pub use plan::{Plan, PlanRequest, Step};
pub use progress::Progress;
pub use reload::{ReloadReport, ReloadRequest, Reloaded};
pub use state::{Desired, State};
pub use status::{
    ChildStatus, Endpoint, Health, InstanceStatus, ServiceStatus, Status, StatusQuery, Supervisor,
};
pub use usage::{InstanceUsage, Usage, UsageReport};

/// The version of everything on the wire.
pub const VERSION: u32 = 1;
