//! Sizes: `"512MiB"`, `"10MB"`, or a number of bytes.

use serde_json::Value;

use super::duration::end_of;
use super::{Problem, Scalar};
use crate::node::{self, Node};

/// A size, bytes in the model.
pub static SIZE: Scalar = Scalar {
    name: "size",
    expected: "a size such as \"512MiB\"",
    schema: r#"{"anyOf":[{"type":"string","pattern":"^[0-9]+(\\.[0-9]+)? *([kKMGT]i?)?B?$"},{"type":"integer","minimum":0}]}"#,
    example: "\"3MiB\"",
    parse,
};

const UNITS: [(&str, f64); 10] = [
    ("", 1.0),
    ("b", 1.0),
    ("kib", 1024.0),
    ("mib", 1_048_576.0),
    ("gib", 1_073_741_824.0),
    ("tib", 1_099_511_627_776.0),
    ("kb", 1e3),
    ("mb", 1e6),
    ("gb", 1e9),
    ("tb", 1e12),
];

fn parse(node: &Node) -> Result<Value, Problem> {
    match &node.value {
        node::Value::Int(number) => u64::try_from(*number)
            .map(Value::from)
            .map_err(|_| Problem::value("a size cannot be negative")),
        node::Value::Str(text) => parse_size(text.trim()).map(Value::from),
        _ => Err(Problem::Kind),
    }
}

fn parse_size(text: &str) -> Result<u64, Problem> {
    if text.starts_with('-') {
        return Err(Problem::value("a size cannot be negative"));
    }
    let (number, unit) = text.split_at(end_of(text, |c| c.is_ascii_digit() || c == '.'));
    let Ok(number) = number.parse::<f64>() else {
        return Err(Problem::value(format!("`{text}` is no size")));
    };
    let unit = unit.trim();
    let folded = match unit.to_ascii_lowercase().as_str() {
        // As Kubernetes, Docker and systemd write it; powers of two for all of them.
        short @ ("k" | "m" | "g" | "t") => format!("{short}ib"),
        short @ ("ki" | "mi" | "gi" | "ti") => format!("{short}b"),
        other => other.to_owned(),
    };
    let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == folded) else {
        return Err(Problem::value(format!("`{unit}` is no unit of size"))
            .hint("the units are KiB, MiB, GiB, TiB and kB, MB, GB, TB"));
    };
    let bytes = number * factor;
    if bytes > 9e15 {
        return Err(Problem::value("this size is larger than any machine"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the limit above"
    )]
    Ok(bytes.round() as u64)
}
