//! What went wrong: where, why, and what was seen.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitStatus {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// Nobody could wait for it, for this reason. Never a made-up number.
    Unknown(SmolStr),
    /// It, or a part without which it failed, was killed for want of memory.
    OutOfMemory {
        /// The limit that it had reached, in words; without one it was the machine's memory.
        limit: Option<SmolStr>,
        /// The code that it returned because of that, if it was not killed itself.
        code: Option<i32>,
    },
}

impl ExitStatus {
    /// The same as a sentence without its subject: `ended with exit code 3`, `killed by SIGSEGV`.
    pub fn sentence(&self) -> SmolStr {
        match self {
            Self::Signal(_) => smol_str::format_smolstr!("killed by {self}"),
            Self::Code(_) => smol_str::format_smolstr!("ended with {self}"),
            Self::Unknown(reason) => smol_str::format_smolstr!("ended, exit unknown: {reason}"),
            Self::OutOfMemory { limit, code } => {
                let limit = limit.as_deref().map(|limit| format!("limit {limit}"));
                let limit = limit.as_deref().unwrap_or("the machine's");
                match code {
                    None => smol_str::format_smolstr!("killed for want of memory ({limit})"),
                    Some(code) => smol_str::format_smolstr!(
                        "ended with exit code {code}: a part of it was killed for want of memory ({limit})"
                    ),
                }
            }
        }
    }

    /// Whether it ended well, which only the code 0 says.
    pub fn success(&self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => f.write_str(&crate::signal::name(*signal)),
            Self::Unknown(reason) => write!(f, "exit unknown: {reason}"),
            Self::OutOfMemory { code: None, .. } => f.write_str("out of memory"),
            Self::OutOfMemory {
                code: Some(code), ..
            } => write!(f, "exit code {code}, out of memory"),
        }
    }
}

/// The part of a service's life in which a failure happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A prerequisite was missing before anything was started.
    Preflight,
    /// The start itself failed; [`Failure::step`] names the step.
    Start,
    /// It did not become ready in `start-timeout`.
    Ready,
    /// It ran, and ended when it should not have, or ended badly.
    Run,
    /// It ended badly too often: the ceiling of its restart policy.
    CrashLoop,
    /// Its liveness probe failed.
    Live,
    /// Putting a new revision in place failed.
    Update,
    /// It resists being stopped.
    Stop,
    /// Something that it needs has failed or is stopped.
    Dependency,
    /// Another operation asked for the opposite.
    Superseded,
}

impl Stage {
    /// The word used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Start => "start",
            Self::Ready => "ready",
            Self::Run => "run",
            Self::CrashLoop => "crash-loop",
            Self::Live => "live",
            Self::Update => "update",
            Self::Stop => "stop",
            Self::Dependency => "dependency",
            Self::Superseded => "superseded",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What may be expected of trying again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Trying again may help: the restart policy decides.
    #[default]
    Transient,
    /// Trying again cannot help: the program does not exist, the specification is refused.
    Permanent,
    /// The backend could not be reached, so nothing is known about the instance.
    Unreachable,
    /// The thing exists and belongs to someone else: it is not touched.
    NotOurs,
}

/// One failure with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Where in the life of the service.
    pub stage: Stage,
    /// What may be expected of trying again.
    #[serde(default)]
    pub kind: FailureKind,
    /// The reason in one line, lower case, without a final period.
    pub reason: SmolStr,
    /// The step inside the stage, where the driver knows one: `exec`, `changing to the folder`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<SmolStr>,
    /// What was seen last: a probe's answer, a condition of the backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// How it ended, if it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<ExitStatus>,
    /// The last lines of its output, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<String>,
}

impl Failure {
    /// A transient failure in `stage` for `reason`, without evidence yet.
    pub fn new(stage: Stage, reason: impl Into<SmolStr>) -> Self {
        Self {
            stage,
            kind: FailureKind::Transient,
            reason: reason.into(),
            step: None,
            evidence: None,
            exit: None,
            tail: Vec::new(),
        }
    }

    /// The same, of another kind.
    #[must_use]
    pub fn kind(mut self, kind: FailureKind) -> Self {
        self.kind = kind;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        if let Some(step) = &self.step {
            write!(f, " ({step})")?;
        }
        if let Some(evidence) = &self.evidence {
            write!(f, ": {evidence}")?;
        }
        Ok(())
    }
}
