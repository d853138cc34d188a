//! What templates see: the whole configuration.

use std::fmt::Write as _;

use gantry_stack::configuration::Configuration;
use gantry_stack::dialect::scalar::{self, Scalar};
use gantry_stack::model::Stack;
use gantry_stack::node::{self, Node};
use gantry_stack::source::SourceMap;

use crate::jinja::{Dict, Key, Value};

/// All names of a template.
pub(crate) fn of(
    configuration: &Configuration,
    stack: &Stack,
    sources: &SourceMap,
    time: &str,
) -> Dict {
    let python = configuration.dialect.is_some();
    let reader = Reader { sources, python };
    let mut dict = match reader.value(&configuration.values) {
        Value::Dict(dict) => (*dict).clone(),
        _ => Dict::new(),
    };
    if !python {
        let vars = stack.vars.iter();
        let vars: Dict = vars
            .map(|(name, value)| (Key::from(name.as_str()), json(value)))
            .collect();
        dict.insert("vars".into(), vars.into());
        dict.insert("name".into(), Value::from(stack.name.as_str()));
    }
    let root = configuration
        .dialect
        .as_ref()
        .map_or(stack.dir.as_str(), |dialect| &dialect.root);
    let name = configuration
        .dialect
        .as_ref()
        .map_or(stack.name.as_str(), |dialect| &dialect.name);
    let labels: Dict = [
        ("project_name", name),
        ("project_root", root),
        ("deployed_at", time),
    ]
    .into_iter()
    .map(|(key, value)| (Key::from(key), Value::from(value)))
    .collect();
    if python {
        dict.insert("osprey_labels".into(), labels.clone().into());
        bind_address(&mut dict);
    }
    dict.insert("gantry".into(), labels.into());
    dict
}

/// Ports are for this machine alone, unless the configuration says otherwise.
fn bind_address(dict: &mut Dict) {
    let key = Key::from("deployment");
    let mut deployment = match dict.get(&key) {
        None | Some(Value::None) => Dict::new(),
        Some(Value::Dict(given)) => (**given).clone(),
        Some(_) => return,
    };
    deployment
        .entry("bind_address".into())
        .or_insert_with(|| Value::from("127.0.0.1"));
    dict.insert(key, deployment.into());
}

struct Reader<'a> {
    sources: &'a SourceMap,
    /// Whether scalars are what Python reads.
    python: bool,
}

impl Reader<'_> {
    fn value(&self, node: &Node) -> Value {
        match &node.value {
            node::Value::Seq(items) => {
                let items: Vec<Value> = items.iter().map(|item| self.value(item)).collect();
                items.into()
            }
            node::Value::Map(map) => {
                let entries = map.iter();
                let dict: Dict = entries
                    .map(|entry| (self.key(&entry.key), self.value(&entry.value)))
                    .collect();
                dict.into()
            }
            _ if node.is_unresolved() => {
                let text = node.as_str().unwrap_or_default();
                self.refused(node, format!("`{text}` has a variable that is not set"))
            }
            node::Value::Str(text) if !self.python && has_reference(node) => {
                let reason = format!("`{text}` is known only when the stack runs");
                self.refused(node, reason)
            }
            _ if self.python => match scalar::of(node, self.sources) {
                Some(scalar) => self.scalar(node, scalar),
                None => Value::None,
            },
            node::Value::Null => Value::None,
            node::Value::Bool(value) => Value::Bool(*value),
            node::Value::Int(number) => Value::Int(*number),
            node::Value::Float(number) => Value::Float(*number),
            node::Value::Str(text) => Value::from(text.as_str()),
        }
    }

    fn key(&self, key: &node::Key) -> Key {
        let written = self.sources.slice(key.span);
        if self.python && written == Some(&*key.name) {
            match scalar::read(&key.name) {
                Scalar::Str(_) => {}
                Scalar::Int(number) => return Key::Int(number),
                _ => return Key::Odd(key.name.as_str().into()),
            }
        }
        Key::from(key.name.as_str())
    }

    fn scalar(&self, node: &Node, scalar: Scalar) -> Value {
        match scalar {
            Scalar::None => Value::None,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Int(number) => Value::Int(number),
            Scalar::Float(number) => Value::Float(number),
            Scalar::Str(text) => Value::from(text.as_str()),
            Scalar::Date(text) => self.refused(
                node,
                format!(
                    "`{text}` is a date, which templates print in another way; put it into quotes"
                ),
            ),
            Scalar::Large(text) => self.refused(
                node,
                format!("`{text}` is too large a number; put it into quotes"),
            ),
        }
    }

    fn refused(&self, node: &Node, mut reason: String) -> Value {
        if let Some(place) = self.sources.place(node.span) {
            let _ = write!(reason, " (at {place})");
        }
        Value::Refused(reason.into())
    }
}

/// Whether `{{` was written there, and not put in by a variable.
fn has_reference(node: &Node) -> bool {
    let template = gantry_stack::template::Template::parse_node(node);
    template.is_ok_and(|template| template.as_literal().is_none())
}

fn json(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::None,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(json).collect::<Vec<_>>().into(),
        Json::Object(map) => {
            if let Some(marker) = map.keys().find(|key| key.starts_with('$')) {
                let what = if marker == "$secret" {
                    "a secret"
                } else {
                    "known only when the stack runs"
                };
                return Value::Refused(format!("this variable is {what}").into());
            }
            let entries = map.iter();
            let dict: Dict = entries
                .map(|(key, value)| (Key::from(key.as_str()), json(value)))
                .collect();
            dict.into()
        }
    }
}
