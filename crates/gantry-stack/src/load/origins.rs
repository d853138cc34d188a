//! Where each value came from.

use serde::{Deserialize, Serialize};

use crate::element::SECRET;
use crate::layer::Layer;
use crate::node::{Node, Value};
use crate::source::SourceMap;
use crate::template::DOTS;

/// One value and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueOrigin {
    /// The keys that lead to it: `services.db.ports.sql`.
    pub path: String,
    /// The value as text; dots if it is a secret.
    pub value: String,
    /// The file, or what else it came from.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column, from 1.
    pub column: Option<usize>,
    /// The layer.
    pub layer: Layer,
}

/// Every value below a node.
pub(super) fn of(tree: &Node, sources: &SourceMap) -> Vec<ValueOrigin> {
    let mut all: Vec<ValueOrigin> = Vec::new();
    tree.leaves(&mut |path, node| {
        let secret = SECRET.fields.iter().find_map(|field| {
            let at = path.rfind(&format!(".{}", field.key))?;
            let rest = &path[at + 1 + field.key.len()..];
            (rest.is_empty() || rest.starts_with('[')).then(|| &path[..at])
        });
        let path = secret.unwrap_or(path);
        if secret.is_some() && all.last().is_some_and(|last| last.path == path) {
            return;
        }
        let place = sources.place(node.span);
        all.push(ValueOrigin {
            path: path.to_owned(),
            value: match secret {
                Some(_) => DOTS.to_owned(),
                None => text(&node.value),
            },
            file: place.map(|place| place.name.to_owned()),
            line: place.map(|place| place.position.line),
            column: place.map(|place| place.position.column),
            layer: node.layer,
        });
    });
    all
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Str(text) => format!("{text:?}"),
        Value::Seq(_) => "[]".to_owned(),
        Value::Map(_) => "{}".to_owned(),
    }
}
