//! Mappings with known keys.

use serde_json::{Map, Value};

use super::{Decoder, accepts, expected, foreign, short_of};
use crate::diagnostic::Diagnostic;
use crate::element::{self, Element, Kind, Need};
use crate::nearest::{did_you_mean, nearest};
use crate::node::{self, Node};

impl Decoder<'_> {
    /// Reads a mapping with known keys, and does its last step.
    pub fn element(&mut self, element: &'static Element, node: &Node) -> Option<Value> {
        let (map, whole) = self.fields(element, node)?;
        if !whole {
            return None;
        }
        match element.finish {
            Some(finish) => finish(self, node, map),
            None => Some(Value::Object(map)),
        }
    }

    /// Reads the keys of a mapping. Says whether all went well.
    pub fn fields(
        &mut self,
        element: &'static Element,
        node: &Node,
    ) -> Option<(Map<String, Value>, bool)> {
        let node::Value::Map(entries) = &node.value else {
            return self.short(element, node).map(|map| (map, true));
        };
        let mut map = Map::with_capacity(entries.len());
        let mut whole = true;
        for entry in entries {
            let Some(field) = element.field(&entry.key.name) else {
                self.unknown_key(element, &entry.key);
                whole = false;
                continue;
            };
            if entry.value.is_null() {
                continue;
            }
            let outer = self.mode;
            if element.name == "service" {
                self.mode = element::mode::find(field.key).map(|mode| mode.name);
            }
            let value = self.under(field.key, |decoder| {
                decoder.decode(&field.kind, &entry.value)
            });
            self.mode = outer;
            match value {
                Some(value) => {
                    map.insert(field.key.to_owned(), value);
                }
                None => whole = false,
            }
        }
        let unknown = entries.names().any(|name| element.field(name).is_none());
        let there = |key: &str| entries.get(key).is_some_and(|node| !node.is_null());
        // A key that is misspelt is not missing, too.
        let meant: Vec<&str> = entries
            .names()
            .filter(|name| element.field(name).is_none())
            .filter_map(|name| {
                let keys = || element.fields.iter().map(|field| field.key);
                foreign::key(&name.to_lowercase(), keys()).or_else(|| nearest(name, keys()))
            })
            .collect();
        for group in element.exclusive {
            let mut found = group.iter().filter(|key| there(key));
            if let (Some(first), Some(second)) = (found.next(), found.next()) {
                self.exclusive(entries, first, second);
                whole = false;
            }
        }
        for group in element.one_of {
            // One that is not known was probably meant to be it.
            if !unknown && !group.iter().any(|key| there(key)) {
                self.missing(element, node, group);
                whole = false;
            }
        }
        for field in element.fields {
            if field.need == Need::Required && !there(field.key) && !meant.contains(&field.key) {
                self.missing(element, node, &[field.key]);
                whole = false;
            }
        }
        Some((map, whole))
    }

    /// Reads the shorter spelling.
    fn short(&mut self, element: &'static Element, node: &Node) -> Option<Map<String, Value>> {
        // A command that is a string has a better message than any of these.
        let is_line = |kind| matches!((kind, &node.value), (&Kind::Command, node::Value::Str(_)));
        let kind = short_of(element).filter(|kind| accepts(kind, node) || is_line(kind));
        let (Some(kind), Some(key)) = (kind, element.short) else {
            let message = format!("{} is {}", self.subject(), node.kind());
            let expected = expected::of_element(element);
            self.complain(Diagnostic::error("wrong-kind", node.span, message).expected(expected));
            return None;
        };
        let value = self.decode(kind, node)?;
        Some(Map::from_iter([(key.to_owned(), value)]))
    }

    fn unknown_key(&mut self, element: &'static Element, key: &node::Key) {
        let keys = || element.fields.iter().map(|field| field.key);
        let folded = key.name.replace('_', "-").to_lowercase();
        let foreign = || {
            let ours = foreign::key(&folded, keys())?;
            Some(format!("it is called `{ours}` here"))
        };
        let elsewhere = || {
            let of: Vec<String> = element::mode::ALL
                .iter()
                .filter(|mode| element.name == "service" && mode.element.field(&folded).is_some())
                .map(|mode| format!("`{}`", mode.name))
                .collect();
            (!of.is_empty()).then(|| {
                let tables = expected::either(&of);
                format!("`{folded}` belongs to a mode: write it below {tables} of the service")
            })
        };
        let hint = foreign()
            .or_else(elsewhere)
            .or_else(|| did_you_mean(&key.name, keys()))
            .unwrap_or_else(|| {
                let all: Vec<&str> = keys().collect();
                format!("its keys are {}", all.join(", "))
            });
        let message = format!("`{}` is no key of {}", key.name, self.owner(element));
        self.complain(Diagnostic::error("unknown-key", key.span, message).hint(hint));
    }

    /// The element with an article, or the service by name.
    fn owner(&self, element: &'static Element) -> String {
        match (element.name, &self.service) {
            ("stack", _) => "a stack".to_owned(),
            ("service", Some(name)) => format!("the service `{name}`"),
            (name, _) if self.path.is_empty() => format!("`{name}`"),
            _ => self.subject(),
        }
    }

    fn exclusive(&mut self, entries: &node::Map, first: &str, second: &str) {
        let (Some(first), Some(second)) = (entries.entry(first), entries.entry(second)) else {
            return;
        };
        let (first, second) = if first.key.span <= second.key.span {
            (&first.key, &second.key)
        } else {
            (&second.key, &first.key)
        };
        let message = format!("`{}` and `{}` exclude each other", first.name, second.name);
        let wrong = Diagnostic::error("exclusive-keys", second.span, message)
            .also(first.span, format!("`{}` is here", first.name))
            .hint("remove one of them");
        self.complain(wrong);
    }

    fn missing(&mut self, element: &'static Element, node: &Node, keys: &[&str]) {
        let quoted: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        let owner = self.owner(element);
        let message = match quoted.as_slice() {
            [one] => format!("{owner} needs {one}"),
            many => format!("{owner} needs one of {}", many.join(", ")),
        };
        let field = match keys {
            [one] => element.field(one),
            _ => None,
        };
        let hint =
            field.map(|field| format!("add `{} = …`: {}", field.key, first_sentence(field.doc)));
        self.complain(Diagnostic::error("missing-key", node.span, message).hint_if(hint));
    }
}

/// The first sentence of a description, as it goes on after a colon.
fn first_sentence(doc: &str) -> String {
    let sentence = doc.split_inclusive(". ").next().unwrap_or(doc);
    let mut characters = sentence.trim_end_matches(['.', ' ']).chars();
    let first = characters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(characters).collect()
}
