//! Statuses of http.

use serde_json::Value;

use super::{Problem, Scalar};
use crate::node::Node;

/// A status of http.
pub static STATUS: Scalar = Scalar {
    name: "status",
    expected: "a status such as 200",
    schema: r#"{"type":"integer","minimum":100,"maximum":599}"#,
    example: "204",
    parse,
};

fn parse(node: &Node) -> Result<Value, Problem> {
    match node.as_int() {
        Some(status @ 100..=599) => Ok(Value::from(status)),
        Some(status) => Err(Problem::value(format!("{status} is no status of http"))),
        None => Err(Problem::Kind),
    }
}
