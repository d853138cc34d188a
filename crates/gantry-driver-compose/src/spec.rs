//! What `[services.X.compose]` says, with all references resolved.

use std::ops::Deref;

use camino::Utf8PathBuf;
use gantry_core::InstanceId;
use gantry_driver::{SpecError, StackIdentity};
use gantry_stack::modes::compose::ComposeSpec;
use serde::Deserialize;
use serde_json::Value;

/// The resolved specification of a project, which names a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec(pub(crate) ComposeSpec);

impl Deref for Spec {
    type Target = ComposeSpec;

    fn deref(&self) -> &ComposeSpec {
        &self.0
    }
}

impl Spec {
    /// Reads a resolved specification.
    pub(crate) fn read(value: &Value) -> Result<Self, SpecError> {
        // Serde would take a list for the fields in their order.
        if !value.is_object() {
            return Err(SpecError::new("", "expected a table"));
        }
        let spec = ComposeSpec::deserialize(value)
            .map_err(|error| SpecError::new("", error.to_string()))?;
        if spec.files.is_empty() {
            return Err(SpecError::new("files", "names no file"));
        }
        Ok(Self(spec))
    }

    /// Where relative paths of the files start.
    pub(crate) fn folder(&self) -> Utf8PathBuf {
        let of_first = || self.files.first().and_then(|file| file.parent());
        match (&self.folder, of_first()) {
            (Some(folder), _) => folder.clone(),
            (None, Some(folder)) => folder.to_owned(),
            (None, None) => Utf8PathBuf::from("."),
        }
    }

    /// The name of the project of an instance.
    pub(crate) fn project(&self, stack: &StackIdentity, instance: &InstanceId) -> String {
        let name = self
            .project
            .as_ref()
            .filter(|name| !name.is_empty())
            .cloned();
        name.unwrap_or_else(|| own_project(stack, instance))
    }
}

/// The engine that a specification asks for. References in it need not be resolved.
pub(crate) fn engine_of(spec: &Value) -> String {
    spec["engine"].as_str().unwrap_or("auto").to_owned()
}

/// A name that no other stack has, and none of its other instances. Compose takes small letters, digits, `-`
/// and `_`.
fn own_project(stack: &StackIdentity, instance: &InstanceId) -> String {
    let name = match instance.slot {
        0 => format!("gantry-{}-{}", stack.id, instance.service),
        _ => format!(
            "gantry-{}-{}-{}",
            stack.id,
            instance.service,
            instance.number()
        ),
    };
    let known = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let letters = name.to_lowercase();
    letters
        .chars()
        .map(|letter| if known(letter) { letter } else { '-' })
        .collect()
}
