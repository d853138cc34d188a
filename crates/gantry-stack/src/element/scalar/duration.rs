//! Durations: `"200ms"`, `"10s"`, `"1m30s"`.

use gantry_core::Millis;
use serde_json::Value;

use super::{Problem, Scalar};
use crate::node::{self, Node};

/// A duration, whole milliseconds in the model.
pub static DURATION: Scalar = Scalar {
    name: "duration",
    expected: "a duration such as \"10s\"",
    schema: r#"{"type":"string","pattern":"^(([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+|0)$"}"#,
    example: "\"3s\"",
    parse,
};

/// A duration that is not zero.
pub static SPAN: Scalar = Scalar {
    name: "duration",
    expected: "a duration such as \"10s\"",
    schema: r#"{"type":"string","pattern":"^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$"}"#,
    example: "\"3s\"",
    parse: |node| match parse(node)? {
        zero if zero == 0 => Err(Problem::value("this must be longer than 0")),
        value => Ok(value),
    },
};

const UNITS: [(&str, f64); 5] = [
    ("ms", 1.0),
    ("s", 1_000.0),
    ("m", 60_000.0),
    ("h", 3_600_000.0),
    ("d", 86_400_000.0),
];

fn parse(node: &Node) -> Result<Value, Problem> {
    match &node.value {
        node::Value::Str(text) => parse_duration(text).map(|millis| Value::from(millis.0)),
        node::Value::Int(number) => Err(Problem::value("a duration needs a unit").hint(format!(
            "write \"{number}s\" for seconds or \"{number}ms\" for milliseconds"
        ))),
        node::Value::Float(number) => Err(Problem::value("a duration needs a unit")
            .hint(format!("write \"{number}s\" for seconds"))),
        _ => Err(Problem::Kind),
    }
}

/// Reads a duration: numbers with the units `ms`, `s`, `m`, `h`, `d`, one after the other.
pub fn parse_duration(text: &str) -> Result<Millis, Problem> {
    let trimmed = text.trim();
    if trimmed == "0" {
        return Ok(Millis(0));
    }
    if trimmed.is_empty() {
        return Err(Problem::value("an empty text is no duration"));
    }
    if trimmed.starts_with('-') {
        return Err(Problem::value("a duration cannot be negative"));
    }
    let mut rest = trimmed;
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = end_of(rest, |c| c.is_ascii_digit() || c == '.');
        let Ok(number) = rest[..digits].parse::<f64>() else {
            return Err(Problem::value(format!("`{trimmed}` is no duration")));
        };
        rest = rest[digits..].trim_start();
        let letters = end_of(rest, char::is_alphabetic);
        let unit = &rest[..letters];
        rest = rest[letters..].trim_start();
        let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(if unit.is_empty() && rest.is_empty() {
                Problem::value("a duration needs a unit")
                    .hint(format!("write \"{trimmed}s\" for seconds"))
            } else if unit.is_empty() {
                Problem::value(format!("`{trimmed}` is no duration"))
            } else {
                Problem::value(format!("`{unit}` is no unit of time"))
                    .hint("the units are ms, s, m, h and d")
            });
        };
        total += number * factor;
    }
    if total > 0.0 && total < 1.0 {
        return Err(Problem::value("the shortest duration is 1ms"));
    }
    if total > 3_153_600_000_000.0 {
        return Err(Problem::value("the longest duration is 36500d"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the limit above"
    )]
    Ok(Millis(total.round() as u64))
}

/// Where the characters of a kind end.
pub(super) fn end_of(text: &str, of_kind: impl Fn(char) -> bool) -> usize {
    text.find(|c| !of_kind(c)).unwrap_or(text.len())
}
