//! Values of any form, such as those of a chart.

use serde_json::{Map, Number, Value, json};

use super::Decoder;
use crate::diagnostic::Diagnostic;
use crate::element::{Kind, SECRET};
use crate::node::{self, Node};
use crate::template::Template;

impl Decoder<'_> {
    /// Reads anything. A text that is one reference keeps the kind of what it refers to.
    pub(super) fn any(&mut self, node: &Node) -> Option<Value> {
        match &node.value {
            node::Value::Null => Some(Value::Null),
            node::Value::Bool(value) => Some(Value::Bool(*value)),
            node::Value::Int(number) => Some(Value::from(*number)),
            node::Value::Float(number) => {
                let finite = Number::from_f64(*number);
                if finite.is_none() {
                    let wrong = format!("{} is not finite", self.subject());
                    self.error("bad-value", node.span, wrong);
                }
                finite.map(Value::Number)
            }
            node::Value::Str(text) if text.contains("{{") => self.any_text(node),
            node::Value::Str(text) => Some(Value::from(text.as_str())),
            node::Value::Seq(items) => self.items(&Kind::Any, items),
            node::Value::Map(map) => match sole_key(map) {
                Some(key) if SECRET.field(key).is_some() => self.secret_in_any(node),
                _ => self.any_map(map),
            },
        }
    }

    fn any_map(&mut self, map: &node::Map) -> Option<Value> {
        let mut out = Map::with_capacity(map.len());
        let mut whole = true;
        for entry in map {
            if entry.key.name.starts_with('$') {
                let wrong = format!(
                    "`{}`: names that begin with `$` are not allowed",
                    entry.key.name
                );
                self.error("bad-name", entry.key.span, wrong);
                whole = false;
                continue;
            }
            let value = self.under(&entry.key.name, |decoder| decoder.any(&entry.value));
            match value {
                Some(value) => {
                    out.insert(entry.key.name.to_string(), value);
                }
                None => whole = false,
            }
        }
        whole.then_some(Value::Object(out))
    }

    fn any_text(&mut self, node: &Node) -> Option<Value> {
        if let Some(known) = self.known_whole(node) {
            return known.ok();
        }
        let value = self.template(&Kind::Template, node)?;
        let template: Template = serde_json::from_value(value.clone()).ok()?;
        match template.as_reference() {
            Some(reference) => Some(json!({ "$ref": reference })),
            None => Some(value),
        }
    }

    fn secret_in_any(&mut self, node: &Node) -> Option<Value> {
        if self.late {
            return self.element(&SECRET, node);
        }
        let wrong = format!(
            "{} is a secret, which is only known when the stack runs",
            self.subject()
        );
        let wrong = Diagnostic::error("misplaced-secret", node.span, wrong)
            .hint("secrets may stand in `env`, in `values`, in `headers`, and in passwords");
        self.complain(wrong);
        None
    }
}

fn sole_key(map: &node::Map) -> Option<&str> {
    let mut names = map.names();
    match (names.next(), names.next()) {
        (Some(name), None) => Some(name),
        _ => None,
    }
}
