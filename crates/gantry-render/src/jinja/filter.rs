//! Filters: `value | name`.

use std::rc::Rc;

use super::ast::Operator;
use super::evaluate::Given;
use super::lexer::is_blank;
use super::operate::{self, Fault};
use super::repr;
use super::value::{Dict, Value};

mod json;
mod number;
mod select;

/// The filters that are there.
pub(super) const NAMES: [&str; 34] = [
    "default",
    "d",
    "upper",
    "lower",
    "capitalize",
    "title",
    "trim",
    "replace",
    "join",
    "length",
    "count",
    "first",
    "last",
    "int",
    "float",
    "string",
    "list",
    "sort",
    "unique",
    "reverse",
    "tojson",
    "indent",
    "abs",
    "min",
    "max",
    "sum",
    "map",
    "select",
    "reject",
    "selectattr",
    "rejectattr",
    "items",
    "dictsort",
    "safe",
];

/// Why nothing is done with what `tojson` made: Jinja2 escapes what it is joined with.
const ESCAPED: &str = "a text that was escaped can only be printed";

/// The arguments of a call by their names' places: `None` for what was not given.
pub(super) fn words<const N: usize>(
    of: &str,
    names: [&str; N],
    given: Given,
) -> Result<[Option<Value>; N], Fault> {
    let mut found = [const { None }; N];
    if given.by_place.len() > N {
        return Err(Fault::failed(format!(
            "`{of}` takes no more than {N} arguments"
        )));
    }
    for (found, value) in found.iter_mut().zip(given.by_place) {
        *found = Some(value);
    }
    for (name, value) in given.by_name {
        let Some(at) = names.iter().position(|known| *known == &*name) else {
            return Err(Fault::failed(format!("`{of}` has no argument `{name}`")));
        };
        if found[at].replace(value).is_some() {
            return Err(Fault::failed(format!("`{of}` has `{name}` twice")));
        }
    }
    Ok(found)
}

fn truth(value: Option<Value>) -> Result<bool, Fault> {
    value.map_or(Ok(false), |value| operate::is_true(&value))
}

fn text(value: &Value) -> Result<Rc<str>, Fault> {
    if let Value::Markup(_) = value {
        return Err(Fault::unsupported(ESCAPED));
    }
    Ok(repr::text(value)?)
}

/// What a loop goes over.
pub(super) fn items(value: &Value) -> Result<Vec<Value>, Fault> {
    operate::usable(value)?;
    match value {
        Value::List(items) | Value::Tuple(items) | Value::View(items) => Ok(items.to_vec()),
        Value::Str(text) => Ok(text
            .chars()
            .map(|letter| Value::from(letter.to_string()))
            .collect()),
        Value::Dict(dict) => Ok(dict.keys().map(super::Key::value).collect()),
        Value::Stream(stream) => match stream.take() {
            Some(items) => Ok(items.to_vec()),
            None => Err(Fault::unsupported(
                "this was gone over before, and is empty now to Jinja2; keep it with `| list`",
            )),
        },
        other @ (Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_)) => Err(
            Fault::failed(format!("nobody can go over {}", other.describe())),
        ),
        other => Err(Fault::unsupported(format!(
            "nobody can go over {}",
            other.describe()
        ))),
    }
}

/// Keys and values as tuples.
pub(super) fn pairs(dict: &Dict) -> Vec<Value> {
    dict.iter()
        .map(|(key, value)| Value::Tuple(Rc::new(vec![key.value(), value.clone()])))
        .collect()
}

/// `upper`, `lower` and `capitalize` for plain letters; all others are a matter of tables.
pub(super) fn cased(name: &str, text: &str) -> Result<Value, Fault> {
    if !text.is_ascii() {
        return Err(Fault::unsupported(format!(
            "`{name}` is for plain letters only"
        )));
    }
    Ok(Value::from(match name {
        "upper" => text.to_ascii_uppercase(),
        "lower" => text.to_ascii_lowercase(),
        _ => first_upper(text),
    }))
}

