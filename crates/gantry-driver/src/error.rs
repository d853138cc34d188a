//! Errors of drivers.

use std::fmt;

use gantry_core::{Failure, FailureKind, Stage};
use smol_str::SmolStr;

/// Why a driver could not do something: at which step, of which kind, with what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverError {
    /// The step: `connect`, `pull`, `exec`.
    pub stage: SmolStr,
    /// What may be expected of trying again.
    pub kind: FailureKind,
    /// The reason in one line, lower case, without a final period.
    pub reason: String,
    /// What was seen: the backend's own words.
    pub evidence: Option<String>,
}

impl DriverError {
    /// An error of this kind.
    pub fn new(stage: impl Into<SmolStr>, kind: FailureKind, reason: impl Into<String>) -> Self {
        Self {
            stage: stage.into(),
            kind,
            reason: reason.into(),
            evidence: None,
        }
    }

    /// Trying again may help.
    pub fn transient(stage: impl Into<SmolStr>, reason: impl Into<String>) -> Self {
        Self::new(stage, FailureKind::Transient, reason)
    }

    /// Trying again cannot help.
    pub fn permanent(stage: impl Into<SmolStr>, reason: impl Into<String>) -> Self {
        Self::new(stage, FailureKind::Permanent, reason)
    }

    /// The backend cannot be reached.
    pub fn unreachable(stage: impl Into<SmolStr>, reason: impl Into<String>) -> Self {
        Self::new(stage, FailureKind::Unreachable, reason)
    }

    /// The thing belongs to someone else.
    pub fn not_ours(stage: impl Into<SmolStr>, reason: impl Into<String>) -> Self {
        Self::new(stage, FailureKind::NotOurs, reason)
    }

    /// The same with what was seen.
    #[must_use]
    pub fn with_evidence(mut self, evidence: impl Into<String>) -> Self {
        self.evidence = Some(evidence.into());
        self
    }

    /// The same as a service's failure in this part of its life.
    pub fn into_failure(self, stage: Stage) -> Failure {
        let mut failure = Failure::new(stage, self.reason).kind(self.kind);
        failure.step = Some(self.stage);
        failure.evidence = self.evidence;
        failure
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        if let Some(evidence) = &self.evidence {
            write!(f, ": {evidence}")?;
        }
        Ok(())
    }
}

impl std::error::Error for DriverError {}

/// A specification that a driver cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct SpecError {
    /// The field, with dots; empty if none is known.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl SpecError {
    /// This is wrong with that field.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl From<SpecError> for DriverError {
    fn from(error: SpecError) -> Self {
        Self::permanent("specification", error.to_string())
    }
}
