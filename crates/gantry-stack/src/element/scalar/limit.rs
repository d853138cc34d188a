//! Limits of a process: a number, or none.

use serde_json::Value;

use super::{Problem, Scalar};
use crate::node::{self, Node};

/// A limit; -1 in the model if there is none.
pub static LIMIT: Scalar = Scalar {
    name: "limit",
    expected: "a number such as 4096, or \"unlimited\"",
    schema: r#"{"anyOf":[{"type":"integer","minimum":-1},{"const":"unlimited"}]}"#,
    example: "\"unlimited\"",
    parse,
};

const NONE: i64 = -1;

fn parse(node: &Node) -> Result<Value, Problem> {
    match &node.value {
        // -1 is how engines, and Compose files, write it.
        node::Value::Int(number) if *number >= NONE => Ok(Value::from(*number)),
        node::Value::Int(number) => Err(Problem::value(format!("{number} is no limit"))),
        node::Value::Str(text) if text.trim() == "unlimited" => Ok(Value::from(NONE)),
        node::Value::Str(text) => {
            let wrong = format!("`{text}` is no limit");
            Err(Problem::value(wrong).hint("a limit without a bound is \"unlimited\""))
        }
        _ => Err(Problem::Kind),
    }
}
