//! What the core must know of a service, and nothing of how it runs.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use crate::hook::Hook;
use crate::ids::{Digest, Millis, ModeName, ServiceName};
use crate::restart::RestartPolicy;

/// What a dependent waits for.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// It has been started, ready or not.
    Started,
    /// It is ready: its probes pass, or it is started and has none.
    #[default]
    Ready,
    /// It is a job and ended well.
    Completed,
}

impl Condition {
    /// The word used in stack files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Completed => "completed",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The file, as the user would name it.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One edge of the graph, kept by the service that depends.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dependency {
    /// The service that is needed.
    pub on: ServiceName,
    /// The part of it that is needed, if not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<SmolStr>,
    /// What is waited for.
    #[serde(default)]
    pub condition: Condition,
    /// Whether the dependent must restart when the plan restarts what it depends on, for example
    /// because it was started with an address that will change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follow: bool,
    /// Where the edge was written, for the message about a cycle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

impl Dependency {
    /// What is needed, as it is written: `service` or `service/part`.
    pub fn name(&self) -> SmolStr {
        part_name(&self.on, self.part.as_ref())
    }

    /// An edge to `on` that waits for `condition`.
    pub fn new(on: ServiceName, condition: Condition) -> Self {
        Self {
            on,
            part: None,
            condition,
            follow: false,
            origin: None,
        }
    }
}

/// `service`, or `service/part`.
pub fn part_name(service: &ServiceName, part: Option<&SmolStr>) -> SmolStr {
    match part {
        Some(part) => format_smolstr!("{service}/{part}"),
        None => SmolStr::new(service.as_str()),
    }
}

/// Whether a service stays or ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It is meant to stay.
    #[default]
    Service,
    /// It is meant to end; `up` waits until it completed. It is never ready.
    Job,
}

/// One service as the core sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// Its name.
    pub name: ServiceName,
    /// The mode it runs in. Only compared and printed.
    pub mode: ModeName,
    /// The keyed hash of all that a driver would be given. Equal digests mean: not changed.
    pub digest: Digest,
    /// Whether it stays or ends.
    pub kind: Kind,
    /// Whether a bare `up` starts it.
    pub auto_start: bool,
    /// Breaks ties among services that may start together; the position in the list breaks the rest.
    pub order: i32,
    /// How many instances there should be.
    pub replicas: u16,
    /// Whether readiness is reported by [`crate::Event::Ready`] (a startup or readiness probe, or
    /// the backend). If not, an instance is ready as soon as it is started.
    pub probed_ready: bool,
    /// Whether a liveness probe is to be watched once it is up.
    pub probed_live: bool,
    /// Until ready (for a job: until started); then failed.
    pub start_timeout: Millis,
    /// How it is started again.
    pub restart: RestartPolicy,
    /// What it needs.
    pub depends_on: Vec<Dependency>,
    /// Which services may not be up together with it. Symmetric: one side is enough.
    pub conflicts_with: Vec<ServiceName>,
    /// The hooks that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<Hook>,
}

impl ServiceSpec {
    /// A service of this name with the defaults of a stack file, one replica and no probes.
    pub fn new(name: ServiceName, mode: ModeName) -> Self {
        Self {
            name,
            mode,
            digest: Digest::default(),
            kind: Kind::Service,
            auto_start: true,
            order: 0,
            replicas: 1,
            probed_ready: false,
            probed_live: false,
            start_timeout: Millis::seconds(60),
            restart: RestartPolicy::default(),
            depends_on: Vec::new(),
            conflicts_with: Vec::new(),
            hooks: Vec::new(),
        }
    }

    /// Whether an instance of this specification may go on under the other: same digest, mode, kind.
    pub fn runs_like(&self, other: &Self) -> bool {
        self.digest == other.digest && self.mode == other.mode && self.kind == other.kind
    }
}

/// For a field that is an `Arc<ServiceSpec>`: whoever keeps a specification beside the world keeps the same one. It is
/// written as any other, and read as one of its own.
pub mod shared {
    use std::sync::Arc;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::ServiceSpec;

    /// Write it.
    pub fn serialize<S: Serializer>(
        spec: &Arc<ServiceSpec>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        ServiceSpec::serialize(spec, serializer)
    }

    /// Read it.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<ServiceSpec>, D::Error> {
        ServiceSpec::deserialize(deserializer).map(Arc::new)
    }
}
