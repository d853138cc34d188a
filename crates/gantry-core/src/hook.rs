//! Commands before and after start and stop.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

/// A moment in the life of an instance at which a command of the user's own runs.
///
/// # Rules
///
/// | hook | begins when | while it runs the instance is | if it fails |
/// |---|---|---|---|
/// | `pre-start` | all that is waited for is there | `starting`; nothing of it runs | the start has failed, at the step `pre-start hook`, with the hook's last lines; the restart policy decides |
/// | `post-start` | it runs | `starting`: its probes are not asked yet, and nobody takes it for ready | it is stopped, and its start has failed, at the step `post-start hook` |
/// | `pre-stop` | it is to stop, and runs | `stopping` | that is told; it is stopped all the same |
/// | `post-stop` | nothing of it is left, by a stop or its own end | `stopping` | that is told; what follows the end follows |
///
/// - **Each has a time limit of its own**, after which it is killed and has failed. What is to be ready
///   in `start-timeout` includes the hooks of its start.
/// - **A stop overtakes a start in its hook**: the hook is killed, and the generation never comes to
///   life. Without this a stop would wait for a migration that hangs.
/// - **A kill waits for no hook**: it ends the one that runs, and begins none.
/// - **A hook runs once per start.** Its identity is instance, generation and hook, so a supervisor
///   that takes over asks for the same again, and is told of the one that runs or ran already. Without
///   this a migration would run twice because of a death that it had nothing to do with.
/// - **What was waited for is looked at again after a `pre-start`.** If it has gone meanwhile, the start
///   is given up and waits anew, as another one, with its hook: an instance never starts on what a
///   dependency was a minute ago.
/// - **Who was never started has no `post-stop`**, and neither has a stop of which nobody saw the end.
/// - It runs beside the instance: in its folder, as its user, in its environment, with all references
///   resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// Before it is started.
    PreStart,
    /// After it was started, before it is ready.
    PostStart,
    /// Before it is asked to stop.
    PreStop,
    /// After nothing of it is left.
    PostStop,
}

impl Hook {
    /// All, in the order of a life.
    pub const ALL: [Self; 4] = [
        Self::PreStart,
        Self::PostStart,
        Self::PreStop,
        Self::PostStop,
    ];

    /// What a failure names as its step.
    pub fn step(self) -> SmolStr {
        format_smolstr!("{self} hook")
    }

    /// The word of stack files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreStart => "pre-start",
            Self::PostStart => "post-start",
            Self::PreStop => "pre-stop",
            Self::PostStop => "post-stop",
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
