//! What differs between two specifications of a container, and what it takes.

use gantry_core::ChangeEffect;
use gantry_driver::{Described, FieldChange, diff};

/// The fields that differ. A container is made from its specification, and made anew when that changes.
pub(crate) fn between(old: Described<'_>, new: Described<'_>) -> Vec<FieldChange> {
    diff::unchangeable(old, new, &["pull", "files"], ChangeEffect::Recreate)
}
