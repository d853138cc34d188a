//! Limits of each process in a container.

use serde_json::{Map, Value, json};

use super::super::scalar::LIMIT;
use super::super::{Element, Field, Kind, field};
use crate::decode::Decoder;
use crate::diagnostic::Diagnostic;
use crate::node::Node;

/// `ulimits` of a container.
pub static ULIMITS: Element = Element::new(
    "ulimits",
    "Limits of each process in a container, by the names of setrlimit(2). What is absent is the engine's default.",
    FIELDS,
);

const fn limit(key: &'static str, doc: &'static str) -> Field {
    field(key, Kind::Element(&ULIMIT), doc)
}

const FIELDS: &[Field] = &[
    limit("nofile", "Open files; over `open-files` of `resources`."),
    limit("nproc", "Processes and threads of its user on the machine."),
    limit("memlock", "Bytes of memory that may be locked."),
    limit("core", "The size of a core file in bytes."),
    limit("cpu", "Seconds of a processor."),
    limit("data", "Bytes of its data segment."),
    limit("fsize", "The size of files that it writes, in bytes."),
    limit("locks", "Locks on files."),
    limit("msgqueue", "Bytes in message queues."),
    limit("nice", "How far its niceness may be lowered, from 20."),
    limit("rss", "Bytes of resident memory."),
    limit("rtprio", "The highest priority of the real time."),
    limit("rttime", "Microseconds of the real time without a pause."),
    limit("sigpending", "Signals that are pending."),
    limit("stack", "Bytes of its stack."),
];

/// One of `ulimits`.
pub static ULIMIT: Element = Element::new(
    "ulimit",
    "A limit of each process in a container. A number alone, or \"unlimited\", is both of soft and hard.",
    &[
        field(
            "limit",
            Kind::Scalar(&LIMIT),
            "What soft and hard limit are.",
        ),
        field(
            "soft",
            Kind::Scalar(&LIMIT),
            "The limit that counts, which a process may raise up to the hard one.",
        ),
        field("hard", Kind::Scalar(&LIMIT), "The highest soft limit."),
    ],
)
.short("limit")
.exclusive(&[&["limit", "soft"], &["limit", "hard"]])
.one_of(&[&["limit", "soft"], &["limit", "hard"]])
.finish(finish);

fn finish(decoder: &mut Decoder<'_>, node: &Node, mut map: Map<String, Value>) -> Option<Value> {
    let mut number = |key: &str| map.shift_remove(key)?.as_i64();
    if let Some(both) = number("limit") {
        return Some(json!({ "soft": both, "hard": both }));
    }
    let (soft, hard) = (number("soft")?, number("hard")?);
    // Without a bound is -1.
    if hard >= 0 && (soft < 0 || soft > hard) {
        let wrong = "the soft limit is above the hard one";
        let wrong = Diagnostic::error("bad-limit", node.span, wrong);
        decoder.complain(wrong.hint("a process may raise its soft limit up to the hard one only"));
        return None;
    }
    Some(json!({ "soft": soft, "hard": hard }))
}
