//! What differs between two specifications of a process, and what it takes.

use gantry_core::ChangeEffect;
use gantry_driver::{Described, FieldChange, diff};

/// The fields that differ. What a process was started with cannot be changed as it runs.
pub(crate) fn between(old: Described<'_>, new: Described<'_>) -> Vec<FieldChange> {
    let used_later = ["stop-command", "files"];
    diff::unchangeable(old, new, &used_later, ChangeEffect::Restart)
}

#[cfg(test)]
mod tests;
