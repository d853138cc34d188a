//! What an instance of the mock driver does.

use std::time::Duration;

use gantry_core::FailureKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use crate::{Ports, SpecError};

/// What an instance of the mock driver does. All times are milliseconds. An empty specification
/// starts at once, runs for ever, and stops at once when asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct MockSpec {
    /// It ends by itself after this time.
    pub run_for: Option<u64>,
    /// The code with which it ends by itself.
    pub exit_code: i32,
    /// The signal by which it ends by itself, instead of with a code.
    pub exit_signal: Option<i32>,
    /// Starting takes this long.
    pub start_delay: u64,
    /// Starting fails for this reason.
    pub start_error: Option<String>,
    /// What kind of failure that is.
    pub start_error_kind: FailureKind,
    /// Only so many starts fail with `start-error`, then they succeed; 0 means all.
    pub start_errors: u32,
    /// Stopping takes this long.
    pub stop_delay: u64,
    /// It does not care when asked to stop, until it is killed after its grace.
    pub ignore_stop: bool,
    /// Being killed takes this long, and is reported as resisted meanwhile.
    pub resist_kill: u64,
    /// The backend says that it is ready after this time.
    pub ready_after: Option<u64>,
    /// The backend says that it is not ready any more this long after it was.
    pub unready_after: Option<u64>,
    /// The backend says after this time that it will never be ready.
    pub doomed_after: Option<u64>,
    /// Parts that are known from the start.
    pub children: Vec<SmolStr>,
    /// Parts that show later.
    pub late_children: Vec<LateChild>,
    /// When it ends, the backend starts it again after this time.
    pub restarts_itself: Option<u64>,
    /// Services of one group have one target: they share a session, and are unreachable together.
    pub group: SmolStr,
    /// The network that it is in; the host, if it has none.
    pub network: Option<SmolStr>,
    /// Ports of this machine that lead to its own.
    pub publish: Option<Ports>,
    /// What it prints when it starts, line by line.
    pub lines: Vec<String>,
    /// Whether it can be joined: it answers each line `X` with `got X`, and ends with code 7 at `end`.
    pub answers: bool,
    /// What it prints as errors before it ends by itself.
    pub last_words: Vec<String>,
    /// Changes of it in place fail for this reason.
    pub update_error: Option<String>,
    /// Files that must be there.
    pub needs: Vec<String>,
    /// A field whose change takes nothing.
    pub note: Option<String>,
    /// A field that can be changed while it runs.
    pub setting: Option<String>,
    /// A field whose change takes making it anew.
    pub image: Option<String>,
}

/// A part that shows later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LateChild {
    /// Its name.
    pub name: SmolStr,
    /// How long after the start.
    pub after: u64,
}

impl MockSpec {
    /// Reads one.
    pub fn read(value: &Value) -> Result<Self, SpecError> {
        // Serde would take a list for the fields in their order.
        if !value.is_object() {
            return Err(SpecError::new("", "expected a table"));
        }
        Self::deserialize(value).map_err(|error| SpecError::new("", error.to_string()))
    }

    /// The same as the value that a stack file would give.
    pub fn to_value(&self) -> Value {
        // Plain data with text keys always serialises.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
