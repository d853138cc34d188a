//! Puts in what references and secrets stand for.

use serde_json::Value;

use super::{Reference, Secret, marker};

/// Knows what references and secrets stand for.
pub trait Resolver {
    /// The value behind a reference; `None` if the path leads nowhere, and the default stands in.
    fn reference(&self, reference: &Reference) -> Result<Option<Value>, ResolveError>;

    /// The text of a secret.
    fn secret(&self, secret: &Secret) -> Result<String, ResolveError>;
}

/// Why something could not be put in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The path leads nowhere, and there is no default.
    #[error("nothing is known under {{{{ {path} }}}}")]
    Unknown {
        /// The path.
        path: String,
    },
    /// A list or a mapping stands where a text is put together.
    #[error("{{{{ {path} }}}} is a {kind}, and cannot be part of a text")]
    NotText {
        /// The path.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Nothing leads from whoever asks to what is asked for.
    #[error("{{{{ {path} }}}} cannot be reached from {from}")]
    Unreachable {
        /// The path.
        path: String,
        /// Where whoever asks is.
        from: String,
    },
    /// A secret could not be had.
    #[error("{secret}: {reason}")]
    Secret {
        /// Where it should be.
        secret: String,
        /// Why it is not there.
        reason: String,
    },
    /// A marker object has the wrong form: the model comes from another version.
    #[error("the model has a marker that this version does not know: {0}")]
    Marker(String),
}

/// `value` with every marker replaced by what it stands for.
pub fn resolve_value(mut value: Value, resolver: &dyn Resolver) -> Result<Value, ResolveError> {
    resolve_in(&mut value, resolver)?;
    Ok(value)
}

fn resolve_in(value: &mut Value, resolver: &dyn Resolver) -> Result<(), ResolveError> {
    match value {
        Value::Object(map) => {
            if let Some((key, inner)) = marker::sole(map) {
                *value = resolve_marker(key, inner, resolver)?;
                return Ok(());
            }
            map.values_mut()
                .try_for_each(|value| resolve_in(value, resolver))
        }
        Value::Array(items) => items
            .iter_mut()
            .try_for_each(|item| resolve_in(item, resolver)),
        _ => Ok(()),
    }
}

fn resolve_marker(
    key: &str,
    inner: &Value,
    resolver: &dyn Resolver,
) -> Result<Value, ResolveError> {
    match (key, inner) {
        (marker::REFERENCE, inner) => {
            let reference = marker::reference(inner).map_err(ResolveError::Marker)?;
            look_up(&reference, resolver)
        }
        (marker::TEMPLATE, Value::Array(parts)) => {
            let mut text = String::new();
            for part in parts {
                if let Value::String(literal) = part {
                    text.push_str(literal);
                } else {
                    let reference = marker::reference(part).map_err(ResolveError::Marker)?;
                    let value = look_up(&reference, resolver)?;
                    text.push_str(&text_of(&reference, &value)?);
                }
            }
            Ok(Value::String(text))
        }
        (marker::SECRET, inner) => {
            let secret: Secret = serde_json::from_value(inner.clone())
                .map_err(|error| ResolveError::Marker(error.to_string()))?;
            resolver.secret(&secret).map(Value::String)
        }
        (key, _) => Err(ResolveError::Marker(key.to_owned())),
    }
}

fn look_up(reference: &Reference, resolver: &dyn Resolver) -> Result<Value, ResolveError> {
    match resolver.reference(reference)? {
        Some(value) => Ok(value),
        None => reference
            .default
            .clone()
            .ok_or_else(|| ResolveError::Unknown {
                path: reference.path_text(),
            }),
    }
}

/// A value as it appears inside a text: a list with commas between, as programs take addresses.
pub fn text_of(reference: &Reference, value: &Value) -> Result<String, ResolveError> {
    let kind = match value {
        Value::String(text) => return Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => return Ok(value.to_string()),
        Value::Null => return Ok(String::new()),
        Value::Array(items)
            if items
                .iter()
                .all(|item| !item.is_array() && !item.is_object()) =>
        {
            let texts: Result<Vec<_>, _> =
                items.iter().map(|item| text_of(reference, item)).collect();
            return Ok(texts?.join(","));
        }
        Value::Array(_) => "list",
        Value::Object(_) => "mapping",
    };
    Err(ResolveError::NotText {
        path: reference.path_text(),
        kind,
    })
}
