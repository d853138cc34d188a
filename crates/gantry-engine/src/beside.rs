//! The commands that run beside a service: what asks it to stop, what tells it to read its
//! configuration again, and its hooks.

use gantry_core::{Hook, Millis};
use gantry_driver::{Settings, StopPolicy};
use gantry_stack::model;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use smol_str::{SmolStr, format_smolstr};

/// They, with all references resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Beside {
    /// What asks it to stop.
    pub(crate) stop: Option<Vec<String>>,
    /// What tells it to read its configuration again.
    pub(crate) reload: Option<Reload>,
    /// Its hooks.
    pub(crate) hooks: IndexMap<Hook, HookCommand>,
}

/// One hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct HookCommand {
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// How long it may take.
    pub(crate) timeout: Millis,
}

/// What tells a service to read its configuration again: a signal, or a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Reload {
    /// The signal's name.
    #[serde(default)]
    pub(crate) signal: Option<SmolStr>,
    /// Program and arguments.
    #[serde(default)]
    pub(crate) command: Option<Vec<String>>,
    /// How long the command may take.
    pub(crate) timeout: Millis,
}

impl Reload {
    /// What it is, in a word: `SIGHUP`, `nginx`.
    pub(crate) fn words(&self) -> String {
        match (&self.command, &self.signal) {
            (Some(command), _) => command.first().cloned().unwrap_or_default(),
            (None, Some(signal)) => format!("SIG{signal}"),
            (None, None) => String::new(),
        }
    }
}

impl Beside {
    /// As JSON in which references are markers; null if there is nothing beside it.
    pub(crate) fn unresolved(service: &model::Service) -> Value {
        let hooks = service.hooks.present();
        if service.stop.command.is_none() && service.reload.is_none() && hooks.is_empty() {
            return Value::Null;
        }
        json!({
            "stop": service.stop.command,
            "reload": service.reload,
            "hooks": service.hooks,
        })
    }

    /// From what [`unresolved`](Self::unresolved) gave, with what the markers stand for.
    pub(crate) fn resolved(value: Value) -> Result<Self, String> {
        // What an earlier release kept has none.
        let beside: Option<Self> =
            serde_json::from_value(value).map_err(|error| error.to_string())?;
        Ok(beside.unwrap_or_default())
    }

    /// With markers in place of what they stand for: good for comparing, not for running.
    pub(crate) fn literal(mut value: Value) -> Self {
        words(&mut value);
        serde_json::from_value(value).unwrap_or_default()
    }

    /// The programs of hooks and of what tells of a new configuration, each with its place in the stack
    /// file. What asks a service to stop is looked at by its driver.
    pub(crate) fn programs(&self) -> impl Iterator<Item = (SmolStr, &str)> {
        let hooks = self.hooks.iter();
        let hooks = hooks.map(|(hook, it)| (format_smolstr!("hooks.{hook}"), Some(&it.command)));
        let reload = self.reload.iter();
        let reload = reload.map(|it| (SmolStr::new_static("reload.command"), it.command.as_ref()));
        hooks
            .chain(reload)
            .filter_map(|(place, command)| Some((place, command?.first()?.as_str())))
    }

    /// Puts them where drivers look for them.
    pub(crate) fn put_into(&self, settings: &mut Settings) {
        settings.stop = StopPolicy {
            command: self.stop.clone(),
            ..std::mem::take(&mut settings.stop)
        };
    }
}

/// Turns the markers in every list of words into texts.
fn words(value: &mut Value) {
    match value {
        Value::Array(list) => {
            for word in list.iter_mut().filter(|word| word.is_object()) {
                *word = word.to_string().into();
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(words),
        _ => {}
    }
}
