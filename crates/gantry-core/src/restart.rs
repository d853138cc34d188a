//! Restart policy, back-off and the crash-loop ceiling.

use serde::{Deserialize, Serialize};

use crate::ids::Millis;

/// After which end a service is started again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartWhen {
    /// Never: it ends as `completed` or `failed`.
    Never,
    /// When it ended badly; a good end is `completed`.
    #[default]
    OnFailure,
    /// Whenever it ends. A job that ends well is still `completed`.
    Always,
}

/// How a service is started again after it ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// After which end.
    pub when: RestartWhen,
    /// The first wait; zero starts again at once.
    pub backoff_min: Millis,
    /// The longest wait. Each wait doubles the one before it, give or take the jitter.
    pub backoff_max: Millis,
    /// So many restarts are made within `window`; the next bad end is a crash loop, and `failed`.
    /// Zero means no ceiling.
    pub max: u32,
    /// The window of the ceiling.
    pub window: Millis,
    /// Up for so long (and ready, if it can be), it is stable: the waits begin at `backoff_min` again.
    pub stable: Millis,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            when: RestartWhen::OnFailure,
            backoff_min: Millis(200),
            backoff_max: Millis::seconds(30),
            max: 5,
            window: Millis::seconds(600),
            stable: Millis::seconds(10),
        }
    }
}

impl RestartPolicy {
    /// The wait before restart number `attempt` (from 1): `backoff_min`, doubled with each attempt, a
    /// quarter more or less by `random`, never more than `backoff_max`. The jitter keeps services
    /// that fell together from coming back together, again and again.
    pub fn delay(&self, attempt: u32, random: u64) -> Millis {
        let doublings = attempt.saturating_sub(1).min(32);
        let wait = self
            .backoff_min
            .0
            .saturating_mul(1 << doublings)
            .min(self.backoff_max.0);
        let spread = wait / 2;
        let jittered = wait - wait / 4 + if spread > 0 { random % (spread + 1) } else { 0 };
        Millis(jittered.min(self.backoff_max.0))
    }
}

#[cfg(test)]
mod tests;
