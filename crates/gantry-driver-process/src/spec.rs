//! What `[services.X.process]` says, with all references resolved.

use std::ops::Deref;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_driver::{Settings, SpecError};
use gantry_stack::modes::process::ProcessSpec;
use serde::Deserialize;
use serde_json::Value;

/// The resolved specification of a native process, which names a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec(pub(crate) ProcessSpec);

impl Deref for Spec {
    type Target = ProcessSpec;

    fn deref(&self) -> &ProcessSpec {
        &self.0
    }
}

impl Spec {
    /// Reads a resolved specification.
    pub(crate) fn read(value: &Value) -> Result<Self, SpecError> {
        let wrong = |error: serde_json::Error| SpecError::new("", error.to_string());
        // Serde would take a list for the fields in their order.
        let Some(fields) = value.as_object() else {
            return Err(SpecError::new("", "expected a table"));
        };
        // A reference keeps the type of what it refers to: a user's number may come as one.
        let number = |name| fields.get(name).is_some_and(Value::is_u64);
        let spec = if number("user") || number("group") {
            let mut fields = fields.clone();
            for name in ["user", "group"] {
                if let Some(value) = fields.get_mut(name).filter(|value| value.is_u64()) {
                    *value = Value::String(value.to_string());
                }
            }
            ProcessSpec::deserialize(Value::Object(fields)).map_err(wrong)?
        } else {
            ProcessSpec::deserialize(value).map_err(wrong)?
        };
        match spec.command.first() {
            None => Err(SpecError::new("command", "names no program")),
            Some(program) if program.is_empty() => {
                Err(SpecError::new("command", "the program's name is empty"))
            }
            Some(_) => Ok(Self(spec)),
        }
    }

    /// The program.
    pub(crate) fn program(&self) -> &str {
        self.command.first().map_or("", String::as_str)
    }

    /// The working folder as an absolute path.
    pub(crate) fn working_folder(&self, settings: &Settings) -> Utf8PathBuf {
        absolute(
            settings,
            self.folder.as_deref().unwrap_or(Utf8Path::new("")),
        )
    }

    /// The `PATH` in which the program is looked for; `None`: that of the environment of `up`.
    pub(crate) fn search_path<'a>(&'a self, settings: &'a Settings) -> Option<&'a str> {
        self.env
            .get("PATH")
            .or_else(|| settings.env.get("PATH"))
            .map(String::as_str)
            .or_else(|| (!self.inherit_env).then_some(DEFAULT_PATH))
    }
}

/// A path of a specification, seen from the folder of its service.
pub(crate) fn absolute(settings: &Settings, path: &Utf8Path) -> Utf8PathBuf {
    if path.as_str().is_empty() {
        settings.folder.clone()
    } else {
        settings.folder.join(path)
    }
}

/// The `PATH` of a process that inherits nothing and is given none.
pub(crate) const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

#[cfg(test)]
mod tests;
