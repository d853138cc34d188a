//! When and how fast a service is started again.

use gantry_core::{Millis, RestartPolicy, RestartWhen};
use serde::{Deserialize, Serialize};

/// The shortest and the longest wait before a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// The first wait.
    pub min: Millis,
    /// The longest wait; each one doubles the one before it.
    pub max: Millis,
}

/// The `restart` of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Restart {
    /// After which end it is started again.
    pub policy: RestartWhen,
    /// The waits.
    pub backoff: Backoff,
    /// So many restarts within `window`, then it is a crash loop; 0 means no ceiling.
    pub max: u32,
    /// The window of the ceiling.
    pub window: Millis,
    /// Up for so long, the waits begin again.
    pub stable: Millis,
}

impl Default for Restart {
    fn default() -> Self {
        let core = RestartPolicy::default();
        Self {
            policy: core.when,
            backoff: Backoff {
                min: core.backoff_min,
                max: core.backoff_max,
            },
            max: core.max,
            window: core.window,
            stable: core.stable,
        }
    }
}

impl Restart {
    /// The policy as the core keeps it.
    pub fn to_core(&self) -> RestartPolicy {
        RestartPolicy {
            when: self.policy,
            backoff_min: self.backoff.min,
            backoff_max: self.backoff.max,
            max: self.max,
            window: self.window,
            stable: self.stable,
        }
    }
}
