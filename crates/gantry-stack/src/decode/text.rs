//! Texts with references, paths and secrets.

use std::borrow::Cow;

use camino::Utf8Path;
use serde_json::Value;

use super::Decoder;
use super::known::{Lookup, Said};
use crate::diagnostic::Diagnostic;
use crate::element::{Kind, SECRET};
use crate::interpolate::within;
use crate::node::{self, Node};
use crate::source::clean;
use crate::template::{Part, Reference, Template, marker};

impl Decoder<'_> {
    /// Reads a text with references. What is known is put in; the rest is noted for later.
    pub(super) fn template(&mut self, kind: &'static Kind, node: &Node) -> Option<Value> {
        let Some(text) = self.scalar_text(node) else {
            return self.mismatch(kind, node);
        };
        if !text.contains("{{") {
            return Some(Value::String(text.into_owned()));
        }
        self.parsed(node, &text).map(marker::of_template)
    }

    /// Reads a path. One that does not begin with a reference is made absolute.
    pub(super) fn file_path(&mut self, kind: &'static Kind, node: &Node) -> Option<Value> {
        let Some(text) = self.scalar_text(node) else {
            return self.mismatch(kind, node);
        };
        if text.is_empty() {
            let wrong = format!("{} is empty", self.subject());
            self.complain(Diagnostic::error("bad-path", node.span, wrong).expected("a path"));
            return None;
        }
        let template = self.parsed(node, &text)?;
        let mut parts = template.into_parts();
        if let Some(Part::Literal(first)) = parts.first_mut()
            && !first.starts_with("~/")
        {
            let folder = self.sources.folder(node.span);
            *first = absolute(folder, first);
        }
        Some(marker::of_template(Template::from_parts(parts)))
    }

    /// Reads a text or a secret.
    pub(super) fn secretive(&mut self, kind: &'static Kind, node: &Node) -> Option<Value> {
        match &node.value {
            node::Value::Map(_) => self.element(&SECRET, node),
            // A variable may be a secret.
            node::Value::Str(text) if text.contains("{{ vars.") => match self.known_whole(node) {
                Some(Ok(secret)) if is_secret(&secret) => Some(secret),
                Some(Err(Said)) => None,
                _ => self.template(kind, node),
            },
            _ => self.template(kind, node),
        }
    }

    /// The text of a scalar, as it was written.
    pub(super) fn scalar_text<'n>(&self, node: &'n Node) -> Option<Cow<'n, str>> {
        match &node.value {
            node::Value::Str(text) => Some(Cow::Borrowed(text.as_str())),
            node::Value::Int(number) => Some(Cow::Owned(number.to_string())),
            node::Value::Bool(value) => Some(Cow::Owned(value.to_string())),
            // `1.10` is meant as it is written, not as the number 1.1.
            node::Value::Float(number) => {
                let written = self.sources.slice(node.span);
                let written = written.filter(|text| text.parse() == Ok(*number));
                Some(
                    written
                        .map_or_else(|| number.to_string().into(), |text| text.to_owned().into()),
                )
            }
            node::Value::Null | node::Value::Seq(_) | node::Value::Map(_) => None,
        }
    }

    /// The template of a scalar's text, with what is known put in.
    fn parsed(&mut self, node: &Node, text: &str) -> Option<Template> {
        if !text.contains("{{") {
            return Some(Template::literal(text));
        }
        let template = match Template::parse_node(node) {
            Ok(template) => template,
            Err(error) => {
                let place = within(text, node.span, error.at.clone(), self.sources);
                let wrong = Diagnostic::error("bad-reference", place, error.message);
                self.complain(wrong.hint_if(error.hint));
                return None;
            }
        };
        let mut whole = true;
        let mut parts = Vec::with_capacity(template.parts().len());
        for part in template.into_parts() {
            let Part::Reference(reference) = part else {
                parts.push(part);
                continue;
            };
            match self.look_up(&reference, node) {
                Lookup::Known(value) => match self.spliced(&reference, value, node) {
                    Some(inner) => parts.extend(inner),
                    None => whole = false,
                },
                Lookup::Later => {
                    let span = self.place_of(&reference, node);
                    self.note_use(&reference, span);
                    parts.push(Part::Reference(reference));
                }
                Lookup::Wrong => whole = false,
            }
        }
        whole.then(|| Template::from_parts(parts))
    }

    /// The pieces that a known value is inside a text. A variable may hold references of its own.
    fn spliced(&mut self, reference: &Reference, value: Value, node: &Node) -> Option<Vec<Part>> {
        if let Some(text) = text_of(&value) {
            return Some(vec![Part::Literal(text)]);
        }
        let place = self.place_of(reference, node);
        let kind = match &value {
            Value::Array(_) => "a list",
            secret if is_secret(secret) => "a secret",
            _ => "a mapping",
        };
        let Ok(template) = marker::to_template(value) else {
            let path = reference.path_text();
            let wrong = format!("`{path}` is {kind}, and cannot be part of a text");
            self.error("bad-reference", place, wrong);
            return None;
        };
        for inner in template.references() {
            if !self.late {
                self.too_early(inner, node);
                return None;
            }
            self.note_use(inner, place);
        }
        Some(template.parts().to_vec())
    }

    /// Puts what is known into a text that must be known when the file is read.
    pub(super) fn settle(&mut self, node: &Node) -> Option<Node> {
        let text = node.as_str()?;
        let variable = match self.whole(node) {
            Some(variable) => Some(variable.ok()?),
            None => None,
        };
        let (node, text) = match &variable {
            Some(variable) => match variable.as_str() {
                Some(text) => (variable, text),
                None => return Some(variable.clone()),
            },
            None => (node, text),
        };
        let was_late = std::mem::replace(&mut self.late, false);
        let template = self.parsed(node, text);
        self.late = was_late;
        let template = template?;
        let text = template.as_literal()?;
        Some(Node {
            value: node::Value::Str(text.into()),
            ..node.clone()
        })
    }

    /// The value of a variable that stands alone where a list, a mapping or anything may be.
    pub(super) fn whole_variable(
        &mut self,
        kind: &'static Kind,
        node: &Node,
    ) -> Option<Result<Node, Said>> {
        let text_like = matches!(
            kind,
            Kind::Template | Kind::Path | Kind::Secretive | Kind::Any
        );
        if text_like
            || !node
                .as_str()
                .is_some_and(|text| text.trim_start().starts_with("{{"))
        {
            return None;
        }
        self.whole(node)
    }

    /// The value of a text that is one reference and known, with its kind kept.
    fn whole(&mut self, node: &Node) -> Option<Result<Node, Said>> {
        let template = Template::parse_node(node).ok()?;
        let reference = template.as_reference()?;
        if !matches!(reference.path.first()?.as_str(), "vars" | "stack") {
            return None;
        }
        match self.look_up(reference, node) {
            Lookup::Known(value) => Some(Ok(to_node(&value, node))),
            Lookup::Wrong => Some(Err(Said)),
            Lookup::Later => None,
        }
    }

    /// Where a reference stands in its text.
    pub(super) fn place_of(&self, reference: &Reference, node: &Node) -> crate::span::Span {
        let path = reference.path_text();
        match node
            .as_str()
            .and_then(|text| Some((text, text.find(&path)?)))
        {
            Some((text, at)) => within(text, node.span, at..at + path.len(), self.sources),
            None => node.span,
        }
    }
}

