//! What a service needs before it may start.

use serde_json::{Map, Value};

use super::scalar::CHILD_NAME;
use super::{Element, Field, Kind, field};
use crate::decode::Decoder;
use crate::node::Node;

/// One entry of `depends-on`.
pub static DEPENDENCY: Element = Element::new(
    "dependency",
    "What a service needs before it may start. A text alone is the service, which must be ready.",
    FIELDS,
)
.short("service")
.finish(finish);

const CONDITIONS: &[(&str, &str)] = &[
    ("started", "it was started, ready or not"),
    ("ready", "it is ready"),
    ("completed", "it is a job, and ended well"),
];

const FIELDS: &[Field] = &[
    field(
        "service",
        Kind::Scalar(&CHILD_NAME),
        "The service, or `SERVICE/CHILD` for one part of it, such as a service of a Compose project or a workload.",
    )
    .required(),
    field("condition", Kind::Word(CONDITIONS), "What is waited for.").default("\"ready\""),
];

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is a last step as others are, which can fail"
)]
fn finish(decoder: &mut Decoder<'_>, node: &Node, mut map: Map<String, Value>) -> Option<Value> {
    let split = map
        .get("service")
        .and_then(Value::as_str)
        .and_then(|text| text.split_once('/'))
        .map(|(service, child)| (service.to_owned(), child.to_owned()));
    if let Some((service, child)) = split {
        map.insert("service".into(), service.into());
        map.insert("child".into(), child.into());
    }
    map.insert("origin".into(), decoder.origin(node.span));
    Some(Value::Object(map))
}
