//! What differs between two specifications of a process, and what it takes.

use gantry_core::ChangeEffect;
use gantry_driver::{Described, FieldChange, diff};

/// The fields that differ. What a process was started with cannot be changed as it runs; what is
/// only used later is taken up then.
pub(crate) fn between(old: Described<'_>, new: Described<'_>) -> Vec<FieldChange> {
    let mut changes = diff::values(old.spec, new.spec, &of_spec);
    changes.extend(diff::settings(old.settings, new.settings, &of_settings));
    changes
}

fn of_spec(path: &str) -> ChangeEffect {
    match first(path) {
        "stop-command" | "files" => ChangeEffect::None,
        _ => ChangeEffect::Restart,
    }
}

fn of_settings(path: &str) -> ChangeEffect {
    match first(path) {
        "stop" | "logs" | "job" => ChangeEffect::None,
        _ => ChangeEffect::Restart,
    }
}

fn first(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

#[cfg(test)]
mod tests;
