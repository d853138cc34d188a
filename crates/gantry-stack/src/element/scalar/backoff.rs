//! A range of waits: `"200ms..30s"`, or one wait that does not grow.

use serde_json::{Value, json};

use super::{Problem, Scalar, parse_duration};
use crate::node::Node;

/// The shortest and the longest wait.
pub static BACKOFF: Scalar = Scalar {
    name: "range of durations",
    expected: "a range of durations such as \"200ms..30s\"",
    schema: r#"{"type":"string"}"#,
    example: "\"1s..2s\"",
    parse,
};

fn parse(node: &Node) -> Result<Value, Problem> {
    let text = node.as_str().ok_or(Problem::Kind)?;
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let (min, max) = (parse_duration(min)?, parse_duration(max)?);
    if min > max {
        return Err(Problem::value("the first wait is longer than the longest")
            .hint("the shorter one comes first: \"200ms..30s\""));
    }
    Ok(json!({ "min": min, "max": max }))
}
