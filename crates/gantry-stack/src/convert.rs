//! Other people's files as stack files, for those who want to leave the old ones behind.
//!
//! What has no equivalent stands as a comment where it was: nothing is dropped silently.

use std::fmt::Write as _;

use camino::Utf8Path;

use crate::diagnostic::{Diagnostics, Report};
use crate::import::read_text;
use crate::layer::Layer;
use crate::node::{Node, Value};
use crate::read::{Format, read_as};
use crate::source::SourceMap;
use crate::span::Span;

mod compose;
mod config;
#[cfg(test)]
mod tests;

pub use config::config;

/// A stack file of a Compose file: each of its services as a container.
pub fn compose(path: &Utf8Path) -> Result<String, Report> {
    let mut sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    if let Some(folder) = path.parent() {
        sources.set_base(folder);
    }
    let root = match read_text(path) {
        Ok(text) => {
            let id = sources.add_file(path, Layer::File, text);
            Some(read_as(Format::Yaml, id, &sources, &mut diagnostics))
        }
        Err(reason) => {
            let message = format!("cannot read {path}: {reason}");
            let wrong =
                crate::diagnostic::Diagnostic::error("unreadable-file", Span::NONE, message);
            diagnostics.push(wrong);
            None
        }
    };
    let failed = diagnostics.has_errors();
    let report = diagnostics.finish(sources.into());
    match root {
        Some(root) if !failed => Ok(compose::stack(&root, path)),
        _ => Err(report),
    }
}

/// TOML as it grows.
#[derive(Debug, Default)]
struct Toml {
    text: String,
}

impl Toml {
    fn comment(&mut self, text: &str) {
        for line in text.lines() {
            let _ = writeln!(self.text, "# {line}");
        }
    }

    fn table(&mut self, path: &[&str]) {
        let path: Vec<String> = path.iter().map(|part| key(part)).collect();
        let _ = writeln!(self.text, "\n[{}]", path.join("."));
    }

    fn value(&mut self, name: &str, value: &str) {
        let _ = writeln!(self.text, "{} = {value}", key(name));
    }

    /// A key of the other file that means nothing here, as it was.
    fn without_equivalent(&mut self, name: &str, node: &Node) {
        self.comment(&format!("no equivalent: {name}: {}", inline(node)));
    }
}

/// A key, in quotes if it has odd letters.
fn key(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        string(name)
    }
}

/// A text in quotes. JSON's are TOML's.
fn string(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

/// A text in which `{{` is meant as it stands.
fn literal(text: &str) -> String {
    string(&text.replace("{{", "{{{{"))
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(", "))
}

/// An inline table.
fn inline_table(entries: &[(String, String)]) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|(name, value)| format!("{} = {value}", key(name)))
        .collect();
    format!("{{ {} }}", entries.join(", "))
}

/// A value on one line, for a comment.
fn inline(node: &Node) -> String {
    match &node.value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Str(text) => {
            let mut out = String::new();
            crate::write::string(text, &mut out);
            out
        }
        Value::Seq(items) => list(items.iter().map(inline)),
        Value::Map(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|one| format!("{}: {}", one.key.name, inline(&one.value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// The text of a scalar.
fn scalar(node: &Node) -> Option<String> {
    Some(match &node.value {
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Str(text) => text.to_string(),
        _ => return None,
    })
}

/// The texts of a list, or of one.
fn texts(node: &Node) -> Option<Vec<String>> {
    match &node.value {
        Value::Seq(items) => items.iter().map(scalar).collect(),
        _ => scalar(node).map(|one| vec![one]),
    }
}

/// `NAME: value` and `- NAME=value`; a value may be missing.
fn pairs(node: &Node, separator: char) -> Option<Vec<(String, Option<String>)>> {
    match &node.value {
        Value::Map(map) => map
            .iter()
            .map(|one| {
                let value = if one.value.is_null() {
                    Some(None)
                } else {
                    scalar(&one.value).map(Some)
                };
                Some((one.key.name.to_string(), value?))
            })
            .collect(),
        Value::Seq(items) => items
            .iter()
            .map(|item| {
                let text = scalar(item)?;
                Some(match text.split_once(separator) {
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                    None => (text, None),
                })
            })
            .collect(),
        _ => None,
    }
}
