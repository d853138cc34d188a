//! How Python writes values.

use std::fmt::Write as _;
use std::rc::Rc;

use super::value::{Key, Value, odd};

/// Why a value cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unwritable {
    Missing(Rc<str>),
    Refused(Rc<str>),
    None,
    Unsupported(String),
}

/// `str(value)`, where `None` is nothing that anybody wants in a text.
pub(super) fn text(value: &Value) -> Result<Rc<str>, Unwritable> {
    match value {
        Value::Str(text) | Value::Markup(text) => Ok(Rc::clone(text)),
        Value::None => Err(Unwritable::None),
        other => {
            let mut out = String::new();
            repr(other, &mut out)?;
            Ok(out.into())
        }
    }
}

/// `repr(value)`
pub(super) fn repr(value: &Value, out: &mut String) -> Result<(), Unwritable> {
    match value {
        Value::Missing(what) => return Err(Unwritable::Missing(Rc::clone(what))),
        Value::Refused(reason) => return Err(Unwritable::Refused(Rc::clone(reason))),
        Value::None => out.push_str("None"),
        Value::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Float(number) => out.push_str(&float(*number)),
        Value::Str(text) => quoted(text, out)?,
        Value::List(items) => {
            out.push('[');
            list(items, out)?;
            out.push(']');
        }
        Value::Tuple(items) => {
            out.push('(');
            list(items, out)?;
            out.push_str(if items.len() == 1 { ",)" } else { ")" });
        }
        Value::Dict(dict) => {
            out.push('{');
            for (place, (key, value)) in dict.iter().enumerate() {
                if place > 0 {
                    out.push_str(", ");
                }
                match key {
                    Key::Str(text) => quoted(text, out)?,
                    Key::Int(number) => {
                        let _ = write!(out, "{number}");
                    }
                    Key::Odd(text) => return Err(Unwritable::Refused(odd(text).into())),
                }
                out.push_str(": ");
                repr(value, out)?;
            }
            out.push('}');
        }
        other => {
            let message = format!("{} has no text of its own", other.describe());
            return Err(Unwritable::Unsupported(message));
        }
    }
    Ok(())
}

fn list(items: &[Value], out: &mut String) -> Result<(), Unwritable> {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        repr(item, out)?;
    }
    Ok(())
}

fn quoted(text: &str, out: &mut String) -> Result<(), Unwritable> {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if letter == quote => {
                out.push('\\');
                out.push(letter);
            }
            '\0'..='\x1f' | '\x7f' => {
                let _ = write!(out, "\\x{:02x}", u32::from(letter));
            }
            letter if letter.is_ascii() || is_printable(letter) => out.push(letter),
            letter => {
                let message = format!(
                    "`{}` inside a list or mapping that is printed",
                    letter.escape_unicode()
                );
                return Err(Unwritable::Unsupported(message));
            }
        }
    }
    out.push(quote);
    Ok(())
}

/// Whether Python prints a letter in a list as it is, with certainty: letters that all versions of its
/// tables have.
fn is_printable(letter: char) -> bool {
    matches!(letter, '\u{c0}'..='\u{17f}' | '\u{391}'..='\u{3a1}' | '\u{3a3}'..='\u{3c9}' | '\u{410}'..='\u{44f}'
        | '°' | '±' | '²' | '³' | 'µ' | '–' | '—' | '€' | '\u{4e00}'..='\u{9fa5}')
}

/// `repr(number)`
pub(super) fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // The shortest digits that are the same number, as both languages have it.
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{number}");
        return if plain.contains('.') {
            plain
        } else {
            plain + ".0"
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
