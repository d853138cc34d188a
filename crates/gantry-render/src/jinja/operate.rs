//! What Python's operators do with values.

use std::cmp::Ordering;
use std::rc::Rc;

use super::ProblemKind;
use super::ast::{Comparison, Operator};
use super::repr::Unwritable;
use super::value::{Key, Value};

/// Why something cannot be done with values; the place is added by who asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub(super) kind: ProblemKind,
    pub(super) message: String,
}

impl Fault {
    /// Python fails too.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            kind: ProblemKind::Failed,
            message,
        }
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            kind: ProblemKind::Unsupported,
            message,
        }
    }

    pub(super) fn missing(what: &str) -> Self {
        Self {
            kind: ProblemKind::Missing,
            message: format!("`{what}` is not there"),
        }
    }

    pub(super) fn refused(reason: &str) -> Self {
        Self {
            kind: ProblemKind::Refused,
            message: reason.to_owned(),
        }
    }
}

impl From<Unwritable> for Fault {
    fn from(why: Unwritable) -> Self {
        match why {
            Unwritable::Missing(what) => Self::missing(&what),
            Unwritable::Refused(reason) => Self::refused(&reason),
            Unwritable::None => Self {
                kind: ProblemKind::Missing,
                message: "a value is None, and there is no text for that".to_owned(),
            },
            Unwritable::Unsupported(message) => Self::unsupported(message),
        }
    }
}

/// Fails for values that cannot be used at all.
pub(super) fn usable(value: &Value) -> Result<(), Fault> {
    match value {
        Value::Missing(what) => Err(Fault::missing(what)),
        Value::Refused(reason) => Err(Fault::refused(reason)),
        _ => Ok(()),
    }
}

/// `bool(value)`
pub(super) fn is_true(value: &Value) -> Result<bool, Fault> {
    usable(value)?;
    Ok(match value {
        Value::None => false,
        Value::Bool(value) => *value,
        Value::Int(number) => *number != 0,
        Value::Float(number) => *number != 0.0,
        Value::Str(text) | Value::Markup(text) => !text.is_empty(),
        Value::List(items) | Value::Tuple(items) | Value::View(items) => !items.is_empty(),
        Value::Dict(dict) => !dict.is_empty(),
        _ => true,
    })
}

/// Numbers of either kind; true and false are 1 and 0.
#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Bool(value) => Some(Number::Int(i64::from(*value))),
        Value::Int(number) => Some(Number::Int(*number)),
        Value::Float(number) => Some(Number::Float(*number)),
        _ => None,
    }
}

/// Up to here every whole number is a float.
const EXACT: u64 = 1 << 53;

#[expect(
    clippy::cast_precision_loss,
    reason = "what would lose something was refused"
)]
fn exact(number: Number) -> Result<f64, Fault> {
    match number {
        Number::Float(number) => Ok(number),
        Number::Int(number) if number.unsigned_abs() <= EXACT => Ok(number as f64),
        Number::Int(number) => Err(Fault::unsupported(format!(
            "{number} is too large to be counted with"
        ))),
    }
}

fn order(left: Number, right: Number) -> Result<Option<Ordering>, Fault> {
    match (left, right) {
        (Number::Int(left), Number::Int(right)) => Ok(Some(left.cmp(&right))),
        (left, right) => Ok(exact(left)?.partial_cmp(&exact(right)?)),
    }
}

