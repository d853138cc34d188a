//! What belongs to values, and the functions that are always there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::evaluate::Given;
use super::filter::{self, words};
use super::lexer::is_blank;
use super::operate::{self, Fault};
use super::scope::Loop;
use super::value::{Dict, Key, Value};

/// The functions of Jinja2.
pub(super) const FUNCTIONS: [&str; 6] =
    ["range", "dict", "namespace", "lipsum", "cycler", "joiner"];

const OF_DICT: &str = "clear copy fromkeys get items keys pop popitem setdefault update values";
const OF_LIST: &str = "append clear copy count extend index insert pop remove reverse sort";
const OF_TUPLE: &str = "count index";
const OF_NUMBER: &str = "as_integer_ratio bit_count bit_length conjugate denominator from_bytes fromhex hex imag \
                         is_integer numerator real to_bytes";
const OF_STR: &str = "capitalize casefold center count encode endswith expandtabs find format format_map index isalnum \
                      isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle \
                      isupper join ljust lower lstrip maketrans partition removeprefix removesuffix replace rfind \
                      rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title \
                      translate upper zfill";

/// Whether Python has something of this name for such a value.
pub(super) fn belongs(value: &Value, name: &str) -> bool {
    let names = match value {
        Value::Dict(_) => OF_DICT,
        Value::List(_) => OF_LIST,
        Value::Tuple(_) => OF_TUPLE,
        Value::Str(_) => OF_STR,
        Value::Int(_) | Value::Bool(_) | Value::Float(_) => OF_NUMBER,
        _ => "",
    };
    name.starts_with("__") || names.split_ascii_whitespace().any(|one| one == name)
}

/// `loop.name`
pub(super) fn of_loop(round: &Loop, name: &str) -> Option<Value> {
    if round.over.get() {
        return None;
    }
    let length = round.items.len();
    let number = |number: usize| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let item = |at: Option<usize>| {
        at.and_then(|at| round.items.get(at).cloned())
            .unwrap_or_else(|| Value::Missing(format!("loop.{name}").into()))
    };
    Some(match name {
        "index" => number(round.index0 + 1),
        "index0" => number(round.index0),
        "revindex" => number(length - round.index0),
        "revindex0" => number(length - round.index0 - 1),
        "first" => Value::Bool(round.index0 == 0),
        "last" => Value::Bool(round.index0 + 1 == length),
        "length" => number(length),
        "depth" => Value::Int(1),
        "depth0" => Value::Int(0),
        "previtem" => item(round.index0.checked_sub(1)),
        "nextitem" => item(Some(round.index0 + 1)),
        _ => return None,
    })
}

/// `value.name(…)`
pub(super) fn call(value: &Value, name: &str, given: Given) -> Result<Value, Fault> {
    operate::usable(value)?;
    match value {
        Value::Dict(dict) if belongs(value, name) => of_dict(dict, name, given),
        Value::Str(text) if belongs(value, name) => of_text(text, name, given),
        Value::Loop(round) if name == "cycle" && !round.over.get() => {
            let items = given.by_place;
            if items.is_empty() || !given.by_name.is_empty() {
                return Err(Fault::failed("`loop.cycle` takes values"));
            }
            let at = round.index0 % items.len();
            Ok(items[at].clone())
        }
        Value::Dict(_)
        | Value::None
        | Value::Int(_)
        | Value::Bool(_)
        | Value::Float(_)
        | Value::List(_)
        | Value::Tuple(_)
        | Value::Str(_)
            if !belongs(value, name) =>
        {
            Err(Fault::failed(format!(
                "{} has no method `{name}`",
                value.describe()
            )))
        }
        other => Err(Fault::unsupported(format!(
            "the method `{name}` of {} is not there",
            other.describe()
        ))),
    }
}

fn of_dict(dict: &Rc<Dict>, name: &str, given: Given) -> Result<Value, Fault> {
    match name {
        "items" | "keys" | "values" => {
            let [] = words::<0>(name, [], given)?;
            Ok(Value::view(match name {
                "items" => filter::pairs(dict),
                "keys" => dict.keys().map(Key::value).collect(),
                _ => dict.values().cloned().collect(),
            }))
        }
        "get" => {
            let [key, default] = words(name, ["key", "default"], given)?;
            let key = key.ok_or_else(|| Fault::failed("`get` takes a key"))?;
            let found = operate::key(&key)?.and_then(|key| dict.get(&key).cloned());
            Ok(found.or(default).unwrap_or(Value::None))
        }
        _ => Err(Fault::unsupported(format!(
            "the method `{name}` of a mapping is not there"
        ))),
    }
}

/// An argument that must be a text.
fn a_text(name: &str, value: Option<Value>) -> Result<Rc<str>, Fault> {
    match value {
        Some(Value::Str(text)) => Ok(text),
        Some(other) => {
            operate::usable(&other)?;
            Err(Fault::unsupported(format!(
                "`{name}` takes a text here, and this is {}",
                other.describe()
            )))
        }
        None => Err(Fault::failed(format!("`{name}` takes a text"))),
    }
}

