//! What a supervisor tells while an operation goes on.

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::outcome::{Outcome, PreflightFailure};
use crate::plan::Step;

/// One record of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Progress {
    /// The operation was taken on. The first record.
    Begun {
        /// Its number.
        operation: u64,
        /// What will be done, in order; with [`crate::OperationOptions::dry_run`] all there is.
        steps: Vec<Step>,
        /// The services that the operation waits for.
        services: Vec<String>,
    },
    /// A check before the start found something. All are told before [`Progress::Ended`] repeats
    /// those that prevent the start.
    Preflight {
        /// What was found.
        failure: PreflightFailure,
    },
    /// Something happened to a service of this operation. Where `from` and `to` are the same, and so is `ready`, there is only
    /// something else to be said of it: what a probe saw last, what a stop meets with. Such a one is in no log of events.
    Event {
        /// What.
        event: Box<Event>,
    },
    /// Something that whoever waits should know.
    Note {
        /// What, in one line.
        message: String,
    },
    /// The operation ended. The last record, exactly one.
    Ended {
        /// How.
        outcome: Outcome,
    },
}
