//! What Python's YAML makes of unquoted scalars.
//!
//! These files were written for YAML 1.1 as Python reads it, where `no` is false and `010` is eight. gantry's
//! own reader follows YAML 1.2; the difference is undone here, from the text that was written.

use smol_str::SmolStr;

use crate::node::{Node, Value};
use crate::source::SourceMap;

/// A scalar to Python.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Nothing.
    None,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a point.
    Float(f64),
    /// Text.
    Str(SmolStr),
    /// A date or a time, which prints differently from what was written.
    Date(SmolStr),
    /// A number that is too large.
    Large(SmolStr),
}

/// What Python reads where a scalar stands; nothing for lists and mappings.
pub fn of(node: &Node, sources: &SourceMap) -> Option<Scalar> {
    if let Value::Seq(_) | Value::Map(_) = node.value {
        return None;
    }
    if node.substituted.is_none()
        && let Some(text) = plain(node, sources)
    {
        return Some(read(text));
    }
    Some(match &node.value {
        Value::Bool(value) => Scalar::Bool(*value),
        Value::Int(number) => Scalar::Int(*number),
        Value::Float(number) => Scalar::Float(*number),
        Value::Str(text) => Scalar::Str(text.clone()),
        _ => Scalar::None,
    })
}

/// What was written, if it is one line without quotes.
pub fn plain<'s>(node: &Node, sources: &'s SourceMap) -> Option<&'s str> {
    let text = sources.slice(node.span)?;
    let whole = sources.get(node.span.source)?.text();
    let before = whole.get(..node.span.range().start)?;
    // A tag before it says what it is.
    let tagged = before
        .rsplit(|letter: char| letter.is_whitespace() || matches!(letter, '[' | '{' | ','))
        .find(|word| !word.is_empty())
        .is_some_and(|word| word.starts_with("!!"));
    if tagged {
        return None;
    }
    let quoted = text.starts_with(['"', '\'', '|', '>', '[', '{', '&', '*', '!']);
    (!quoted && !text.contains('\n')).then_some(text)
}

/// An unquoted scalar by its looks.
pub fn read(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::None,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        _ => {}
    }
    let first = text.as_bytes()[0];
    if matches!(first, b'0'..=b'9' | b'+' | b'-' | b'.') {
        if let Some(number) = integer(text) {
            return number.map_or_else(|| Scalar::Large(text.into()), Scalar::Int);
        }
        if let Some(number) = float(text) {
            return Scalar::Float(number);
        }
        if is_date(text) {
            return Scalar::Date(text.into());
        }
    }
    Scalar::Str(text.into())
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Outer nothing if it is none, inner nothing if it is too large.
#[expect(clippy::option_option, reason = "the two have different consequences")]
fn integer(text: &str) -> Option<Option<i64>> {
    let (negative, digits) = signed(text);
    let all = |digits: &str, is: fn(u8) -> bool| {
        !digits.is_empty() && digits.bytes().all(|byte| is(byte) || byte == b'_')
    };
    let octal = |byte: u8| (b'0'..=b'7').contains(&byte);
    let decimal = |byte: u8| byte.is_ascii_digit();
    let radix =
        |digits: &str, radix: u32| i64::from_str_radix(&digits.replace('_', ""), radix).ok();
    let number = if let Some(rest) = digits.strip_prefix("0b") {
        all(rest, |byte| matches!(byte, b'0' | b'1')).then(|| radix(rest, 2))
    } else if let Some(rest) = digits.strip_prefix("0x") {
        all(rest, |byte| byte.is_ascii_hexdigit()).then(|| radix(rest, 16))
    } else if digits == "0" {
        Some(Some(0))
    } else if let Some(rest) = digits.strip_prefix('0') {
        all(rest, octal).then(|| radix(rest, 8))
    } else if digits.starts_with(|letter: char| letter.is_ascii_digit()) {
        if all(digits, decimal) {
            Some(radix(digits, 10))
        } else {
            sixties(digits)
        }
    } else {
        None
    };
    let sign = if negative { -1 } else { 1 };
    number.map(|number| number.map(|number| number * sign))
}

/// `190:20:30`, counted in sixties.
#[expect(clippy::option_option, reason = "as of the caller")]
fn sixties(digits: &str) -> Option<Option<i64>> {
    let mut parts = digits.split(':');
    let first = parts.next()?;
    let numeric = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    if !numeric(first) || !digits.contains(':') {
        return None;
    }
    let mut total: Option<i64> = first.replace('_', "").parse().ok();
    for part in parts {
        if part.is_empty() || part.len() > 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: i64 = part.parse().ok()?;
        if number > 59 {
            return None;
        }
        total = total
            .and_then(|total| total.checked_mul(60))
            .and_then(|total| total.checked_add(number));
    }
    Some(total)
}

fn float(text: &str) -> Option<f64> {
    let (negative, rest) = signed(text);
    let sign = if negative { -1.0 } else { 1.0 };
    match rest {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if rest.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    let (whole, behind) = rest.split_once('.')?;
    // A point first is a number without a sign only.
    if whole.is_empty() && rest.len() != text.len() {
        return None;
    }
    let digits = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    let (fraction, exponent) = match behind.find(['e', 'E']) {
        Some(at) => (&behind[..at], Some(&behind[at + 1..])),
        None => (behind, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        exponent.strip_prefix(['+', '-']).is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    });
    let fits = if whole.is_empty() {
        fraction.starts_with(|letter: char| letter.is_ascii_digit()) && digits(fraction)
    } else {
        whole.starts_with(|letter: char| letter.is_ascii_digit())
            && digits(whole)
            && digits(fraction)
    };
    if !fits || !exponent_fits {
        return None;
    }
    rest.replace('_', "")
        .parse::<f64>()
        .ok()
        .map(|number| sign * number)
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (0..4).all(digit)
        && bytes.get(4) == Some(&b'-')
        && digit(5)
        && bytes[5..].iter().all(|byte| {
            byte.is_ascii_digit()
                || matches!(
                    byte,
                    b'-' | b':' | b'.' | b'T' | b't' | b'Z' | b' ' | b'\t' | b'+'
                )
        })
        && bytes[5..].contains(&b'-')
}
