//! `int`, `float` and `abs`.

use super::super::evaluate::Given;
use super::super::lexer::is_blank;
use super::super::operate::Fault;
use super::super::value::Value;
use super::words;

/// What Python reads in a text.
enum Read {
    Int(i64),
    Float(f64),
    Nothing,
}

pub(super) fn filter(name: &str, value: &Value, given: Given) -> Result<Value, Fault> {
    match name {
        "abs" => {
            let [] = words::<0>(name, [], given)?;
            match value {
                Value::Bool(value) => Ok(Value::Int(i64::from(*value))),
                Value::Int(number) => number.checked_abs().map(Value::Int).ok_or_else(too_large),
                Value::Float(number) => Ok(Value::Float(number.abs())),
                other => Err(Fault::failed(format!("{} is no number", other.describe()))),
            }
        }
        "int" => {
            let [default] = words(name, ["default"], given)?;
            let number = match value {
                Value::Bool(value) => return Ok(Value::Int(i64::from(*value))),
                Value::Int(number) => return Ok(Value::Int(*number)),
                Value::Float(number) => Read::Float(*number),
                Value::Str(text) => read(text)?,
                Value::None | Value::List(_) | Value::Tuple(_) | Value::Dict(_) => Read::Nothing,
                other => return Err(Fault::unsupported(format!("`int` of {}", other.describe()))),
            };
            match number {
                Read::Int(number) => Ok(Value::Int(number)),
                Read::Float(number) => whole(number).map(Value::Int),
                Read::Nothing => Ok(default.unwrap_or(Value::Int(0))),
            }
        }
        _ => {
            let [default] = words(name, ["default"], given)?;
            let number = match value {
                Value::Bool(value) => Read::Int(i64::from(*value)),
                Value::Int(number) => Read::Int(*number),
                Value::Float(number) => Read::Float(*number),
                Value::Str(text) => read(text)?,
                Value::None | Value::List(_) | Value::Tuple(_) | Value::Dict(_) => Read::Nothing,
                other => {
                    return Err(Fault::unsupported(format!(
                        "`float` of {}",
                        other.describe()
                    )));
                }
            };
            match number {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "Python rounds to the nearest as well"
                )]
                Read::Int(number) => Ok(Value::Float(number as f64)),
                Read::Float(number) => Ok(Value::Float(number)),
                Read::Nothing => Ok(default.unwrap_or(Value::Float(0.0))),
            }
        }
    }
}

fn too_large() -> Fault {
    Fault::unsupported("this is too large a number")
}

/// The number without what is behind its point.
fn whole(number: f64) -> Result<i64, Fault> {
    // Below 2^53 nothing is lost.
    if !number.is_finite() || number.abs() >= 9_007_199_254_740_992.0 {
        return Err(too_large());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it was looked at just before"
    )]
    Ok(number.trunc() as i64)
}

fn read(text: &str) -> Result<Read, Fault> {
    let text = text.trim_matches(is_blank);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(Read::Int).map_err(|_| too_large());
    }
    let lower = unsigned.to_lowercase();
    // Python reads more than these, and it is not worth knowing what.
    let odd = lower.contains('_')
        || matches!(&*lower, "inf" | "infinity" | "nan")
        || lower
            .chars()
            .any(|letter| !letter.is_ascii() && letter.is_numeric());
    if odd {
        return Err(Fault::unsupported(format!("`{text}` is an odd number")));
    }
    let looks = lower.bytes().any(|byte| byte.is_ascii_digit())
        && lower
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'+' | b'-'));
    Ok(text
        .parse()
        .ok()
        .filter(|_| looks)
        .map_or(Read::Nothing, Read::Float))
}
