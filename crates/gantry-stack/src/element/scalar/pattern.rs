//! Regular expressions.

use serde_json::Value;

use super::{Problem, Scalar};
use crate::node::Node;

/// A regular expression.
pub static REGEX: Scalar = Scalar {
    name: "regular expression",
    expected: "a regular expression such as \"ready to accept\"",
    schema: r#"{"type":"string","format":"regex"}"#,
    example: "\"^ready\"",
    parse,
};

fn parse(node: &Node) -> Result<Value, Problem> {
    let text = node.as_str().ok_or(Problem::Kind)?;
    match regex::Regex::new(text) {
        Ok(_) => Ok(Value::from(text)),
        Err(regex::Error::CompiledTooBig(_)) => {
            Err(Problem::value("this regular expression is too big"))
        }
        Err(error) => {
            // The last line of the library's message has the reason; those before draw a picture.
            let message = error.to_string();
            let reason = message.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            Err(Problem::value(format!(
                "this is no regular expression: {reason}"
            )))
        }
    }
}
