//! Where a secret is found.

use serde_json::{Map, Value, json};

use super::{Element, Field, Kind, field};
use crate::decode::Decoder;
use crate::node::Node;

/// A secret.
pub static SECRET: Element = Element::new(
    "secret",
    "Where a secret is found. It is read when the service starts, kept in memory only, and printed as `•••`.",
    FIELDS,
)
.exclusive(&[KEYS])
.one_of(&[KEYS])
.finish(finish);

const KEYS: &[&str] = &["from-env", "from-file", "from-command"];

const FIELDS: &[Field] = &[
    field(
        "from-env",
        Kind::Text,
        "The variable of the environment that `gantry up` was given.",
    ),
    field(
        "from-file",
        Kind::Path,
        "The file; its last newline is left out.",
    ),
    field(
        "from-command",
        Kind::List(&Kind::Text),
        "The command that prints it; the last newline is left out.",
    ),
];

fn finish(_: &mut Decoder<'_>, _: &Node, map: Map<String, Value>) -> Option<Value> {
    let (key, value) = map.into_iter().next()?;
    let kind = key.trim_start_matches("from-");
    Some(json!({ "$secret": { kind: value } }))
}
