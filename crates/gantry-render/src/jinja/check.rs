//! Tests: `value is name`.

use super::ast::Comparison;
use super::evaluate::Given;
use super::filter::words;
use super::operate::{self, Fault};
use super::value::{Key, Value};

/// The tests that are there.
pub(super) const NAMES: [&str; 37] = [
    "defined",
    "undefined",
    "none",
    "true",
    "false",
    "boolean",
    "number",
    "integer",
    "float",
    "string",
    "mapping",
    "sequence",
    "iterable",
    "even",
    "odd",
    "divisibleby",
    "in",
    "==",
    "eq",
    "equalto",
    "!=",
    "ne",
    "<",
    "lt",
    "lessthan",
    "<=",
    "le",
    ">",
    "gt",
    "greaterthan",
    ">=",
    "ge",
    "upper",
    "lower",
    "filter",
    "test",
    "sameas",
];

/// Whether a test holds.
pub(super) fn holds(name: &str, value: &Value, given: &Given) -> Result<bool, Fault> {
    let given = Given {
        by_place: given.by_place.clone(),
        by_name: given.by_name.clone(),
    };
    if let Value::Refused(reason) = value {
        return Err(Fault::refused(reason));
    }
    if let Some(comparison) = comparison(name) {
        let [other] = words(name, ["other"], given)?;
        let other =
            other.ok_or_else(|| Fault::failed(format!("the test `{name}` takes a value")))?;
        return operate::holds(comparison, value, &other);
    }
    if name == "divisibleby" {
        let [number] = words(name, ["num"], given)?;
        return match (value, number) {
            (Value::Int(_), Some(Value::Int(0))) => Err(Fault::failed("this divides by zero")),
            (Value::Int(value), Some(Value::Int(number))) => {
                Ok(value.checked_rem(number) == Some(0))
            }
            _ => Err(Fault::unsupported("`divisibleby` is for whole numbers")),
        };
    }
    let [] = words::<0>(name, [], given)?;
    Ok(match name {
        "defined" => !matches!(value, Value::Missing(_)),
        "undefined" => matches!(value, Value::Missing(_)),
        "none" => matches!(value, Value::None),
        "true" => matches!(value, Value::Bool(true)),
        "false" => matches!(value, Value::Bool(false)),
        "boolean" => matches!(value, Value::Bool(_)),
        "number" => matches!(value, Value::Bool(_) | Value::Int(_) | Value::Float(_)),
        "integer" => matches!(value, Value::Int(_)),
        "float" => matches!(value, Value::Float(_)),
        "string" => matches!(value, Value::Str(_) | Value::Markup(_)),
        "mapping" => matches!(value, Value::Dict(_)),
        "sequence" | "iterable" => {
            operate::usable(value)?;
            match value {
                Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Dict(_) => true,
                Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => false,
                other => {
                    return Err(Fault::unsupported(format!(
                        "`{name}` of {}",
                        other.describe()
                    )));
                }
            }
        }
        "even" | "odd" => match value {
            Value::Int(number) => (number % 2 == 0) == (name == "even"),
            other => {
                operate::usable(other)?;
                return Err(Fault::unsupported(format!("`{name}` is for whole numbers")));
            }
        },
        "upper" | "lower" => match value {
            Value::Str(text) if text.is_ascii() => {
                let is = |letter: u8| {
                    if name == "upper" {
                        letter.is_ascii_uppercase()
                    } else {
                        letter.is_ascii_lowercase()
                    }
                };
                text.bytes().any(is)
                    && !text
                        .bytes()
                        .any(|letter| letter.is_ascii_alphabetic() && !is(letter))
            }
            other => {
                operate::usable(other)?;
                return Err(Fault::unsupported(format!(
                    "`{name}` is for texts of plain letters"
                )));
            }
        },
        _ => {
            return Err(Fault::unsupported(format!(
                "the test `{name}` is not there"
            )));
        }
    })
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        "==" | "eq" | "equalto" => Comparison::Equal,
        "!=" | "ne" => Comparison::Unequal,
        "<" | "lt" | "lessthan" => Comparison::Less,
        "<=" | "le" => Comparison::LessOrEqual,
        ">" | "gt" | "greaterthan" => Comparison::Greater,
        ">=" | "ge" => Comparison::GreaterOrEqual,
        "in" => Comparison::In,
        _ => return None,
    })
}

/// Whether keys are all texts, so that they have an order.
pub(super) fn all_texts<'a>(mut keys: impl Iterator<Item = &'a Key>) -> bool {
    keys.all(|key| matches!(key, Key::Str(_)))
}
