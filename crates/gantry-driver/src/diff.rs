//! What differs between two specifications, and what it takes.

use std::fmt;

use gantry_core::ChangeEffect;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use crate::Settings;

/// A service as a driver sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Described<'a> {
    /// The mode's part.
    pub spec: &'a Value,
    /// The part that all modes have.
    pub settings: &'a Settings,
    /// Whether it begins after others that begin now: they may bring what it lacks yet.
    pub follows: bool,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field as a user would name it, with dots: `command`, `env.LOG`.
    pub path: SmolStr,
    /// What it was; `None` if it was not there. May hold a secret: what is printed is the caller's
    /// choice.
    pub old: Option<Value>,
    /// What it is now; `None` if it is not there any more.
    pub new: Option<Value>,
    /// What the difference takes.
    pub effect: ChangeEffect,
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// Compares two values field by field. Objects are gone into; lists and scalars are compared whole.
/// `effect` says what a difference at a path takes.
pub fn values(old: &Value, new: &Value, effect: &dyn Fn(&str) -> ChangeEffect) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    compare("", Some(old), Some(new), effect, &mut changes);
    changes
}

/// Compares the parts that all modes have. `effect` says what a difference at a path takes.
pub fn settings(
    old: &Settings,
    new: &Settings,
    effect: &dyn Fn(&str) -> ChangeEffect,
) -> Vec<FieldChange> {
    if old == new {
        return Vec::new();
    }
    // Settings are plain data with text keys: they always serialise.
    let value = |settings| serde_json::to_value(settings).unwrap_or(Value::Null);
    values(&value(old), &value(new), effect)
}

/// Compares two services of a mode in which nothing can be changed as it runs: a difference takes
/// `otherwise`, unless it is in a part of the specification, or of what all modes have, that is only used
/// later, and taken up then.
pub fn unchangeable(
    old: Described<'_>,
    new: Described<'_>,
    used_later: &[&str],
    otherwise: ChangeEffect,
) -> Vec<FieldChange> {
    let effect = |path: &str, used_later: &[&str]| {
        let first = path.split('.').next().unwrap_or(path);
        if used_later.contains(&first) {
            ChangeEffect::None
        } else {
            otherwise
        }
    };
    let mut changes = values(old.spec, new.spec, &|path| effect(path, used_later));
    let of_settings = |path: &str| effect(path, &["stop", "logs", "job"]);
    changes.extend(settings(old.settings, new.settings, &of_settings));
    changes
}

/// The greatest of these effects: what all changes together take.
pub fn effect_of(changes: &[FieldChange]) -> ChangeEffect {
    changes
        .iter()
        .map(|change| change.effect)
        .max()
        .unwrap_or(ChangeEffect::None)
}

fn compare(
    path: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    effect: &dyn Fn(&str) -> ChangeEffect,
    changes: &mut Vec<FieldChange>,
) {
    if old == new {
        return;
    }
    let old_fields = old.and_then(Value::as_object);
    let new_fields = new.and_then(Value::as_object);
    let both_objects = old_fields.is_some() && new_fields.is_some();
    let one_object = old_fields.is_some() && absent(new) || new_fields.is_some() && absent(old);
    if both_objects || one_object && !path.is_empty() {
        let empty = serde_json::Map::new();
        let (old_fields, new_fields) = (old_fields.unwrap_or(&empty), new_fields.unwrap_or(&empty));
        let added = new_fields
            .keys()
            .filter(|key| !old_fields.contains_key(*key));
        for key in old_fields.keys().chain(added) {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            compare(
                &path,
                old_fields.get(key),
                new_fields.get(key),
                effect,
                changes,
            );
        }
        return;
    }
    if absent(old) && absent(new) {
        return;
    }
    changes.push(FieldChange {
        path: SmolStr::new(path),
        old: old.cloned(),
        new: new.cloned(),
        effect: effect(path),
    });
}

/// A field that is not there and one that is null say the same.
fn absent(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_null)
}

#[cfg(test)]
mod tests;
