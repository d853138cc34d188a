//! Masks of permissions.

use serde_json::Value;

use super::{Problem, Scalar};
use crate::node::{self, Node};

/// A mask in octal digits; a number in the model.
pub static UMASK: Scalar = Scalar {
    name: "mask",
    expected: "a mask in octal digits such as \"022\"",
    schema: r#"{"type":"string","pattern":"^(0o)?[0-7]{1,4}$"}"#,
    example: "\"027\"",
    parse,
};

fn parse(node: &Node) -> Result<Value, Problem> {
    match &node.value {
        node::Value::Str(text) => {
            let digits = text.trim_start_matches("0o");
            match u32::from_str_radix(digits, 8) {
                Ok(mask) if mask <= 0o777 => Ok(Value::from(mask)),
                _ => Err(Problem::value(format!("`{text}` is no mask"))),
            }
        }
        // TOML's 0o022 and 18 are the same number by now; which was meant cannot be told.
        node::Value::Int(_) => Err(Problem::value("a mask is written as a string")
            .hint("write umask = \"022\", in octal digits")),
        _ => Err(Problem::Kind),
    }
}