fn of_text(text: &str, name: &str, given: Given) -> Result<Value, Fault> {
    let value = Value::from(text);
    Ok(match name {
        "upper" | "lower" | "capitalize" => {
            let [] = words::<0>(name, [], given)?;
            return filter::cased(name, text);
        }
        "strip" | "lstrip" | "rstrip" => {
            let [letters] = words(name, ["chars"], given)?;
            let letters = match letters {
                None | Some(Value::None) => None,
                some => Some(a_text(name, some)?),
            };
            let strips = |letter: char| match &letters {
                None => is_blank(letter),
                Some(letters) => letters.contains(letter),
            };
            Value::from(match name {
                "strip" => text.trim_matches(strips),
                "lstrip" => text.trim_start_matches(strips),
                _ => text.trim_end_matches(strips),
            })
        }
        "split" => {
            let [separator] = words(name, ["sep"], given)?;
            let parts: Vec<Value> = match separator {
                None | Some(Value::None) => text
                    .split(is_blank)
                    .filter(|part| !part.is_empty())
                    .map(Value::from)
                    .collect(),
                some => {
                    let separator = a_text(name, some)?;
                    if separator.is_empty() {
                        return Err(Fault::failed("an empty text separates nothing"));
                    }
                    text.split(&*separator).map(Value::from).collect()
                }
            };
            Value::from(parts)
        }
        "replace" => {
            let [old, new] = words(name, ["old", "new"], given)?;
            let (old, new) = (a_text(name, old)?, a_text(name, new)?);
            return filter::replaced(text, &old, &new);
        }
        "startswith" | "endswith" => {
            let [part] = words(name, ["part"], given)?;
            let part = a_text(name, part)?;
            Value::Bool(if name == "startswith" {
                text.starts_with(&*part)
            } else {
                text.ends_with(&*part)
            })
        }
        "removeprefix" | "removesuffix" => {
            let [part] = words(name, ["part"], given)?;
            let part = a_text(name, part)?;
            let rest = if name == "removeprefix" {
                text.strip_prefix(&*part)
            } else {
                text.strip_suffix(&*part)
            };
            rest.map_or(value, Value::from)
        }
        "join" => {
            let [items] = words(name, ["items"], given)?;
            let items = items.ok_or_else(|| Fault::failed("`join` takes a list"))?;
            let items = filter::items(&items)?;
            let mut parts = Vec::with_capacity(items.len());
            for item in items {
                operate::usable(&item)?;
                match item {
                    Value::Str(text) => parts.push(text),
                    other => {
                        return Err(Fault::failed(format!(
                            "`join` joins texts, and this is {}",
                            other.describe()
                        )));
                    }
                }
            }
            Value::from(parts.join(text))
        }
        _ => {
            return Err(Fault::unsupported(format!(
                "the method `{name}` of a text is not there"
            )));
        }
    })
}

/// `range(…)` and its like.
pub(super) fn function(name: &Rc<str>, given: Given) -> Result<Value, Fault> {
    match &**name {
        "range" => range(given),
        "dict" if given.by_place.is_empty() => {
            let entries = given.by_name.into_iter();
            Ok(Value::from(
                entries
                    .map(|(name, value)| (Key::Str(name), value))
                    .collect::<Dict>(),
            ))
        }
        "namespace" if given.by_place.is_empty() => {
            let space: HashMap<_, _> = given.by_name.into_iter().collect();
            Ok(Value::Namespace(Rc::new(RefCell::new(space))))
        }
        name if FUNCTIONS.contains(&name) => Err(Fault::unsupported(format!(
            "`{name}` with such arguments is not there"
        ))),
        name => Err(Fault::missing(name)),
    }
}

fn range(given: Given) -> Result<Value, Fault> {
    /// More rounds than any file needs.
    const LONGEST: usize = 100_000;
    let [first, second, step] = words("range", ["", " ", "  "], given)?;
    let number = |value: Option<Value>| match value {
        None => Ok(None),
        Some(Value::Int(number)) => Ok(Some(number)),
        Some(other) => {
            operate::usable(&other)?;
            Err(Fault::unsupported(format!(
                "`range` takes whole numbers, and this is {}",
                other.describe()
            )))
        }
    };
    let (first, second, step) = (number(first)?, number(second)?, number(step)?.unwrap_or(1));
    let (first, behind) = match (first, second) {
        (Some(behind), None) => (0, behind),
        (Some(first), Some(behind)) => (first, behind),
        _ => return Err(Fault::failed("`range` takes a number")),
    };
    if step == 0 {
        return Err(Fault::failed("`range` takes steps that go somewhere"));
    }
    let mut items = Vec::new();
    let mut at = first;
    while (step > 0 && at < behind) || (step < 0 && at > behind) {
        if items.len() >= LONGEST {
            return Err(Fault::unsupported("`range` becomes too long"));
        }
        items.push(Value::Int(at));
        let Some(next) = at.checked_add(step) else {
            break;
        };
        at = next;
    }
    Ok(Value::view(items))
}
