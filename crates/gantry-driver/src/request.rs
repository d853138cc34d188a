//! What a session is asked to do.

use std::sync::Arc;

use gantry_core::{Digest, EffectId, Generation, InstanceId, Revision, StopHow};
use serde_json::Value;

use crate::{Described, Settings};

/// A specification as it was, or is to be, started: resolved for one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Counts the specifications of the service.
    pub revision: Revision,
    /// The keyed hash of what follows. A driver may write it into its backend.
    pub digest: Digest,
    /// The mode's part.
    pub spec: Arc<Value>,
    /// The part that all modes have.
    pub settings: Arc<Settings>,
}

impl Recorded {
    /// The same, borrowed.
    pub fn described(&self) -> Described<'_> {
        Described {
            spec: &self.spec,
            settings: &self.settings,
        }
    }
}

/// Start one instance. Ends in `Started`, `StartFailed`, `Cancelled` or `Lost`.
#[derive(Debug, Clone, PartialEq)]
pub struct StartRequest {
    /// The id that the terminal event carries.
    pub effect: EffectId,
    /// Which instance.
    pub instance: InstanceId,
    /// Which start of it. The same generation is never started twice.
    pub generation: Generation,
    /// From what.
    pub from: Recorded,
    /// Whether what an earlier generation left in the backend is to be removed first.
    pub recreate: bool,
}

/// Stop one instance until nothing of it is left. Ends in `Stopped`, `Cancelled` or `Lost`; any number
/// of `StopResisted` may come before. A later stop may be in a greater hurry; both end.
#[derive(Debug, Clone, PartialEq)]
pub struct StopRequest {
    /// The id that the terminal event carries.
    pub effect: EffectId,
    /// Which instance.
    pub instance: InstanceId,
    /// Which start of it, and all earlier ones.
    pub generation: Generation,
    /// Politely or at once.
    pub how: StopHow,
    /// What it was started from, if that is known; a driver must also be able to stop without it.
    pub from: Option<Recorded>,
}

/// Bring a running instance to another specification. Ends in `Updated`, `UpdateFailed`, `Cancelled`
/// or `Lost`.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdateRequest {
    /// The id that the terminal event carries.
    pub effect: EffectId,
    /// Which instance.
    pub instance: InstanceId,
    /// Which start of it.
    pub generation: Generation,
    /// To what.
    pub to: Recorded,
}
