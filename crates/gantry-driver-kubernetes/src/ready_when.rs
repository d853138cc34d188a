//! When an object is ready, in the words of a user: an expression in CEL, in which `self` is the object.
//!
//! | the object | what the expression decides |
//! |---|---|
//! | is of a kind that an operator defines | all: its conditions say something else than the user wants, or nothing |
//! | is of a kind of the cluster's own | what is ready by the rules of its kind is ready only if this is true as well |
//! | is being deleted, or has failed for good | nothing |
//!
//! A field that is not there yet makes the expression false, not wrong: status comes late.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cel::{Context, Program, Value as Result_};
use indexmap::IndexMap;
use serde_json::Value;

use crate::forward::target::matches;
use crate::object::Key;
use crate::standing::Standing;

/// Expressions that were read already: each is asked with every change.
static READ: LazyLock<Mutex<HashMap<String, Option<Arc<Program>>>>> = LazyLock::new(Mutex::default);

/// The expressions of a service, by `KIND/NAME` with wildcards.
pub(crate) type ReadyWhen = IndexMap<String, String>;

/// How an object stands, with what these say of it.
pub(crate) fn decide(all: &ReadyWhen, key: &Key, object: &Value, standing: Standing) -> Standing {
    let of = all.iter().filter(|(pattern, _)| is_about(pattern, key));
    let of: Vec<&String> = of.map(|(_, expression)| expression).collect();
    if of.is_empty() || matches!(standing, Standing::Failed(_) | Standing::Terminating(_)) {
        return standing;
    }
    if key.is_built_in() && standing != Standing::Current {
        return standing;
    }
    for expression in of {
        if let Err(why) = holds(expression, object) {
            return Standing::InProgress(format!("`{expression}` {why}"));
        }
    }
    Standing::Current
}

/// Those that are about none of these.
pub(crate) fn idle<'a>(all: &'a ReadyWhen, keys: &[&Key]) -> Vec<&'a str> {
    let patterns = all.keys().map(String::as_str);
    patterns
        .filter(|pattern| !keys.iter().any(|key| is_about(pattern, key)))
        .collect()
}

fn is_about(pattern: &str, key: &Key) -> bool {
    let Some((kind, name)) = pattern.split_once('/') else {
        return false;
    };
    matches(&kind.to_lowercase(), &key.kind.to_lowercase()) && matches(name, &key.name)
}

/// Whether it is true of an object; else why it is not.
fn holds(expression: &str, object: &Value) -> Result<(), String> {
    let program = {
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        let program = read
            .entry(expression.to_owned())
            .or_insert_with(|| Program::compile(expression).ok().map(Arc::new));
        program.clone()
    };
    let program = program.ok_or("is no expression")?;
    let mut context = Context::default();
    context
        .add_variable("self", object)
        .map_err(|error| format!("cannot be asked: {error}"))?;
    match program.execute(&context) {
        Ok(Result_::Bool(true)) => Ok(()),
        Ok(Result_::Bool(false)) => Err("is not true yet".to_owned()),
        Ok(_) => Err("is neither true nor false".to_owned()),
        Err(error) => {
            let error = error.to_string();
            match error.strip_prefix("No such key: ") {
                Some(field) => Err(format!("is not true yet: there is no {field}")),
                None => Err(format!("cannot be asked: {error}")),
            }
        }
    }
}

#[cfg(test)]
mod tests;
