//! The JSON Schema of stack files, for editors.

use serde_json::{Map, Value, json};

use crate::element::{Element, Field, Kind, Names, Need, STACK, walk};

#[cfg(test)]
mod tests;

/// The schema (draft 2020-12), made of the descriptions in [`element`](crate::element).
pub fn schema() -> Value {
    let mut definitions = Map::new();
    definitions.insert(
        "late".into(),
        json!({
            "description": "`${NAME}` or `{{ vars.NAME }}`, which stand for the value.",
            "type": "string",
            "pattern": r"\$|\{\{",
        }),
    );
    for element in walk(&STACK) {
        definitions.insert(element.name.into(), of_element(element));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gantry stack file",
        "$ref": "#/$defs/stack",
        "$defs": definitions,
    })
}

fn of_element(element: &'static Element) -> Value {
    let properties: Map<String, Value> = element
        .fields
        .iter()
        .map(|field| (field.key.to_owned(), of_field(field)))
        .collect();
    let required: Vec<&str> = element
        .fields
        .iter()
        .filter(|field| field.need == Need::Required)
        .map(|field| field.key)
        .collect();
    let mut object = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    let mut all: Vec<Value> = Vec::new();
    for group in element.one_of {
        let any: Vec<Value> = group
            .iter()
            .map(|key| json!({ "required": [key] }))
            .collect();
        all.push(json!({ "anyOf": any }));
    }
    for group in element.exclusive {
        for (at, first) in group.iter().enumerate() {
            for second in &group[at + 1..] {
                all.push(json!({ "not": { "required": [first, second] } }));
            }
        }
    }
    if !all.is_empty() {
        object["allOf"] = json!(all);
    }
    let mut whole = match element.short.and_then(|key| element.field(key)) {
        Some(field) => json!({ "anyOf": [of_kind(&field.kind), object] }),
        None => object,
    };
    whole["description"] = json!(element.doc);
    whole
}

fn of_field(field: &'static Field) -> Value {
    let mut schema = of_kind(&field.kind);
    schema["description"] = json!(field.doc);
    if let Need::Default(toml) = field.need
        && let Some(default) = toml_value(toml)
    {
        schema["default"] = default;
    }
    schema
}

/// A default, which is written as TOML writes it.
fn toml_value(text: &str) -> Option<Value> {
    let table: toml::Table = format!("value = {text}").parse().ok()?;
    serde_json::to_value(table.get("value")?).ok()
}

fn of_kind(kind: &'static Kind) -> Value {
    match kind {
        Kind::Bool => or_late(json!({ "type": "boolean" })),
        Kind::Integer(min, max) => {
            let mut number = json!({ "type": "integer", "minimum": min });
            if *max < i64::MAX {
                number["maximum"] = json!(max);
            }
            or_late(number)
        }
        Kind::Scalar(scalar) => or_late(serde_json::from_str(scalar.schema).unwrap_or_default()),
        Kind::Word(words) => {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            or_late(json!({ "enum": words }))
        }
        Kind::Text => json!({ "type": "string" }),
        Kind::Template | Kind::Path => json!({ "type": ["string", "number", "boolean"] }),
        Kind::Secretive => json!({
            "anyOf": [{ "type": ["string", "number", "boolean"] }, { "$ref": "#/$defs/secret" }],
        }),
        Kind::Command => json!({
            "type": "array",
            "minItems": 1,
            "items": { "type": ["string", "number", "boolean"] },
        }),
        Kind::List(of) => json!({ "type": "array", "items": of_kind(of) }),
        Kind::OneOrMany(of) => {
            let one = of_kind(of);
            json!({ "anyOf": [one, { "type": "array", "items": one }] })
        }
        Kind::Map(names, of) => {
            json!({
                "type": "object",
                "propertyNames": { "pattern": pattern(*names) },
                "additionalProperties": of_kind(of),
            })
        }
        Kind::Element(element) => json!({ "$ref": format!("#/$defs/{}", element.name) }),
        Kind::Either(kinds) => {
            let all: Vec<Value> = kinds.iter().map(of_kind).collect();
            json!({ "anyOf": all })
        }
        Kind::Any => json!({}),
    }
}

/// Where a value is no text, a text that will be replaced by one may stand as well.
fn or_late(schema: Value) -> Value {
    let is_text = schema["type"] == "string" && schema.get("pattern").is_none();
    if is_text {
        return schema;
    }
    json!({ "anyOf": [schema, { "$ref": "#/$defs/late" }] })
}

fn pattern(names: Names) -> &'static str {
    match names {
        Names::Service => "^[A-Za-z0-9][A-Za-z0-9._-]*$",
        Names::Plain => "^[A-Za-z0-9_-]+$",
        Names::Variable => r"^[^=\s$][^=\s]*$",
        Names::Free => "^[^$]",
        Names::Object => "^[A-Za-z0-9.*?-]+/[A-Za-z0-9.*?-]+$",
    }
}