/// `left == right`
pub(super) fn equal(left: &Value, right: &Value) -> Result<bool, Fault> {
    usable(left)?;
    usable(right)?;
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return Ok(order(left, right)? == Some(Ordering::Equal));
    }
    match (left, right) {
        (Value::None, Value::None) => Ok(true),
        (Value::Str(left), Value::Str(right)) => Ok(left == right),
        (Value::List(left), Value::List(right)) | (Value::Tuple(left), Value::Tuple(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(&**right) {
                if !equal(left, right)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Dict(left), Value::Dict(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (key, left) in &**left {
                match right.get(key) {
                    Some(right) if equal(left, right)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        (left, right) if is_plain(left) && is_plain(right) => Ok(false),
        (left, right) => Err(Fault::unsupported(format!(
            "{} and {} cannot be compared",
            left.describe(),
            right.describe()
        ))),
    }
}

fn is_plain(value: &Value) -> bool {
    matches!(
        value,
        Value::None
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Str(_)
            | Value::List(_)
            | Value::Tuple(_)
            | Value::Dict(_)
    )
}

/// Which of two values comes first; nothing if neither does.
pub(super) fn compare(left: &Value, right: &Value) -> Result<Option<Ordering>, Fault> {
    usable(left)?;
    usable(right)?;
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return order(left, right);
    }
    match (left, right) {
        (Value::Str(left), Value::Str(right)) => Ok(Some(left.cmp(right))),
        (Value::List(left), Value::List(right)) | (Value::Tuple(left), Value::Tuple(right)) => {
            for (left, right) in left.iter().zip(&**right) {
                if !equal(left, right)? {
                    return compare(left, right);
                }
            }
            Ok(Some(left.len().cmp(&right.len())))
        }
        (Value::Markup(_), _) | (_, Value::Markup(_)) => Err(Fault::unsupported(
            "a text that was escaped can only be printed",
        )),
        (left, right) => Err(Fault::failed(format!(
            "{} is neither less nor more than {}",
            left.describe(),
            right.describe()
        ))),
    }
}

/// `left OP right` for what gives true or false.
pub(super) fn holds(comparison: Comparison, left: &Value, right: &Value) -> Result<bool, Fault> {
    let is = |wanted: &[Ordering]| -> Result<bool, Fault> {
        Ok(compare(left, right)?.is_some_and(|found| wanted.contains(&found)))
    };
    match comparison {
        Comparison::Equal => equal(left, right),
        Comparison::Unequal => Ok(!equal(left, right)?),
        Comparison::Less => is(&[Ordering::Less]),
        Comparison::LessOrEqual => is(&[Ordering::Less, Ordering::Equal]),
        Comparison::Greater => is(&[Ordering::Greater]),
        Comparison::GreaterOrEqual => is(&[Ordering::Greater, Ordering::Equal]),
        Comparison::In => contains(right, left),
        Comparison::NotIn => Ok(!contains(right, left)?),
    }
}

fn contains(whole: &Value, item: &Value) -> Result<bool, Fault> {
    usable(whole)?;
    usable(item)?;
    match whole {
        Value::Str(text) => match item {
            Value::Str(part) => Ok(text.contains(&**part)),
            other => Err(Fault::failed(format!("{} is in no text", other.describe()))),
        },
        Value::List(items) | Value::Tuple(items) | Value::View(items) => {
            for one in &**items {
                if equal(one, item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Dict(dict) => Ok(key(item)?.is_some_and(|key| dict.contains_key(&key))),
        other => Err(Fault::unsupported(format!(
            "nothing can be looked for in {}",
            other.describe()
        ))),
    }
}

/// A value as a key of a mapping; nothing if there can be no such key here.
pub(super) fn key(value: &Value) -> Result<Option<Key>, Fault> {
    usable(value)?;
    match value {
        Value::Str(text) => Ok(Some(Key::Str(Rc::clone(text)))),
        Value::Int(number) => Ok(Some(Key::Int(*number))),
        Value::None => Ok(None),
        other => Err(Fault::unsupported(format!(
            "{} is no key here",
            other.describe()
        ))),
    }
}

/// The largest text or list that an operator makes.
const LARGEST: usize = 1 << 24;

/// `left OP right` for what gives a new value.
pub(super) fn join(operator: Operator, left: &Value, right: &Value) -> Result<Value, Fault> {
    usable(left)?;
    usable(right)?;
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return match (left, right) {
            (Number::Int(left), Number::Int(right)) => whole(operator, left, right),
            (left, right) => float(operator, exact(left)?, exact(right)?).map(Value::Float),
        };
    }
    match (operator, left, right) {
        (Operator::Add, Value::Str(left), Value::Str(right)) => {
            small(left.len() + right.len())?;
            Ok(Value::from(format!("{left}{right}")))
        }
        (Operator::Add, Value::List(left), Value::List(right)) => {
            small(left.len() + right.len())?;
            Ok(Value::from([left.as_slice(), right].concat()))
        }
        (Operator::Add, Value::Tuple(left), Value::Tuple(right)) => {
            small(left.len() + right.len())?;
            Ok(Value::Tuple(Rc::new([left.as_slice(), right].concat())))
        }
        (Operator::Multiply, Value::Str(text), times)
        | (Operator::Multiply, times, Value::Str(text)) => {
            let times = times_of(times)?;
            small(text.len().saturating_mul(times))?;
            Ok(Value::from(text.repeat(times)))
        }
        (Operator::Multiply, Value::List(_) | Value::Tuple(_), _)
        | (Operator::Multiply, _, Value::List(_) | Value::Tuple(_)) => {
            Err(Fault::unsupported("lists cannot be repeated"))
        }
        (Operator::Modulo, Value::Str(_), _) => {
            Err(Fault::unsupported("`%` with a text is not there"))
        }
        (_, Value::Markup(_) | Value::View(_), _) | (_, _, Value::Markup(_) | Value::View(_)) => {
            Err(Fault::unsupported(format!(
                "{} and {} cannot be joined here",
                left.describe(),
                right.describe()
            )))
        }
        _ => Err(Fault::failed(format!(
            "{} and {} cannot be joined by this",
            left.describe(),
            right.describe()
        ))),
    }
}

pub(super) fn small(length: usize) -> Result<(), Fault> {
    if length > LARGEST {
        return Err(Fault::unsupported("this becomes too large"));
    }
    Ok(())
}

fn times_of(value: &Value) -> Result<usize, Fault> {
    match number(value) {
        Some(Number::Int(times)) => Ok(usize::try_from(times.max(0)).unwrap_or(usize::MAX)),
        _ => Err(Fault::failed(format!(
            "nothing can be repeated {} times",
            value.describe()
        ))),
    }
}

fn whole(operator: Operator, left: i64, right: i64) -> Result<Value, Fault> {
    let zero = || Fault::failed("this divides by zero");
    let large = || Fault::unsupported("this becomes too large a number");
    let made = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => {
            if right == 0 {
                return Err(zero());
            }
            let left = exact(Number::Int(left))?;
            return Ok(Value::Float(left / exact(Number::Int(right))?));
        }
        Operator::FloorDivide | Operator::Modulo if right == 0 => return Err(zero()),
        // Python's quotient is rounded down, and the rest has the sign of the divisor.
        Operator::FloorDivide => left.checked_div(right).map(|quotient| {
            let rest = left - quotient * right;
            quotient - i64::from(rest != 0 && (rest < 0) != (right < 0))
        }),
        Operator::Modulo => left.checked_rem(right).map(|rest| {
            if rest != 0 && (rest < 0) != (right < 0) {
                rest + right
            } else {
                rest
            }
        }),
        Operator::Power => match u32::try_from(right) {
            Ok(right) => left.checked_pow(right),
            Err(_) => return Err(Fault::unsupported("a power that is no whole number")),
        },
    };
    made.map(Value::Int).ok_or_else(large)
}

fn float(operator: Operator, left: f64, right: f64) -> Result<f64, Fault> {
    let divides = matches!(
        operator,
        Operator::Divide | Operator::FloorDivide | Operator::Modulo
    );
    if divides && right == 0.0 {
        return Err(Fault::failed("this divides by zero"));
    }
    match operator {
        Operator::Add => Ok(left + right),
        Operator::Subtract => Ok(left - right),
        Operator::Multiply => Ok(left * right),
        Operator::Divide => Ok(left / right),
        Operator::FloorDivide | Operator::Modulo | Operator::Power => Err(Fault::unsupported(
            "this is not there for numbers with a point",
        )),
    }
}
