//! What a mode can do, as data.

use serde::{Deserialize, Serialize};

/// Who sees to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// gantry: the driver only reports and obeys.
    Gantry,
    /// The backend: gantry watches and shows what it does.
    Backend,
    /// Nobody: the mode has no such thing.
    Nobody,
}

/// A power that not every backend has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// Run a command with a terminal in an instance.
    Exec,
    /// Join an instance's own input and output.
    Attach,
    /// Open connections to a port of an instance.
    Dial,
    /// Show the files that are generated.
    Render,
    /// Show what would change in the backend.
    Preview,
    /// Tell the revisions that an instance has had, and go back to one.
    History,
}

/// What a mode can do. Plan, engine and the conformance suite decide by it without trying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and all combinations exist"
)]
pub struct Capabilities {
    /// Whether gantry starts and stops it at all; if not, requests end at once and probes decide.
    pub manages: bool,
    /// Who starts an instance again that ended.
    pub restart: Owner,
    /// Who acts when an instance is alive but does not work.
    pub liveness: Owner,
    /// Who keeps several copies. [`Owner::Backend`]: the world has one instance, its copies are
    /// children.
    pub replicas: Owner,
    /// Who decides whether an instance is ready. [`Owner::Backend`] sends
    /// [`DriverEvent::Ready`](crate::DriverEvent::Ready); probes of the stack file count on top.
    pub readiness: Owner,
    /// Whether a specification may be changed while it runs.
    pub update_in_place: bool,
    /// Whether a service has parts that the backend shows.
    pub children: bool,
    /// Whether exit statuses are known.
    pub exit_status: bool,
    /// Whether instances run on this machine, so that ports are drawn from its ledger.
    pub local_ports: bool,
    /// Whether output can be read.
    pub logs: bool,
    /// Whether commands can be run beside or inside an instance.
    pub jobs: bool,
    /// Whether a stop has a signal and a grace period that the stack file sets.
    pub stop_policy: bool,
    /// Whether it makes something itself that instances are made from, which may differ though nothing in the stack
    /// file does.
    #[serde(default)]
    pub makes: bool,
    /// Whether others can change in the backend what runs, and a session can tell
    /// ([`Session::outdated`](crate::Session::outdated)): an `up` then changes it back.
    #[serde(default)]
    pub drifts: bool,
    /// Whether an instance can be given a [`Voice`](crate::Voice).
    #[serde(default)]
    pub voice: bool,
    /// Powers that sessions may have.
    pub powers: Vec<Power>,
}

impl Capabilities {
    /// A mode in which gantry does everything, on this machine, without extra powers.
    pub fn all_ours() -> Self {
        Self {
            manages: true,
            restart: Owner::Gantry,
            liveness: Owner::Gantry,
            replicas: Owner::Gantry,
            readiness: Owner::Gantry,
            update_in_place: false,
            children: false,
            exit_status: true,
            local_ports: true,
            logs: true,
            jobs: true,
            stop_policy: true,
            makes: false,
            drifts: false,
            voice: false,
            powers: Vec::new(),
        }
    }
}
