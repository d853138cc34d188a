//! Commands before and after start and stop.

use super::scalar::SPAN;
use super::{Element, Field, Kind, field};

/// `hooks`.
pub static HOOKS: Element = Element::new(
    "hooks",
    "Commands before and after start and stop, once for each start of an instance. They run in the folder and with the environment of the service, \
     with the hook's name in `GANTRY_HOOK` and, where there is one, the number of its process in `GANTRY_PID`.",
    FIELDS,
);

const FIELDS: &[Field] = &[
    field(
        "pre-start",
        Kind::Element(&HOOK),
        "Before it is started, when all that it waits for is there. If it fails, the start has failed.",
    ),
    field(
        "post-start",
        Kind::Element(&HOOK),
        "When it runs, before its probes are asked and anyone takes it for ready. If it fails, it is stopped, and its start has failed.",
    ),
    field(
        "pre-stop",
        Kind::Element(&HOOK),
        "Before it is asked to stop. If it fails, that is told, and it is stopped all the same.",
    ),
    field(
        "post-stop",
        Kind::Element(&HOOK),
        "When nothing of it is left, whether it was stopped or ended by itself. If it fails, that is told.",
    ),
];

/// One hook.
pub static HOOK: Element = Element::new(
    "hook",
    "One command and the time that it has. A list alone is the command.",
    &[
        field("command", Kind::Command, "The program and its arguments.").required(),
        field(
            "timeout",
            Kind::Scalar(&SPAN),
            "How long it may take; then it is killed, and has failed.",
        )
        .default("\"10s\""),
    ],
)
.short("command");
