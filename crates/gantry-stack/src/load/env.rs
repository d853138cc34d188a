//! The environment of a service: the stack's, then its env-files', then its own.

use camino::Utf8Path;
use serde_json::{Map, Value};

use super::{Draft, Loading};
use crate::env_file;
use crate::interpolate::Variables;
use crate::layer::Layer;
use crate::span::Span;

/// Puts the lower layers below each service's own environment.
pub(super) fn complete(
    loading: &mut Loading<'_>,
    drafts: &mut [Draft<'_>],
    shared: Option<Value>,
    variables: &Variables,
) {
    let shared = match shared {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    };
    for draft in drafts {
        let files = draft
            .json
            .as_mut()
            .and_then(|json| json.shift_remove("env-files"));
        if shared.is_empty() && files.is_none() {
            continue;
        }
        let mut env = shared.clone();
        let span = draft.span(&["env-files"]);
        for file in files
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            match file.as_str() {
                Some(path) => read_file(loading, Utf8Path::new(path), span, variables, &mut env),
                None => loading.error(
                    "late-reference",
                    span,
                    "`env-files` must be known when the stack is read",
                ),
            }
        }
        let Some(json) = draft.json.as_mut() else {
            continue;
        };
        if let Some(Value::Object(own)) = json.shift_remove("env") {
            env.extend(own);
        }
        json.insert("env".into(), Value::Object(env));
    }
}

fn read_file(
    loading: &mut Loading<'_>,
    path: &Utf8Path,
    from: Span,
    variables: &Variables,
    env: &mut Map<String, Value>,
) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let reason = match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                _ => error.to_string(),
            };
            loading.error(
                "unreadable-file",
                from,
                format!("cannot read {path}: {reason}"),
            );
            return;
        }
    };
    let id = loading.sources.add_file(path, Layer::File, text);
    for variable in env_file::read(id, variables, loading.sources, loading.diagnostics) {
        env.insert(variable.name, Value::String(variable.value));
    }
}
