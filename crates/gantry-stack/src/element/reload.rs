//! How a service is told to read its configuration again.

use super::scalar::{SIGNAL, SPAN};
use super::{Element, Field, Kind, field};

/// `reload`.
pub static RELOAD: Element = Element::new(
    "reload",
    "How a service is told to read its configuration again, by `gantry reload`: by a signal, or by a command. A text alone is the signal.",
    FIELDS,
)
.short("signal")
.exclusive(&[WAYS])
.one_of(&[WAYS]);

const WAYS: &[&str] = &["signal", "command"];

const FIELDS: &[Field] = &[
    field(
        "signal",
        Kind::Scalar(&SIGNAL),
        "The signal that its first process gets.",
    ),
    field(
        "command",
        Kind::Command,
        "What is run. It has the service's environment, and the number of its process in `GANTRY_PID`.",
    ),
    field(
        "timeout",
        Kind::Scalar(&SPAN),
        "How long the command may take; then it is killed, and the reload has failed.",
    )
    .default("\"10s\""),
];
