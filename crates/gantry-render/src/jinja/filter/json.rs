//! `tojson`, as Python's `json.dumps` with sorted keys, safe for HTML.

use std::fmt::Write as _;

use super::super::check;
use super::super::evaluate::Given;
use super::super::operate::{self, Fault};
use super::super::repr;
use super::super::value::{Key, Value};
use super::words;

pub(super) fn filter(value: &Value, given: Given) -> Result<Value, Fault> {
    let [indent] = words("tojson", ["indent"], given)?;
    let indent = match indent {
        None | Some(Value::None) => None,
        Some(Value::Int(width @ 0..=64)) => Some(usize::try_from(width).unwrap_or(0)),
        Some(other) => {
            operate::usable(&other)?;
            return Err(Fault::unsupported(format!(
                "`tojson` with an indent of {}",
                other.describe()
            )));
        }
    };
    let mut out = String::new();
    write(value, indent, 0, &mut out)?;
    Ok(Value::Markup(out.into()))
}

fn line(indent: Option<usize>, depth: usize, out: &mut String) {
    if let Some(width) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', width * depth));
    }
}

fn write(
    value: &Value,
    indent: Option<usize>,
    depth: usize,
    out: &mut String,
) -> Result<(), Fault> {
    operate::usable(value)?;
    let comma = if indent.is_some() { "," } else { ", " };
    match value {
        Value::None => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Float(number) if number.is_finite() => out.push_str(&repr::float(*number)),
        Value::Str(text) => string(text, out),
        Value::List(items) | Value::Tuple(items) => {
            if items.is_empty() {
                out.push_str("[]");
                return Ok(());
            }
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push_str(comma);
                }
                line(indent, depth + 1, out);
                write(item, indent, depth + 1, out)?;
            }
            line(indent, depth, out);
            out.push(']');
        }
        Value::Dict(dict) => {
            if dict.is_empty() {
                out.push_str("{}");
                return Ok(());
            }
            if !check::all_texts(dict.keys()) {
                return Err(Fault::unsupported(
                    "`tojson` of a mapping whose keys are numbers",
                ));
            }
            let mut entries: Vec<(&Key, &Value)> = dict.iter().collect();
            entries.sort_by(|(left, _), (right, _)| match (left, right) {
                (Key::Str(left), Key::Str(right)) => left.cmp(right),
                _ => std::cmp::Ordering::Equal,
            });
            out.push('{');
            for (place, (key, value)) in entries.into_iter().enumerate() {
                if place > 0 {
                    out.push_str(comma);
                }
                line(indent, depth + 1, out);
                if let Key::Str(key) = key {
                    string(key, out);
                }
                out.push_str(": ");
                write(value, indent, depth + 1, out)?;
            }
            line(indent, depth, out);
            out.push('}');
        }
        other => {
            return Err(Fault::unsupported(format!(
                "`tojson` of {}",
                other.describe()
            )));
        }
    }
    operate::small(out.len())
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '<' | '>' | '&' | '\'' => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            ' '..='~' => out.push(letter),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
