//! What `[services.X.process]` says, with all references resolved.

use camino::{Utf8Path, Utf8PathBuf};
use gantry_driver::{Settings, SpecError};
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The resolved specification of a native process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Spec {
    /// Program and arguments.
    pub command: Vec<String>,
    /// The working folder, relative to that of the stack file; that itself if not given.
    #[serde(
        default,
        alias = "working-folder",
        alias = "working-dir",
        alias = "directory",
        alias = "cwd"
    )]
    pub folder: Option<Utf8PathBuf>,
    /// The user to become.
    #[serde(default, deserialize_with = "name_or_number")]
    pub user: Option<String>,
    /// The group to become.
    #[serde(default, deserialize_with = "name_or_number")]
    pub group: Option<String>,
    /// The mask for new files: a number, or its octal digits as text.
    #[serde(default, deserialize_with = "mask")]
    pub umask: Option<u32>,
    /// Variables on top of those of the service.
    #[serde(default)]
    pub env: IndexMap<String, String>,
    /// Whether the environment that `up` was given lies below them.
    #[serde(default = "yes", alias = "inherit-environment")]
    pub inherit_env: bool,
    /// A command that asks it to end, run before the signal.
    #[serde(default)]
    pub stop_command: Option<Vec<String>>,
    /// Files that must be there.
    #[serde(default)]
    pub files: Vec<Utf8PathBuf>,
    /// Niceness.
    #[serde(default)]
    pub nice: Option<i32>,
    /// How gladly the kernel kills it when memory is short.
    #[serde(default)]
    pub oom_score: Option<i32>,
    /// Size of a core file in bytes.
    #[serde(default)]
    pub core: Option<u64>,
}

impl Spec {
    /// Reads a resolved specification.
    pub fn read(value: &Value) -> Result<Self, SpecError> {
        // Serde would take a list for the fields in their order.
        if !value.is_object() {
            return Err(SpecError::new("", "expected a table"));
        }
        let spec =
            Self::deserialize(value).map_err(|error| SpecError::new("", error.to_string()))?;
        match spec.command.first() {
            None => Err(SpecError::new("command", "names no program")),
            Some(program) if program.is_empty() => {
                Err(SpecError::new("command", "the program's name is empty"))
            }
            Some(_) => Ok(spec),
        }
    }

    /// The program.
    pub fn program(&self) -> &str {
        self.command.first().map_or("", String::as_str)
    }

    /// The working folder as an absolute path.
    pub fn working_folder(&self, settings: &Settings) -> Utf8PathBuf {
        self.absolute(
            settings,
            self.folder.as_deref().unwrap_or(Utf8Path::new("")),
        )
    }

    /// A path of this specification as an absolute one.
    pub fn absolute(&self, settings: &Settings, path: &Utf8Path) -> Utf8PathBuf {
        if path.as_str().is_empty() {
            settings.folder.clone()
        } else {
            settings.folder.join(path)
        }
    }

    /// The `PATH` in which the program is looked for; `None`: that of the environment of `up`.
    pub fn search_path<'a>(&'a self, settings: &'a Settings) -> Option<&'a str> {
        self.env
            .get("PATH")
            .or_else(|| settings.env.get("PATH"))
            .map(String::as_str)
            .or_else(|| (!self.inherit_env).then_some(DEFAULT_PATH))
    }
}

/// The `PATH` of a process that inherits nothing and is given none.
pub(crate) const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn yes() -> bool {
    true
}

fn name_or_number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    match Option::<Value>::deserialize(from)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(name)),
        Some(Value::Number(number)) if number.is_u64() => Ok(Some(number.to_string())),
        Some(other) => Err(serde::de::Error::custom(format!(
            "expected a name or a number, not {other}"
        ))),
    }
}

fn mask<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let wrong = |what: &Value| {
        serde::de::Error::custom(format!("expected a mask from 0 to 0o777, not {what}"))
    };
    let value = match Option::<Value>::deserialize(from)? {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let mask = match &value {
        Value::String(digits) => {
            u32::from_str_radix(digits.strip_prefix("0o").unwrap_or(digits), 8).ok()
        }
        Value::Number(number) => number
            .as_u64()
            .and_then(|number| u32::try_from(number).ok()),
        _ => None,
    };
    match mask {
        Some(mask) if mask <= 0o777 => Ok(Some(mask)),
        _ => Err(wrong(&value)),
    }
}

#[cfg(test)]
mod tests;
