//! Commands before and after start and stop.

use gantry_core::{Hook, Millis};
use serde::{Deserialize, Serialize};

use crate::template::Template;

/// The `hooks` of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hooks {
    /// Before it is started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_start: Option<HookCommand>,
    /// When it runs, before it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_start: Option<HookCommand>,
    /// Before it is asked to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_stop: Option<HookCommand>,
    /// When nothing of it is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_stop: Option<HookCommand>,
}

impl Hooks {
    /// Those that there are, in the order of a life.
    pub fn present(&self) -> Vec<Hook> {
        let there = |hook: &Hook| {
            let command = match hook {
                Hook::PreStart => &self.pre_start,
                Hook::PostStart => &self.post_start,
                Hook::PreStop => &self.pre_stop,
                Hook::PostStop => &self.post_stop,
            };
            command.is_some()
        };
        Hook::ALL.into_iter().filter(there).collect()
    }
}

/// One hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HookCommand {
    /// Program and arguments.
    pub command: Vec<Template>,
    /// How long it may take.
    #[serde(default = "HookCommand::default_timeout")]
    pub timeout: Millis,
}

impl HookCommand {
    /// The timeout unless the file says otherwise.
    pub fn default_timeout() -> Millis {
        Millis::seconds(10)
    }
}
