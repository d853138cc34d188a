//! Text with references in it: `postgres://{{ services.db.host }}:{{ services.db.ports.sql }}/shop`.
//!
//! The grammar is small on purpose: `{{ PATH }}` or `{{ PATH | default(LITERAL) }}`, where `PATH` is names
//! with dots between them (a name that has a dot itself is written in double quotes) and
//! `LITERAL` is a number, `true`, `false`, `null` or a quoted text. `{{{{` stands for `{{`.
//!
//! In JSON a template is a plain text if it is all literal, and `{"$template": […]}` otherwise: a text in
//! any case. Where any value may stand, one reference alone is `{"$ref": …}` and keeps its kind. A
//! secret is `{"$secret": …}`. [`resolve_value`] puts in what the markers stand for.

mod env_value;
pub(crate) mod marker;
mod parse;
mod reference;
mod resolve;
mod secret;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::node::Node;

pub use env_value::EnvValue;
pub use parse::TemplateError;
pub use reference::Reference;
pub use resolve::{ResolveError, Resolver, resolve_value, text_of};
pub use secret::{DOTS, Secret};

/// One piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text that stands for itself.
    Literal(String),
    /// Something that is looked up.
    Reference(Reference),
}

/// Text with references in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// A text that stands for itself.
    pub fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        let parts = if text.is_empty() {
            Vec::new()
        } else {
            vec![Part::Literal(text)]
        };
        Self { parts }
    }

    /// One reference and nothing else.
    pub fn reference(reference: Reference) -> Self {
        Self {
            parts: vec![Part::Reference(reference)],
        }
    }

    /// These pieces; neighbouring literals are joined and empty ones left out.
    pub fn from_parts(parts: Vec<Part>) -> Self {
        let mut joined: Vec<Part> = Vec::with_capacity(parts.len());
        for part in parts {
            match (joined.last_mut(), part) {
                (_, Part::Literal(text)) if text.is_empty() => {}
                (Some(Part::Literal(before)), Part::Literal(text)) => before.push_str(&text),
                (_, part) => joined.push(part),
            }
        }
        Self { parts: joined }
    }

    /// Reads the grammar above.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        parse::parse(text, &[])
    }

    /// Reads the text of a node; what `${}` put in is literal, braces or not. The place of an
    /// error in the node's text becomes one in the file by [`within`](crate::interpolate::within).
    pub fn parse_node(node: &Node) -> Result<Self, TemplateError> {
        let put_in = node.substituted.as_ref().map_or(&[][..], |s| &s.ranges);
        parse::parse(node.as_str().unwrap_or_default(), put_in)
    }

    /// The pieces.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The pieces, taken out.
    pub fn into_parts(self) -> Vec<Part> {
        self.parts
    }

    /// The text, if nothing in it is looked up.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The reference, if that is all there is: then its kind is kept.
    pub fn as_reference(&self) -> Option<&Reference> {
        match self.parts.as_slice() {
            [Part::Reference(reference)] => Some(reference),
            _ => None,
        }
    }

    /// All that is looked up.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Reference(reference) => Some(reference),
            Part::Literal(_) => None,
        })
    }

    /// The same text with every reference that `known` has a value for replaced by it.
    #[must_use]
    pub fn substitute(self, mut known: impl FnMut(&Reference) -> Option<String>) -> Self {
        if self.as_literal().is_some() {
            return self;
        }
        let put = |part| match part {
            Part::Reference(reference) => match known(&reference) {
                Some(text) => Part::Literal(text),
                None => Part::Reference(reference),
            },
            literal @ Part::Literal(_) => literal,
        };
        Self::from_parts(self.parts.into_iter().map(put).collect())
    }
}

impl From<&str> for Template {
    fn from(text: &str) -> Self {
        Self::literal(text)
    }
}

impl From<String> for Template {
    fn from(text: String) -> Self {
        Self::literal(text)
    }
}

/// As it is written in a stack file.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => f.write_str(&text.replace("{{", "{{{{"))?,
                Part::Reference(reference) => write!(f, "{{{{ {reference} }}}}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_literal() {
            Some(text) => serializer.serialize_str(text),
            None => marker::of_template(self.clone()).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        marker::to_template(value).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
