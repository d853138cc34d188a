//! Names.

use gantry_core::ServiceName;
use serde_json::Value;

use super::{Problem, Scalar};
use crate::node::Node;

/// A word of letters, digits, hyphens, underscores and dots.
pub static NAME: Scalar = Scalar {
    name: "name",
    expected: "a name such as \"web\"",
    schema: r#"{"type":"string","pattern":"^[A-Za-z0-9][A-Za-z0-9._-]*$"}"#,
    example: "\"web\"",
    parse: parse_name,
};

/// The name of a service.
pub static SERVICE_NAME: Scalar = Scalar {
    name: "service",
    expected: "the name of a service",
    schema: r#"{"type":"string"}"#,
    example: "\"db\"",
    parse: parse_name,
};

/// The name of a service, or of a part of one: `shop/db`.
pub static CHILD_NAME: Scalar = Scalar {
    name: "service or service/child",
    expected: "the name of a service, or SERVICE/CHILD",
    schema: r#"{"type":"string"}"#,
    example: "\"shop/db\"",
    parse: parse_child,
};

fn parse_name(node: &Node) -> Result<Value, Problem> {
    let text = node.as_str().ok_or(Problem::Kind)?;
    check_name(text)?;
    Ok(Value::from(text))
}

fn parse_child(node: &Node) -> Result<Value, Problem> {
    let text = node.as_str().ok_or(Problem::Kind)?;
    let (service, child) = text.split_once('/').unwrap_or((text, "all"));
    check_name(service)?;
    if child.is_empty() {
        return Err(Problem::value(
            "after `/`, the name of the child is missing",
        ));
    }
    Ok(Value::from(text))
}

/// The core's rule for names of services, which become names of folders, labels and more.
pub(crate) fn check_name(text: &str) -> Result<(), Problem> {
    let fault = |error: gantry_core::ids::NameError| {
        Problem::value(error.to_string().replace("a service name", "a name"))
    };
    ServiceName::new(text).map(drop).map_err(fault)
}