fn first_upper(text: &str) -> String {
    let mut text = text.to_ascii_lowercase();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

pub(super) fn replaced(text: &str, old: &str, new: &str) -> Result<Value, Fault> {
    let hits = if old.is_empty() {
        text.len() + 1
    } else {
        text.len() / old.len()
    };
    operate::small(text.len().saturating_add(hits.saturating_mul(new.len())))?;
    Ok(Value::from(text.replace(old, new)))
}

/// Applies a filter.
pub(super) fn apply(name: &str, value: Value, given: Given) -> Result<Value, Fault> {
    if matches!(name, "default" | "d") {
        return default(name, value, given);
    }
    operate::usable(&value)?;
    if matches!(value, Value::Markup(_)) && name != "indent" {
        return Err(Fault::unsupported(ESCAPED));
    }
    match name {
        "upper" | "lower" | "capitalize" => {
            let [] = words::<0>(name, [], given)?;
            cased(name, &text(&value)?)
        }
        "title" => {
            let [] = words::<0>(name, [], given)?;
            title(&text(&value)?)
        }
        "trim" => {
            let [letters] = words(name, ["chars"], given)?;
            let whole = text(&value)?;
            Ok(match letters {
                None | Some(Value::None) => Value::from(whole.trim_matches(is_blank)),
                Some(Value::Str(letters)) => {
                    Value::from(whole.trim_matches(|letter| letters.contains(letter)))
                }
                Some(other) => {
                    operate::usable(&other)?;
                    return Err(Fault::failed(format!(
                        "`trim` takes letters, and this is {}",
                        other.describe()
                    )));
                }
            })
        }
        "replace" => {
            let [old, new, count] = words(name, ["old", "new", "count"], given)?;
            let (Some(old), Some(new)) = (old, new) else {
                return Err(Fault::failed("`replace` takes two texts"));
            };
            let (whole, old, new) = (text(&value)?, text(&old)?, text(&new)?);
            match count {
                None | Some(Value::None) => replaced(&whole, &old, &new),
                Some(Value::Int(count)) if count >= 0 && !old.is_empty() => {
                    replaced(&whole, &old, &new)?;
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    Ok(Value::from(whole.replacen(&*old, &new, count)))
                }
                Some(_) => Err(Fault::unsupported(
                    "`replace` with such a count is not there",
                )),
            }
        }
        "join" => join(&value, given),
        "length" | "count" => {
            let [] = words::<0>(name, [], given)?;
            let length = match &value {
                Value::Str(text) => text.chars().count(),
                Value::List(items) | Value::Tuple(items) | Value::View(items) => items.len(),
                Value::Dict(dict) => dict.len(),
                other => return Err(Fault::failed(format!("{} has no length", other.describe()))),
            };
            Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
        }
        "first" | "last" => {
            let [] = words::<0>(name, [], given)?;
            if name == "last" && matches!(value, Value::Stream(_)) {
                return Err(Fault::failed(
                    "this has no last item; write `| list` before",
                ));
            }
            let found = items(&value)?;
            let item = if name == "first" {
                found.first()
            } else {
                found.last()
            };
            Ok(item
                .cloned()
                .unwrap_or_else(|| Value::Missing(format!("the {name} of nothing").into())))
        }
        "string" => {
            let [] = words::<0>(name, [], given)?;
            Ok(Value::Str(text(&value)?))
        }
        "list" => {
            let [] = words::<0>(name, [], given)?;
            items(&value).map(Value::from)
        }
        "reverse" => {
            let [] = words::<0>(name, [], given)?;
            let mut found = items(&value)?;
            found.reverse();
            Ok(match value {
                Value::Str(text) => Value::from(text.chars().rev().collect::<String>()),
                Value::Stream(_) => Value::from(found),
                _ => Value::stream(found),
            })
        }
        "sort" | "unique" | "min" | "max" | "dictsort" => select::by_order(name, value, given),
        "map" | "select" | "reject" | "selectattr" | "rejectattr" => {
            select::some(name, &value, given)
        }
        "items" => {
            let [] = words::<0>(name, [], given)?;
            match value {
                Value::Dict(dict) => Ok(Value::stream(pairs(&dict))),
                other => Err(Fault::failed(format!(
                    "`items` is for mappings, and this is {}",
                    other.describe()
                ))),
            }
        }
        "sum" => {
            let [attribute, start] = words(name, ["attribute", "start"], given)?;
            let mut sum = start.unwrap_or(Value::Int(0));
            if !matches!(sum, Value::Int(_) | Value::Float(_)) {
                return Err(Fault::unsupported("`sum` is for numbers"));
            }
            for item in items(&value)? {
                let item = select::of(attribute.as_ref(), &item)?;
                sum = operate::join(Operator::Add, &sum, &item)?;
            }
            Ok(sum)
        }
        "indent" => indent(&value, given),
        "tojson" => json::filter(&value, given),
        "int" | "float" | "abs" => number::filter(name, &value, given),
        _ => Err(Fault::unsupported(format!(
            "the filter `{name}` is not there"
        ))),
    }
}

fn default(name: &str, value: Value, given: Given) -> Result<Value, Fault> {
    let [default, also_false] = words(name, ["default_value", "boolean"], given)?;
    let default = default.unwrap_or_else(|| Value::from(""));
    match value {
        Value::Missing(_) => Ok(default),
        Value::Refused(reason) => Err(Fault::refused(&reason)),
        value if truth(also_false)? && !operate::is_true(&value)? => Ok(default),
        value => Ok(value),
    }
}

fn title(text: &str) -> Result<Value, Fault> {
    if !text.is_ascii() {
        return Err(Fault::unsupported("`title` is for plain letters only"));
    }
    let separates =
        |letter: char| is_blank(letter) || matches!(letter, '-' | '(' | '{' | '[' | '<');
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for letter in text.chars() {
        let cased = if begins {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        };
        out.push(cased);
        begins = separates(letter);
    }
    Ok(Value::from(out))
}

fn join(value: &Value, given: Given) -> Result<Value, Fault> {
    let [separator, attribute] = words("join", ["d", "attribute"], given)?;
    let separator = match separator {
        None => Rc::from(""),
        Some(separator) => text(&separator)?,
    };
    let mut out = String::new();
    for (place, item) in items(value)?.iter().enumerate() {
        if place > 0 {
            out.push_str(&separator);
        }
        out.push_str(&text(&select::of(attribute.as_ref(), item)?)?);
        operate::small(out.len())?;
    }
    Ok(Value::from(out))
}

fn indent(value: &Value, given: Given) -> Result<Value, Fault> {
    let [width, first, blank] = words("indent", ["width", "first", "blank"], given)?;
    let before = match width {
        None => "    ".to_owned(),
        Some(Value::Int(width)) if width <= 1000 => " ".repeat(usize::try_from(width).unwrap_or(0)),
        Some(Value::Str(text)) => text.to_string(),
        Some(other) => {
            operate::usable(&other)?;
            return Err(Fault::unsupported(format!(
                "`indent` by {}",
                other.describe()
            )));
        }
    };
    let (first, blank) = (truth(first)?, truth(blank)?);
    let whole = match value {
        Value::Str(text) | Value::Markup(text) => Rc::clone(text),
        other => {
            return Err(Fault::failed(format!(
                "`indent` is for texts, and this is {}",
                other.describe()
            )));
        }
    };
    let ends_line = |letter: char| {
        matches!(
            letter,
            '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    if whole.contains(ends_line) {
        return Err(Fault::unsupported("`indent` knows lines by `\\n` alone"));
    }
    let mut out = String::with_capacity(whole.len() + 64);
    for (place, line) in whole.split('\n').enumerate() {
        if place > 0 {
            out.push('\n');
        }
        if (place > 0 && (blank || !line.is_empty())) || (place == 0 && first) {
            out.push_str(&before);
        }
        out.push_str(line);
        operate::small(out.len())?;
    }
    Ok(match value {
        Value::Markup(_) => Value::Markup(out.into()),
        _ => Value::from(out),
    })
}
