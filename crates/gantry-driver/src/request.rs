//! What a session is asked to do.

use std::sync::Arc;

use gantry_core::{
    Digest, EffectId, Failure, FailureKind, Generation, InstanceId, Millis, Revision, Stage,
    StopHow,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Described, DriverEvent, Settings};

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
            follows: false,
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
    /// When what it is made from is made.
    pub make: Make,
}

/// When that is made which instances are made from, where a mode makes such a thing itself: an image of a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Make {
    /// If it is not there, or something changed that it is made from.
    #[default]
    Needed,
    /// Whatever is there.
    Afresh,
    /// Never: what was made last is used.
    Never,
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
    /// To which of the backend's own revisions instead, where it has such ([`Power::History`](crate::Power::History)).
    pub back_to: Option<u32>,
    /// How long it may take, as long as a start, where a backend is asked for something that may not end.
    pub patience: Millis,
}

impl UpdateRequest {
    /// The answer of a driver that can change nothing of this kind as it runs, with the sentence that says so.
    pub fn refused(&self, reason: &'static str) -> DriverEvent {
        DriverEvent::UpdateFailed {
            effect: self.effect,
            instance: self.instance.clone(),
            generation: self.generation,
            failure: Failure::new(Stage::Update, reason).kind(FailureKind::Permanent),
        }
    }
}
