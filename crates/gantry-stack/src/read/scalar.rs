//! What an unquoted scalar of YAML 1.2 (core schema) is.

use smol_str::SmolStr;

use crate::node::Value;

/// By its looks.
pub(super) fn plain(text: &str) -> Result<Value, String> {
    match text.as_bytes().first() {
        None => return Ok(Value::Null),
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => {
            if let Some(number) = number(text) {
                return number;
            }
        }
        Some(b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F') => {
            if let Some(word) = word(text) {
                return Ok(word);
            }
        }
        _ => {}
    }
    Ok(Value::Str(SmolStr::new(text)))
}

/// As `!!int` and its like say.
pub(super) fn tagged(tag: &str, text: &str) -> Result<Value, String> {
    let value = match tag {
        "null" if text.is_empty() => Some(Value::Null),
        "null" => word(text).filter(|value| *value == Value::Null),
        "bool" => word(text).filter(|value| matches!(value, Value::Bool(_))),
        "int" => integer(text).transpose()?,
        "float" => match number(text).transpose()? {
            #[expect(clippy::cast_precision_loss, reason = "the user asked for a float")]
            Some(Value::Int(number)) => Some(Value::Float(number as f64)),
            other => other,
        },
        _ => None,
    };
    value.ok_or_else(|| format!("`{text}` is no {tag}, as `!!{tag}` says"))
}

fn word(text: &str) -> Option<Value> {
    Some(match text {
        "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => return None,
    })
}

fn integer(text: &str) -> Option<Result<Value, String>> {
    let (radix, digits) = match text.get(..2) {
        Some("0x") => (16, &text[2..]),
        Some("0o") => (8, &text[2..]),
        _ => (10, text.strip_prefix(['+', '-']).unwrap_or(text)),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let number = match radix {
        10 => text.parse(),
        radix => i64::from_str_radix(digits, radix),
    };
    Some(match number {
        Ok(number) => Ok(Value::Int(number)),
        Err(_) => Err(format!("`{text}` is too large a whole number")),
    })
}

fn number(text: &str) -> Option<Result<Value, String>> {
    if let Some(integer) = integer(text) {
        return Some(integer);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let number = match rest {
        ".inf" | ".Inf" | ".INF" => sign * f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" if rest.len() == text.len() => f64::NAN,
        _ => {
            let bytes = rest.as_bytes();
            let digits = bytes.iter().any(u8::is_ascii_digit);
            let looks = matches!(bytes.first(), Some(b'0'..=b'9' | b'.'))
                && bytes
                    .iter()
                    .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
            if !(digits && looks) {
                return None;
            }
            text.parse().ok()?
        }
    };
    Some(Ok(Value::Float(number)))
}
