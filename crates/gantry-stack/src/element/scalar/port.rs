//! Numbers of ports.

use serde_json::Value;

use super::{Problem, Scalar};
use crate::node::Node;

/// A port; 0 picks a free one.
pub static PORT: Scalar = Scalar {
    name: "port",
    expected: "a port from 1 to 65535, or 0 for a free one",
    schema: r#"{"type":"integer","minimum":0,"maximum":65535}"#,
    example: "8080",
    parse: |node| parse(node, 0),
};

/// A port that is not 0.
pub static FIXED_PORT: Scalar = Scalar {
    name: "port",
    expected: "a port from 1 to 65535",
    schema: r#"{"type":"integer","minimum":1,"maximum":65535}"#,
    example: "8080",
    parse: |node| parse(node, 1),
};

fn parse(node: &Node, least: i64) -> Result<Value, Problem> {
    let Some(number) = node.as_int() else {
        return Err(match node.as_str() {
            Some(text) if text.parse::<u16>().is_ok() => {
                Problem::value("a port is a number, not a string")
                    .hint(format!("write {text} without the quotes"))
            }
            _ => Problem::Kind,
        });
    };
    if (least..=65535).contains(&number) {
        Ok(Value::from(number))
    } else {
        Err(Problem::value(format!("{number} is no port")))
    }
}
