//! Expressions about an object.

use serde_json::Value;

use super::{Problem, Scalar};
use crate::node::Node;

/// An expression in the Common Expression Language, as Kubernetes uses it: `self` is the object.
pub static EXPRESSION: Scalar = Scalar {
    name: "expression",
    expected: "an expression such as \"self.status.phase == 'Ready'\"",
    schema: r#"{"type":"string"}"#,
    example: "\"self.status.phase == 'Ready'\"",
    parse,
};

fn parse(node: &Node) -> Result<Value, Problem> {
    let text = node.as_str().ok_or(Problem::Kind)?;
    match cel::Program::compile(text) {
        Ok(_) => Ok(Value::from(text)),
        Err(error) => {
            // `… <input>:LINE:COLUMN: Syntax error: WHAT`, and a drawing below it.
            let message = error.to_string();
            let first = message.lines().next().unwrap_or_default();
            let place = first.split_once("<input>:").map_or(first, |(_, rest)| rest);
            let mut parts = place.splitn(3, ':').skip(1);
            let column = parts.next().unwrap_or("1").trim().to_owned();
            let what = parts.next().unwrap_or(first).trim();
            let what = what.strip_prefix("Syntax error: ").unwrap_or(what);
            // What could stand there is a long list that helps nobody.
            let what = what.split(" expecting ").next().unwrap_or(what);
            let what = what.replace("'<EOF>'", "its end");
            Err(Problem::value(format!(
                "this is no expression: {what} at column {column}"
            ))
            .hint("it is written in CEL: `self` is the object, as in self.status.phase == 'Ready'"))
        }
    }
}