fn is_secret(value: &Value) -> bool {
    let sole = value.as_object().and_then(marker::sole);
    matches!(sole, Some((marker::SECRET, _)))
}

/// A known value as it appears inside a text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A known value in the place of the reference to it.
fn to_node(value: &Value, place: &Node) -> Node {
    let value = match value {
        Value::Null => node::Value::Null,
        Value::Bool(value) => node::Value::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => node::Value::Int(number),
            None => node::Value::Float(number.as_f64().unwrap_or_default()),
        },
        // Braces in a variable's text were dealt with when the variable was read.
        Value::String(text) => node::Value::Str(text.replace("{{", "{{{{").into()),
        Value::Array(items) => {
            node::Value::Seq(items.iter().map(|item| to_node(item, place)).collect())
        }
        Value::Object(entries) if marker::sole(entries).is_some() => {
            match marker::to_template(value.clone()) {
                Ok(template) => node::Value::Str(template.to_string().into()),
                Err(_) => node::Value::Null,
            }
        }
        Value::Object(entries) => {
            let mut map = node::Map::with_capacity(entries.len());
            for (name, value) in entries {
                let key = node::Key {
                    name: name.into(),
                    span: place.span,
                };
                map.insert(key, to_node(value, place));
            }
            node::Value::Map(map)
        }
    };
    Node::new(value, place.span, place.layer)
}

/// A path below a folder, absolute if the folder is. A `/` at the end stays: a reference may follow.
fn absolute(folder: &Utf8Path, path: &str) -> String {
    let mut out = clean(&folder.join(path)).into_string();
    if path.ends_with('/') && !out.ends_with('/') {
        out.push('/');
    }
    out
}
