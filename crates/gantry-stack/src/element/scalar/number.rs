//! Numbers with a point.

use serde_json::Value;

use super::{Problem, Scalar};
use crate::node::Node;

/// A number above zero.
pub static NUMBER: Scalar = Scalar {
    name: "number",
    expected: "a number such as 1.5",
    schema: r#"{"type":"number","exclusiveMinimum":0}"#,
    example: "1.5",
    parse,
};

fn parse(node: &Node) -> Result<Value, Problem> {
    let number = node.as_float().ok_or(Problem::Kind)?;
    if !number.is_finite() || number <= 0.0 {
        return Err(Problem::value("this must be more than 0"));
    }
    Ok(Value::from(number))
}
