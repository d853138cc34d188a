//! What a session reports.

use std::fmt;
use std::sync::Arc;

use futures::channel::mpsc;
use gantry_core::{EffectId, ExitStatus, Failure, Generation, InstanceId};
use jiff::Timestamp;
use smol_str::SmolStr;

use crate::{Address, ChildName, ChildStatus, Handle, Observed, Said};

/// One thing that happened in a backend.
#[derive(Debug, Clone, PartialEq)]
pub enum DriverEvent {
    /// A start succeeded. Terminal.
    Started {
        /// The start.
        effect: EffectId,
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// Its process, where it is one of this machine.
        pid: Option<u32>,
        /// Since when it runs.
        at: Timestamp,
        /// What is enough to find it again.
        handle: Option<Handle>,
        /// What was asked for and could not be had, each with the reason.
        warnings: Vec<String>,
    },
    /// A start failed; nothing of it is left. Terminal.
    StartFailed {
        /// The start.
        effect: EffectId,
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// Why.
        failure: Failure,
    },
    /// A stop succeeded: nothing of this and earlier generations runs, nor ever will. Terminal.
    Stopped {
        /// The stop.
        effect: EffectId,
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// How it ended, if it was running.
        exit: Option<ExitStatus>,
        /// How it is known that nothing is left; a sentence for `explain`.
        proof: Option<SmolStr>,
    },
    /// A stop is resisted, and goes on.
    StopResisted {
        /// The stop.
        effect: EffectId,
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// What is still alive, and what was tried.
        what: SmolStr,
    },
    /// An update succeeded. Terminal.
    Updated {
        /// The update.
        effect: EffectId,
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// The new handle, if it changed.
        handle: Option<Handle>,
    },
    /// An update failed; the instance runs as before. Terminal.
    UpdateFailed {
        /// The update.
        effect: EffectId,
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// Why.
        failure: Failure,
    },
    /// An effect was cancelled before it changed anything. Terminal. One that was cancelled too late
    /// ends as if it had not been.
    Cancelled {
        /// The effect.
        effect: EffectId,
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
    },
    /// The outcome of an effect cannot be known: observe again. Terminal.
    Lost {
        /// The effect.
        effect: EffectId,
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// Why it cannot be known.
        reason: String,
    },
    /// An instance ended, by itself or as part of a stop (then before `Stopped`).
    Exited {
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// How.
        exit: ExitStatus,
        /// When.
        at: Timestamp,
        /// The same in one line, with how long it ran.
        message: SmolStr,
        /// What of it is still alive.
        left: Option<SmolStr>,
        /// The last lines of its output, oldest first.
        tail: Vec<String>,
    },
    /// The backend started an instance again by itself.
    Restarted {
        /// Which.
        instance: InstanceId,
        /// Which start of ours it belongs to: that does not change.
        generation: Generation,
        /// Its process now.
        pid: Option<u32>,
        /// How often the backend did so.
        count: u32,
        /// How the run before ended.
        exit: Option<ExitStatus>,
    },
    /// The backend says that it is ready (again).
    Ready {
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
    },
    /// The backend says that it is not ready (any more).
    NotReady {
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// What was seen.
        evidence: SmolStr,
    },
    /// It said something of itself.
    Said {
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// All that it has said so far.
        said: Box<Said>,
    },
    /// The backend says that it will never become ready: an image that does not exist, a crash.
    Doomed {
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// Why.
        failure: Failure,
    },
    /// A part showed, changed, or is gone.
    Child {
        /// Of which instance.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// How it is doing.
        child: ChildStatus,
    },
    /// The ways to it that its backend provides are these now.
    Addresses {
        /// To which instance.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// All of them.
        addresses: Vec<Address>,
    },
    /// Something that someone should know, and that changes nothing: a stop command that failed.
    Note {
        /// About which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// What, as a sentence without its subject.
        text: String,
    },
    /// Its backend tells of something that happened to a part of it, and that changes nothing here: a volume was
    /// attached, an image fetched. Each such thing is told once.
    Happened {
        /// To a part of which instance.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// To which part.
        child: ChildName,
        /// When, as exactly as the backend says it.
        at: Timestamp,
        /// What, in the backend's words, on one line.
        text: String,
    },
    /// What must be there before it can be started is being fetched or made: its time to become ready counts
    /// anew from here.
    Preparing {
        /// Which.
        instance: InstanceId,
        /// Which start of it.
        generation: Generation,
        /// What is being done, as a sentence without its subject; none if it only goes on.
        text: Option<String>,
    },
    /// The backend cannot be reached. Nothing is concluded about its instances.
    Unreachable {
        /// What was seen.
        reason: String,
    },
    /// It can be reached again: this is everything it has.
    Reachable {
        /// What [`Session::observe`](crate::Session::observe) would say.
        observed: Vec<Observed>,
    },
}

