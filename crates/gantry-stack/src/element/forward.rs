//! A way from localhost into an engine or a cluster.

use serde_json::{Map, Value};

use super::scalar::{DURATION, PORT};
use super::{Element, Field, Kind, PROBE, field};
use crate::decode::Decoder;
use crate::node::Node;

/// One entry of `forward`.
pub static FORWARD: Element = Element::new(
    "forward",
    "A way from localhost to something inside an engine or a cluster.",
    FIELDS,
)
.finish(finish);

const FIELDS: &[Field] = &[
    field(
        "service",
        Kind::Template,
        "What is at the other end: a service by name, or `deployment/NAME`, `statefulset/NAME`, `pod/NAME`. `*` and `?` match anything.",
    )
    .required(),
    field("local", Kind::Scalar(&PORT), "The port on this machine; 0 picks a free one.").required(),
    field("remote", Kind::Template, "The port at the other end, by number or name.").required(),
    field("address", Kind::Text, "The address on this machine; 127.0.0.1 and ::1 if absent."),
    field("namespace", Kind::Template, "The namespace, if it is not the service's own."),
    field(
        "each",
        Kind::Bool,
        "Whether every match of a pattern gets a local port of its own, counted up from `local`.",
    )
    .default("false"),
    field(
        "connect-timeout",
        Kind::Scalar(&DURATION),
        "How long a connection waits for a target that is ready.",
    )
    .default("\"10s\""),
    field(
        "readiness",
        Kind::OneOrMany(const { &Kind::Element(&PROBE) }),
        "What must pass through it before it counts as ready.",
    ),
];

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is a last step as others are, which can fail"
)]
fn finish(decoder: &mut Decoder<'_>, node: &Node, mut map: Map<String, Value>) -> Option<Value> {
    map.insert("origin".into(), decoder.origin(node.span));
    Some(Value::Object(map))
}
