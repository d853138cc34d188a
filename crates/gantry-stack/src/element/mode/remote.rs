//! Something that runs elsewhere.

use super::super::{Element, Field, Kind, field};

/// `[services.NAME.remote]`.
pub static REMOTE: Element = Element::new(
    "remote",
    "Something that runs elsewhere: it is probed, never started or stopped. Its `ports` are those at which it listens there.",
    FIELDS,
)
.short("host");

const FIELDS: &[Field] = &[field(
    "host",
    Kind::Template,
    "The name or address of its machine.",
)
.required()];
