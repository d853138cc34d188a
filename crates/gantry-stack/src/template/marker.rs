//! The objects that stand for references and secrets in JSON.

use serde_json::{Map, Value, json};

use super::{Part, Reference, Secret, Template};

/// The key of a marker for a text with references.
pub(super) const TEMPLATE: &str = "$template";
/// The key of a marker for one reference that keeps its kind.
pub(super) const REFERENCE: &str = "$ref";
/// The key of a marker for a secret.
pub(crate) const SECRET: &str = "$secret";

/// A template as JSON. It stays a text, even if it is one reference.
pub(crate) fn of_template(template: Template) -> Value {
    let parts = template.into_parts();
    match parts.as_slice() {
        [] => return Value::String(String::new()),
        [Part::Literal(_)] => {}
        _ => {
            let parts = parts.into_iter().map(of_part).collect();
            return sole_entry(TEMPLATE, Value::Array(parts));
        }
    }
    parts.into_iter().map(of_part).next().unwrap_or_default()
}

fn of_part(part: Part) -> Value {
    match part {
        Part::Literal(text) => Value::String(text),
        Part::Reference(reference) => {
            let path = Value::String(reference.path_text());
            let mut map = Map::with_capacity(1);
            map.insert("ref".to_owned(), path);
            if let Some(default) = reference.default {
                map.insert("default".to_owned(), default);
            }
            Value::Object(map)
        }
    }
}

fn sole_entry(key: &str, value: Value) -> Value {
    let mut map = Map::with_capacity(1);
    map.insert(key.to_owned(), value);
    Value::Object(map)
}

/// A secret as JSON.
pub(super) fn of_secret(secret: &Secret) -> Value {
    json!({ SECRET: secret })
}

/// The one entry of a marker object.
pub(crate) fn sole(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = map.iter();
    match (entries.next(), entries.next()) {
        (Some((key, value)), None) if key.starts_with('$') => Some((key, value)),
        _ => None,
    }
}

/// The secret, if `value` marks one.
pub(super) fn secret(value: &Value) -> Option<Result<Secret, serde_json::Error>> {
    match sole(value.as_object()?)? {
        (SECRET, inner) => Some(serde_json::from_value(inner.clone())),
        _ => None,
    }
}

/// The template, if `value` is a text or marks one; what was looked up in the meantime and became a
/// number or a truth value counts as its text.
pub(crate) fn to_template(value: Value) -> Result<Template, String> {
    match value {
        Value::String(text) => Ok(Template::literal(text)),
        Value::Object(map) => match sole(&map) {
            Some((REFERENCE, inner)) => reference(inner).map(Template::reference),
            Some((TEMPLATE, Value::Array(parts))) => {
                let part = |value: &Value| match value {
                    Value::String(text) => Ok(Part::Literal(text.clone())),
                    other => reference(other).map(Part::Reference),
                };
                parts
                    .iter()
                    .map(part)
                    .collect::<Result<_, _>>()
                    .map(Template::from_parts)
            }
            _ => Err("expected a text or a template".into()),
        },
        Value::Number(_) | Value::Bool(_) => Ok(Template::literal(value.to_string())),
        Value::Null | Value::Array(_) => Err("expected a text or a template".into()),
    }
}

/// The reference inside a marker.
pub(super) fn reference(value: &Value) -> Result<Reference, String> {
    serde_json::from_value(value.clone()).map_err(|error| error.to_string())
}
