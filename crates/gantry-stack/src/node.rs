//! The one tree that both formats are read into.

use std::fmt::Write as _;

use smol_str::SmolStr;

use crate::layer::Layer;
use crate::span::Span;

pub use map::{Entry, Key, Map};

mod map;
#[cfg(test)]
mod tests;

/// A value with everything that a decoder needs to complain about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it was written, quotes and brackets included.
    pub span: Span,
    /// Which layer it came from.
    pub layer: Layer,
    /// What the file says about how it merges.
    pub tag: Tag,
    /// What was put into it for `${}`; `None` for all that was written as it is.
    pub substituted: Option<Box<Substituted>>,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// YAML's null.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a point or an exponent.
    Float(f64),
    /// Text. Dates are text too.
    Str(SmolStr),
    /// A list.
    Seq(Vec<Node>),
    /// A mapping, in the order in which it was written.
    Map(Map),
}

/// YAML tags that mean something here. All others are complaints of the reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tag {
    /// Merges as usual.
    #[default]
    None,
    /// `!reset`: none, whatever lower layers say.
    Reset,
    /// `!override`: a mapping that replaces instead of merging.
    Override,
}

/// Which parts of a scalar's text were put in for `${}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Substituted {
    /// Byte ranges of the text, ascending. References are not looked for in them.
    pub ranges: Vec<std::ops::Range<u32>>,
    /// Whether the scalar was one substitution and nothing else.
    pub whole: bool,
}

impl Substituted {
    /// All of a text was put in.
    pub fn all_of(text: &str, whole: bool) -> Self {
        let all = 0..u32::try_from(text.len()).unwrap_or(u32::MAX);
        Self {
            ranges: std::iter::once(all).collect(),
            whole,
        }
    }
}

impl Node {
    /// A node as a reader makes it.
    pub fn new(value: Value, span: Span, layer: Layer) -> Self {
        Self {
            value,
            span,
            layer,
            tag: Tag::None,
            substituted: None,
        }
    }

    /// What it is, as messages say it: "a string".
    pub fn kind(&self) -> &'static str {
        self.value.kind()
    }

    /// Whether its text was one `${}` and nothing else, so that decoders of numbers and of true
    /// and false should parse the text.
    pub fn is_substitution(&self) -> bool {
        self.substituted.as_ref().is_some_and(|s| s.whole)
    }

    /// Whether a substitution in it went wrong. That has been complained about, so that a decoder
    /// should pass over it in silence.
    pub fn is_unresolved(&self) -> bool {
        let nothing = |s: &Substituted| s.ranges.is_empty() && !s.whole;
        self.substituted.as_deref().is_some_and(nothing)
    }

    /// Whether something was put in anywhere.
    pub fn from_substitution(&self) -> bool {
        self.substituted.is_some() && !self.is_unresolved()
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number, also one that came as the text of a substitution.
    pub fn as_int(&self) -> Option<i64> {
        match &self.value {
            Value::Int(number) => Some(*number),
            Value::Str(text) if self.is_substitution() => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A number, also one that came as the text of a substitution.
    pub fn as_float(&self) -> Option<f64> {
        match &self.value {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a number past 2^53 is none that a user measures with"
            )]
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Str(text) if self.is_substitution() => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// True or false, also as the text of a substitution.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(value) => Some(*value),
            Value::Str(text) if self.is_substitution() => match text.trim() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_seq(&self) -> Option<&[Self]> {
        match &self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The entries of a mapping, to change.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Whether it says "none": null, or `!reset`.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The node below it by keys, and by numbers in lists.
    pub fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&Self> {
        path.into_iter()
            .try_fold(self, |node, step| match &node.value {
                Value::Map(map) => map.get(step),
                Value::Seq(items) => items.get(step.parse::<usize>().ok()?),
                _ => None,
            })
    }

    /// Calls `visit` with every value that is no mapping, and its path: `services.db.ports.sql`,
    /// `services.db.command[0]`.
    pub fn leaves(&self, visit: &mut dyn FnMut(&str, &Self)) {
        let mut path = String::new();
        walk(self, &mut path, visit);
    }
}

fn walk(node: &Node, path: &mut String, visit: &mut dyn FnMut(&str, &Node)) {
    let length = path.len();
    match &node.value {
        Value::Map(map) if !map.is_empty() => {
            for entry in map {
                if length > 0 {
                    path.push('.');
                }
                path.push_str(&quote_key(&entry.key.name));
                walk(&entry.value, path, visit);
                path.truncate(length);
            }
        }
        Value::Seq(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                let _ = write!(path, "[{index}]");
                walk(item, path, visit);
                path.truncate(length);
            }
        }
        _ => visit(path, node),
    }
}

/// A key as it stands in a path: in quotes if it has dots or the like.
pub fn quote_key(key: &str) -> std::borrow::Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '*');
    if !key.is_empty() && key.chars().all(plain) {
        key.into()
    } else {
        format!("{key:?}").into()
    }
}

impl Value {
    /// What it is, as messages say it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Str(_) => "a string",
            Self::Seq(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}
