//! How a service is stopped.

use super::scalar::{DURATION, SIGNAL};
use super::{Element, Field, Kind, field};

/// `stop`.
pub static STOP: Element = Element::new(
    "stop",
    "How a service is stopped: a signal, then, after a grace, the end of everything that is left of it. A text alone is the signal.",
    FIELDS,
)
.short("signal");

const FIELDS: &[Field] = &[
    field(
        "signal",
        Kind::Scalar(&SIGNAL),
        "The signal that asks it to end.",
    )
    .default("\"TERM\""),
    field(
        "grace",
        Kind::Scalar(&DURATION),
        "How long it has before everything that is left is killed.",
    )
    .default("\"10s\""),
];