/// How an effect ended, without the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Terminal {
    /// As asked.
    Done,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It cannot be known.
    Lost,
}

impl DriverEvent {
    /// The effect that this event ends, and how; `None` if it ends none.
    pub fn ends(&self) -> Option<(EffectId, Terminal)> {
        match self {
            Self::Started { effect, .. }
            | Self::Stopped { effect, .. }
            | Self::Updated { effect, .. } => Some((*effect, Terminal::Done)),
            Self::StartFailed { effect, .. } | Self::UpdateFailed { effect, .. } => {
                Some((*effect, Terminal::Failed))
            }
            Self::Cancelled { effect, .. } => Some((*effect, Terminal::Cancelled)),
            Self::Lost { effect, .. } => Some((*effect, Terminal::Lost)),
            _ => None,
        }
    }

    /// The instance and generation that it is about; `None` if it is about the whole backend.
    pub fn instance(&self) -> Option<(&InstanceId, Generation)> {
        match self {
            Self::Started {
                instance,
                generation,
                ..
            }
            | Self::StartFailed {
                instance,
                generation,
                ..
            }
            | Self::Stopped {
                instance,
                generation,
                ..
            }
            | Self::StopResisted {
                instance,
                generation,
                ..
            }
            | Self::Updated {
                instance,
                generation,
                ..
            }
            | Self::UpdateFailed {
                instance,
                generation,
                ..
            }
            | Self::Cancelled {
                instance,
                generation,
                ..
            }
            | Self::Lost {
                instance,
                generation,
                ..
            }
            | Self::Exited {
                instance,
                generation,
                ..
            }
            | Self::Restarted {
                instance,
                generation,
                ..
            }
            | Self::Ready {
                instance,
                generation,
            }
            | Self::NotReady {
                instance,
                generation,
                ..
            }
            | Self::Said {
                instance,
                generation,
                ..
            }
            | Self::Doomed {
                instance,
                generation,
                ..
            }
            | Self::Child {
                instance,
                generation,
                ..
            }
            | Self::Addresses {
                instance,
                generation,
                ..
            }
            | Self::Note {
                instance,
                generation,
                ..
            }
            | Self::Happened {
                instance,
                generation,
                ..
            }
            | Self::Preparing {
                instance,
                generation,
                ..
            } => Some((instance, *generation)),
            Self::Unreachable { .. } | Self::Reachable { .. } => None,
        }
    }
}

/// Where a session's events go. Never blocks; cheap to clone.
#[derive(Clone)]
pub struct EventSink(Arc<dyn Fn(DriverEvent) + Send + Sync>);

/// The other end of [`EventSink::channel`].
pub type EventStream = mpsc::UnboundedReceiver<DriverEvent>;

impl EventSink {
    /// Events go to this function, which must not block.
    pub fn new(send: impl Fn(DriverEvent) + Send + Sync + 'static) -> Self {
        Self(Arc::new(send))
    }

    /// Events go to this channel. Once its other end is dropped they go nowhere.
    pub fn channel() -> (Self, EventStream) {
        let (sender, receiver) = mpsc::unbounded();
        let sink = Self::new(move |event| {
            // A receiver that is gone does not want to know.
            let _ = sender.unbounded_send(event);
        });
        (sink, receiver)
    }

    /// Report this.
    pub fn send(&self, event: DriverEvent) {
        (self.0)(event);
    }
}

impl fmt::Debug for EventSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventSink")
    }
}
