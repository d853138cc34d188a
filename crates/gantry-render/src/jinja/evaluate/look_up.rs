//! `value.name`, `value[index]`, `value[a:b]`.

use std::ops::Range;
use std::rc::Rc;

use super::super::method;
use super::super::operate::{self, Fault};
use super::super::value::{Key, Value};
use super::super::{Problem, ProblemKind};
use super::{Evaluator, lookup_key};

impl Evaluator<'_> {
    pub(super) fn name(&self, name: &Rc<str>, range: &Range<usize>) -> Result<Value, Problem> {
        if let Some(value) = self.scope.find(name) {
            return Ok(value);
        }
        if method::FUNCTIONS.contains(&&**name) || matches!(&**name, "self" | "super" | "caller") {
            let message = format!("`{name}` can only be called");
            return Err(Problem::new(
                range.clone(),
                ProblemKind::Unsupported,
                message,
            ));
        }
        Ok(Value::Missing(Rc::clone(name)))
    }

    /// `value.name`: what belongs to the kind of value first, then its entries.
    pub(super) fn attribute(
        &self,
        value: &Value,
        name: &Rc<str>,
        range: &Range<usize>,
    ) -> Result<Value, Fault> {
        operate::usable(value)?;
        if method::belongs(value, name) {
            let message = format!(
                "`{name}` is a method of {} to Jinja2; write `[\"{name}\"]` for an entry",
                value.describe()
            );
            return Err(Fault::unsupported(message));
        }
        match value {
            Value::Dict(dict) => {
                Ok(lookup_key(dict, name).unwrap_or_else(|| Value::Missing(self.written(range))))
            }
            Value::Loop(round) => method::of_loop(round, name)
                .ok_or_else(|| Fault::unsupported(format!("`loop.{name}` is not there"))),
            Value::Namespace(space) => Ok(space
                .borrow()
                .get(name)
                .cloned()
                .unwrap_or_else(|| Value::Missing(self.written(range)))),
            Value::View(_) | Value::Stream(_) | Value::Markup(_) => Err(Fault::unsupported(
                format!("nothing can be looked up in {}", value.describe()),
            )),
            _ => Ok(Value::Missing(self.written(range))),
        }
    }

    /// `value[index]`: an entry first, then what belongs to the kind of value.
    pub(super) fn item(
        &self,
        value: &Value,
        index: &Value,
        range: &Range<usize>,
    ) -> Result<Value, Fault> {
        operate::usable(value)?;
        operate::usable(index)?;
        let missing = || Value::Missing(self.written(range));
        match (value, index) {
            (Value::Dict(dict), index) => {
                if let Some(found) = operate::key(index)?.and_then(|key| dict.get(&key).cloned()) {
                    return Ok(found);
                }
                match index {
                    Value::Str(name) if method::belongs(value, name) => Err(Fault::unsupported(
                        format!("`{name}` is a method to Jinja2"),
                    )),
                    _ => Ok(missing()),
                }
            }
            (Value::List(items) | Value::Tuple(items), Value::Int(index)) => {
                Ok(place(*index, items.len()).map_or_else(missing, |at| items[at].clone()))
            }
            (Value::Str(text), Value::Int(index)) => {
                let length = text.chars().count();
                let letter = place(*index, length).and_then(|at| text.chars().nth(at));
                Ok(letter.map_or_else(missing, |letter| Value::from(letter.to_string())))
            }
            (Value::List(_) | Value::Tuple(_) | Value::Str(_), Value::Str(name))
                if !method::belongs(value, name) =>
            {
                Ok(missing())
            }
            _ => Err(Fault::unsupported(format!(
                "{} is no index of {}",
                index.describe(),
                value.describe()
            ))),
        }
    }
}

/// An index from the end, if it is negative.
fn place(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let index = if index < 0 { index + length } else { index };
    usize::try_from(index).ok().filter(|_| index < length)
}

/// `value[first:behind:step]`
pub(super) fn slice(value: &Value, [first, behind, step]: &[Value; 3]) -> Result<Value, Fault> {
    operate::usable(value)?;
    let number = |part: &Value| match part {
        Value::None => Ok(None),
        Value::Int(number) => Ok(Some(*number)),
        other => Err(Fault::unsupported(format!(
            "{} is no place in a list",
            other.describe()
        ))),
    };
    let (first, behind, step) = (number(first)?, number(behind)?, number(step)?);
    if step.is_some_and(|step| step != 1) {
        return Err(Fault::unsupported("a step other than 1 is not there"));
    }
    let range = |length: usize| {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let clamp = |at: i64| {
            if at < 0 {
                (at + length).max(0)
            } else {
                at.min(length)
            }
        };
        let first = first.map_or(0, clamp);
        let behind = behind.map_or(length, clamp).max(first);
        let at = |number: i64| usize::try_from(number).unwrap_or(0);
        at(first)..at(behind)
    };
    match value {
        Value::List(items) => Ok(Value::from(items[range(items.len())].to_vec())),
        Value::Tuple(items) => Ok(Value::Tuple(Rc::new(items[range(items.len())].to_vec()))),
        Value::Str(text) => {
            let range = range(text.chars().count());
            let part: String = text.chars().skip(range.start).take(range.len()).collect();
            Ok(Value::from(part))
        }
        other => Err(Fault::unsupported(format!(
            "{} cannot be cut",
            other.describe()
        ))),
    }
}

/// The way of a filter's `attribute="a.b.0"`.
pub(in super::super) fn by_path(value: &Value, path: &str) -> Result<Value, Fault> {
    let mut value = value.clone();
    for part in path.split('.') {
        operate::usable(&value)?;
        let index = part
            .parse::<i64>()
            .ok()
            .filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
        let found = match (&value, index) {
            (Value::Dict(dict), None) => dict.get(&Key::from(part)).cloned(),
            (Value::Dict(dict), Some(index)) => dict.get(&Key::Int(index)).cloned(),
            (Value::List(items) | Value::Tuple(items), Some(index)) => {
                place(index, items.len()).map(|at| items[at].clone())
            }
            (value, None) if method::belongs(value, part) => {
                return Err(Fault::unsupported(format!(
                    "`{part}` is a method to Jinja2"
                )));
            }
            (
                Value::List(_)
                | Value::Tuple(_)
                | Value::Str(_)
                | Value::Int(_)
                | Value::Bool(_)
                | Value::Float(_)
                | Value::None,
                None,
            ) => None,
            (value, _) => {
                return Err(Fault::unsupported(format!(
                    "nothing can be looked up in {}",
                    value.describe()
                )));
            }
        };
        value = found.unwrap_or_else(|| Value::Missing(part.into()));
    }
    Ok(value)
}
