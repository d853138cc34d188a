//! What may not be up together with a service.

use super::scalar::{FIXED_PORT, SERVICE_NAME};
use super::{Element, Field, Kind, field};

/// One entry of `conflicts-with`.
pub static CONFLICT: Element = Element::new(
    "conflict",
    "What may not be up together with a service. A text alone is another service of the stack.",
    FIELDS,
)
.short("service")
.exclusive(&[KEYS])
.one_of(&[KEYS]);

const KEYS: &[&str] = &["service", "process", "port"];

const FIELDS: &[Field] = &[
    field(
        "service",
        Kind::Scalar(&SERVICE_NAME),
        "Another service of the stack.",
    ),
    field(
        "process",
        Kind::Text,
        "A program of this name that runs on the machine.",
    ),
    field(
        "port",
        Kind::Scalar(&FIXED_PORT),
        "A port of the machine that somebody else holds.",
    ),
];
