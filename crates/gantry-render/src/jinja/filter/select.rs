//! Filters that choose, change or order the items of a list.

use std::cmp::Ordering;

use super::super::evaluate::{Given, by_path};
use super::super::operate::{self, Fault, compare};
use super::super::value::Value;
use super::super::{ProblemKind, check};
use super::{apply, cased, items, pairs, truth, words};

/// The item itself, or what `attribute` leads to in it.
pub(super) fn of(attribute: Option<&Value>, item: &Value) -> Result<Value, Fault> {
    match attribute {
        None | Some(Value::None) => Ok(item.clone()),
        Some(Value::Str(path)) if !path.contains(',') => by_path(item, path),
        Some(Value::Int(index)) => by_path(item, &index.to_string()),
        Some(other) => Err(Fault::unsupported(format!(
            "{} as an attribute",
            other.describe()
        ))),
    }
}

/// What is compared: texts without regard to their case, unless that was asked for.
fn key(value: Value, case_matters: bool) -> Result<Value, Fault> {
    match &value {
        Value::Str(text) if !case_matters => cased("lower", text),
        _ => Ok(value),
    }
}

pub(super) fn by_order(name: &str, value: Value, given: Given) -> Result<Value, Fault> {
    match name {
        "sort" => {
            let [reverse, case, attribute] =
                words(name, ["reverse", "case_sensitive", "attribute"], given)?;
            let (reverse, case) = (truth(reverse)?, truth(case)?);
            let mut keyed = keyed(items(&value)?, case, attribute.as_ref())?;
            sort(&mut keyed, reverse)?;
            Ok(Value::from(
                keyed.into_iter().map(|(_, item)| item).collect::<Vec<_>>(),
            ))
        }
        "unique" => {
            let [case, attribute] = words(name, ["case_sensitive", "attribute"], given)?;
            let case = truth(case)?;
            let mut seen: Vec<Value> = Vec::new();
            let mut kept = Vec::new();
            for (key, item) in keyed(items(&value)?, case, attribute.as_ref())? {
                if matches!(key, Value::List(_) | Value::Dict(_)) {
                    return Err(Fault::failed("`unique` of lists or mappings"));
                }
                let mut known = false;
                for one in &seen {
                    known = known || operate::equal(one, &key)?;
                }
                if !known {
                    seen.push(key);
                    kept.push(item);
                }
            }
            Ok(Value::stream(kept))
        }
        "dictsort" => {
            let [case, by, reverse] = words(name, ["case_sensitive", "by", "reverse"], given)?;
            let (case, reverse) = (truth(case)?, truth(reverse)?);
            let at = match by {
                None => 0,
                Some(Value::Str(by)) if &*by == "key" => 0,
                Some(Value::Str(by)) if &*by == "value" => 1,
                _ => return Err(Fault::failed("`dictsort` is by \"key\" or by \"value\"")),
            };
            let Value::Dict(dict) = value else {
                return Err(Fault::failed(format!(
                    "`dictsort` is for mappings, and this is {}",
                    value.describe()
                )));
            };
            let mut keyed = keyed(pairs(&dict), case, Some(&Value::Int(at)))?;
            sort(&mut keyed, reverse)?;
            Ok(Value::from(
                keyed.into_iter().map(|(_, item)| item).collect::<Vec<_>>(),
            ))
        }
        _ => {
            let [case, attribute] = words(name, ["case_sensitive", "attribute"], given)?;
            let case = truth(case)?;
            let mut best: Option<(Value, Value)> = None;
            let wanted = if name == "min" {
                Ordering::Less
            } else {
                Ordering::Greater
            };
            for (key, item) in keyed(items(&value)?, case, attribute.as_ref())? {
                let better = match &best {
                    Some((best, _)) => compare(&key, best)? == Some(wanted),
                    None => true,
                };
                if better {
                    best = Some((key, item));
                }
            }
            Ok(best.map_or_else(
                || Value::Missing(format!("the {name} of nothing").into()),
                |(_, item)| item,
            ))
        }
    }
}

fn keyed(
    items: Vec<Value>,
    case: bool,
    attribute: Option<&Value>,
) -> Result<Vec<(Value, Value)>, Fault> {
    items
        .into_iter()
        .map(|item| Ok((key(of(attribute, &item)?, case)?, item)))
        .collect()
}

fn sort(keyed: &mut [(Value, Value)], reverse: bool) -> Result<(), Fault> {
    let mut fault = None;
    keyed.sort_by(|(left, _), (right, _)| match compare(left, right) {
        Ok(Some(order)) => {
            if reverse {
                order.reverse()
            } else {
                order
            }
        }
        Ok(None) => Ordering::Equal,
        Err(wrong) => {
            fault = Some(wrong);
            Ordering::Equal
        }
    });
    fault.map_or(Ok(()), Err)
}

/// `map`, `select` and their like. Jinja2 does these when their items are asked for; a mistake that
/// it would make only then is one here, whoever asks.
pub(super) fn some(name: &str, value: &Value, given: Given) -> Result<Value, Fault> {
    chosen(name, value, given).map_err(|fault| Fault {
        kind: match fault.kind {
            ProblemKind::Failed => ProblemKind::Unsupported,
            kind => kind,
        },
        ..fault
    })
}

fn chosen(name: &str, value: &Value, mut given: Given) -> Result<Value, Fault> {
    // Jinja2 asks whether there is anything before it asks whether it can be gone over.
    let all = if operate::is_true(value)? {
        items(value)?
    } else {
        Vec::new()
    };
    if name == "map" {
        return map(all, given).map(Value::stream);
    }
    let attribute = if name.ends_with("attr") {
        if given.by_place.is_empty() {
            return Err(Fault::failed(format!(
                "`{name}` takes the name of an attribute"
            )));
        }
        Some(given.by_place.remove(0))
    } else {
        None
    };
    let test = if given.by_place.is_empty() {
        None
    } else {
        Some(given.by_place.remove(0))
    };
    let mut kept = Vec::new();
    for item in all {
        let value = of(attribute.as_ref(), &item)?;
        let holds = match &test {
            None => operate::is_true(&value)?,
            Some(Value::Str(test)) if check::NAMES.contains(&&**test) => {
                check::holds(test, &value, &given)?
            }
            Some(_) => {
                return Err(Fault::unsupported(format!(
                    "`{name}` with such a test is not there"
                )));
            }
        };
        if holds == name.starts_with("select") {
            kept.push(item);
        }
    }
    Ok(Value::stream(kept))
}

fn map(all: Vec<Value>, mut given: Given) -> Result<Vec<Value>, Fault> {
    let by_name = std::mem::take(&mut given.by_name);
    if given.by_place.is_empty() {
        let given = Given {
            by_place: Vec::new(),
            by_name,
        };
        let [attribute, default] = words("map", ["attribute", "default"], given)?;
        if attribute.is_none() {
            return Err(Fault::failed("`map` takes a filter or an attribute"));
        }
        return all
            .iter()
            .map(|item| match (of(attribute.as_ref(), item)?, &default) {
                (Value::Missing(_), Some(default)) => Ok(default.clone()),
                (value, _) => Ok(value),
            })
            .collect();
    }
    let Value::Str(filter) = given.by_place.remove(0) else {
        return Err(Fault::failed("`map` takes the name of a filter"));
    };
    all.into_iter()
        .map(|item| {
            let given = Given {
                by_place: given.by_place.clone(),
                by_name: by_name.clone(),
            };
            apply(&filter, item, given)
        })
        .collect()
}
