//! How a service is stopped.

use super::scalar::{DURATION, SIGNAL};
use super::{Element, Field, Kind, field};

/// `stop`.
pub static STOP: Element = Element::new(
    "stop",
    "How a service is stopped: it is asked by a command or a signal, then, after a grace, everything that is left of it is killed. \
     A text alone is the signal.",
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
        "command",
        Kind::Command,
        "What asks it to end, in place of the signal. It runs with the service's environment, and with the number of its process in `GANTRY_PID`. \
         If it fails, that is said, and the signal follows.",
    ),
    field(
        "grace",
        Kind::Scalar(&DURATION),
        "How long it has, counted from the signal or the begin of the command, before everything that is left is killed.",
    )
    .default("\"10s\""),
];
