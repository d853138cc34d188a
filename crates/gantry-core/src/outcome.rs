//! How an operation ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::{OperationId, ServiceName};

/// The end of an operation in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// All was reached.
    Done,
    /// Something failed; see the failures.
    Failed,
    /// Nothing failed, but something was not ready in its `start-timeout` or in the operation's time.
    NotReady,
    /// Nothing was begun; see the refusal.
    Refused,
    /// Someone cancelled it, or asked for the contrary meanwhile.
    Cancelled,
}

/// Why nothing was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// There is no such service.
    NoSuchService(ServiceName),
    /// There is no such operation, or it has ended.
    NoSuchOperation(OperationId),
    /// These depend on what should stop, and run.
    DependentsRun {
        /// What should stop.
        service: ServiceName,
        /// Those that run.
        dependents: Vec<ServiceName>,
    },
    /// These two may not be up together.
    Conflict {
        /// What should start.
        service: ServiceName,
        /// What is up, or should be.
        with: ServiceName,
    },
    /// The model is not a graph without cycles, or names what it does not have.
    Model(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchService(name) => write!(f, "there is no service {name}"),
            Self::NoSuchOperation(id) => write!(f, "there is no operation {id} under way"),
            Self::DependentsRun {
                service,
                dependents,
            } => {
                write!(f, "{service} is needed by ")?;
                for (position, name) in dependents.iter().enumerate() {
                    write!(f, "{}{name}", if position == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::Conflict { service, with } => {
                write!(f, "{service} cannot be up together with {with}")
            }
            Self::Model(reason) => f.write_str(reason),
        }
    }
}

/// One service that did not get there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFailure {
    /// The service.
    pub service: ServiceName,
    /// Why.
    pub cause: Failure,
}

/// How an operation ended, with all that did not go well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// In one word.
    pub kind: OutcomeKind,
    /// Services that failed, are blocked, or resist; in start order.
    pub failures: Vec<ServiceFailure>,
    /// Services that had not got there when the time was over or the operation was cancelled.
    pub unfinished: Vec<ServiceName>,
    /// Why nothing was begun, if that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

impl Outcome {
    /// An outcome of this kind without anything to list.
    pub fn new(kind: OutcomeKind) -> Self {
        Self {
            kind,
            failures: Vec::new(),
            unfinished: Vec::new(),
            refusal: None,
        }
    }
}
