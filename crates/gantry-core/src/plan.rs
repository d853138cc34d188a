//! From what is to what should be: ordered steps, each with its reason.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::ids::{ModeName, ServiceName};

/// What is done with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing: it is as it should be.
    Keep,
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Stop it, then start it.
    Restart,
    /// Stop it, remove what the backend has of it, make it anew.
    Recreate,
    /// Change it while it runs.
    Update,
    /// Have more or fewer instances of it.
    Scale,
    /// Stop it and forget it.
    Remove,
}

impl Action {
    /// The word people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Recreate => "recreate",
            Self::Update => "update",
            Self::Scale => "scale",
            Self::Remove => "remove",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a step is what it is. Its `Display` is the `reason` that people and scripts see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It does not run.
    NotRunning,
    /// It has failed, and is tried again.
    HasFailed,
    /// It runs as it should.
    Unchanged,
    /// It is a job that ended well already.
    Completed,
    /// These fields differ; empty when only the digest says so.
    Changed(Vec<SmolStr>),
    /// It follows this service, which restarts.
    Follows(ServiceName),
    /// The file does not have it any more.
    LeftFile,
    /// It ran in one mode and should run in another.
    Mode {
        /// The mode it runs in.
        from: ModeName,
        /// The mode it should run in.
        to: ModeName,
    },
    /// It has so many instances and should have so many.
    Replicas {
        /// How many it has.
        from: u16,
        /// How many it should have.
        to: u16,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str("not running"),
            Self::HasFailed => f.write_str("failed before"),
            Self::Unchanged => f.write_str("runs and is unchanged"),
            Self::Completed => f.write_str("completed and is unchanged"),
            Self::Changed(fields) => match fields.as_slice() {
                [] => f.write_str("its specification changed"),
                [one] => write!(f, "its {one} changed"),
                [first, others @ .., last] => {
                    write!(f, "its {first}")?;
                    others.iter().try_for_each(|field| write!(f, ", {field}"))?;
                    write!(f, " and {last} changed")
                }
            },
            Self::Follows(name) => write!(f, "depends on {name}, which restarts"),
            Self::LeftFile => f.write_str("no longer in the file"),
            Self::Mode { from, to } => write!(f, "mode changed from {from} to {to}"),
            Self::Replicas { from, to } => write!(f, "replicas changed from {from} to {to}"),
        }
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// With which service.
    pub service: ServiceName,
    /// Why.
    pub reason: Reason,
}
