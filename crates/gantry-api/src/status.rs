//! The state of a stack: the body of `GET /v1/status`, and what `status -o json` prints.

use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};
use crate::state::{Desired, State};
use crate::usage::Usage;

/// One stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The version of this format: [`crate::VERSION`].
    pub version: u32,
    /// The stack's name.
    pub stack: String,
    /// Its stack file, absolute.
    pub file: Utf8PathBuf,
    /// Its supervisor; null when none runs, and then every service is stopped.
    pub supervisor: Option<Supervisor>,
    /// Instances that run although the plan of the stack was lost, so that nothing else is known of
    /// them: `up` takes them over, `down` stops them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strays: Vec<String>,
    /// Its services, in start order.
    pub services: Vec<ServiceStatus>,
}

/// The process that keeps a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervisor {
    /// Its process.
    pub pid: u32,
    /// The version of gantry that it is.
    pub version: String,
    /// When it began.
    pub since: Timestamp,
}

/// One service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// What the stack file says that it is; empty if nothing.
    pub description: String,
    /// The mode that it runs in.
    pub mode: String,
    /// Whether it is a job, which is meant to end.
    pub job: bool,
    /// Its state.
    pub state: State,
    /// What someone asked for last.
    pub desired: Desired,
    /// Which specification is wanted; counts from 1, 0 before the first start.
    pub revision: u32,
    /// Whether all wanted instances are ready.
    pub ready: bool,
    /// Whether all wanted instances are up and no liveness probe of theirs has failed.
    pub live: bool,
    /// The process of its instance, if it has exactly one that runs.
    pub pid: Option<u32>,
    /// Its instances.
    pub instances: Vec<InstanceStatus>,
    /// Restarts of all its instances, not counting those that someone asked for.
    pub restarts: u32,
    /// When the oldest of its running instances began.
    pub started_at: Option<Timestamp>,
    /// Seconds since then.
    pub uptime_s: Option<f64>,
    /// The services that it depends on, or parts of them (`service/part`).
    pub depends_on: Vec<String>,
    /// The services, or parts of them, whose condition it still waits for.
    pub waits_for: Vec<String>,
    /// The service whose failure or stop blocks it: the root of the chain.
    pub blocked_by: Option<String>,
    /// Where it can be reached from this machine.
    pub endpoints: Vec<Endpoint>,
    /// The state's reason in one line; empty when there is nothing to add to the state.
    pub message: String,
    /// Its last failure, as long as it matters.
    pub failure: Option<Failure>,
    /// The parts that its backend shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<ChildStatus>,
    /// What its instances have used together, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// One instance of a service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceStatus {
    /// `service.number`, counted from 1.
    pub id: String,
    /// Its state.
    pub state: State,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it is up and its liveness probe, if any, has not failed.
    pub live: bool,
    /// Its process.
    pub pid: Option<u32>,
    /// When its last start began to run.
    pub started_at: Option<Timestamp>,
    /// How often it was started again after it ended by itself.
    pub restarts: u32,
    /// How it last ended.
    pub exit: Option<Exit>,
    /// Which start of it this is; 0 before the first.
    pub generation: u32,
    /// When the next start is due, in `backoff`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// How it is known which processes belong to it: `cgroup`, `lineage`, `marker`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub membership: Option<String>,
    /// Whether gantry's processes that keep it were killed since it was started: its exit may remain
    /// unknown. It is guarded again from its next start.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unguarded: bool,
    /// The state's reason in one line; empty when there is nothing to add to the state.
    pub message: String,
    /// What was asked for and could not be had, each with the reason: limits that were not applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What it has used, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// What a status is to contain: the query of `GET /v1/status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusQuery {
    /// Whether what the services have used is read for it.
    #[serde(default)]
    pub usage: bool,
    /// Whether what a list of services does not show is left out; see [`crate::BriefStatus`].
    #[serde(default)]
    pub brief: bool,
}

/// One way to reach a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The name of the port.
    pub name: String,
    /// Where: `http://127.0.0.1:7870`, `tcp://127.0.0.1:5432`.
    pub url: String,
    /// The instance that answers there, if the service has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// A part of a service that its backend shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildStatus {
    /// Its name.
    pub name: String,
    /// The backend's word for its state.
    pub state: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it ended well, and was meant to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub completed: bool,
    /// What is wrong with it, if something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// That a supervisor answers: the body of `GET /v1/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The version of the wire: [`crate::VERSION`].
    pub version: u32,
    /// The stack's name.
    pub stack: String,
    /// Who answers.
    pub supervisor: Supervisor,
}
