//! Each service alone: decoded, then typed.

use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use super::{Draft, Loading};
use crate::decode::Decoder;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::element::{SERVICE, mode};
use crate::model::Service;
use crate::node::{self, Node};

#[cfg(test)]
mod tests;

/// Decodes every service. One that is wrong stays in the list, so that others may name it. A stack file
/// without services is a mistake; a list of what is deployed may be empty.
pub(super) fn decode<'n>(
    decoder: &mut Decoder<'_>,
    services: Option<&'n node::Entry>,
    root: &Node,
    may_be_none: bool,
) -> Vec<Draft<'n>> {
    let entries = services.map(|entry| (&entry.value, entry.value.as_map()));
    let map = match entries {
        Some((_, Some(map))) if !map.is_empty() => map,
        Some((node, None)) if !node.is_null() => {
            let message = format!("`services` is {}", node.kind());
            let wrong = Diagnostic::error("wrong-kind", node.span, message)
                .expected("a mapping from names to services");
            decoder.complain(wrong);
            return Vec::new();
        }
        _ if may_be_none => return Vec::new(),
        _ => {
            let span = services.map_or(root.span, |entry| entry.key.span);
            let wrong = Diagnostic::error("no-services", span, "the stack has no services").hint(
                "a service begins with [services.NAME.process] and `command = [\"program\"]`",
            );
            decoder.complain(wrong);
            return Vec::new();
        }
    };
    let entries = map.iter().as_slice();
    let share = share(entries.len());
    if share >= entries.len() {
        return part(decoder, entries);
    }
    let (sources, known) = (decoder.sources, &decoder.known);
    let parts: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = entries
            .chunks(share)
            .map(|entries| {
                scope.spawn(move || {
                    let mut diagnostics = Diagnostics::new();
                    let mut decoder = Decoder::new(sources, &mut diagnostics, known.clone());
                    let drafts = part(&mut decoder, entries);
                    let uses = std::mem::take(&mut decoder.uses);
                    (drafts, uses, diagnostics)
                })
            })
            .collect();
        workers.into_iter().map(joined).collect()
    });
    let mut drafts = Vec::with_capacity(entries.len());
    for (part, uses, diagnostics) in parts {
        drafts.extend(part);
        decoder.uses.extend(uses);
        decoder.diagnostics.append(diagnostics);
    }
    drafts
}

/// How many services one thread takes: all of them, unless there are so many that it shows.
fn share(services: usize) -> usize {
    const WORTH_A_THREAD: usize = 1_000;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    services.div_ceil(threads.min(8)).max(WORTH_A_THREAD)
}

/// What a thread made; its panic is ours.
fn joined<T>(worker: std::thread::ScopedJoinHandle<'_, T>) -> T {
    worker
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn part<'n>(decoder: &mut Decoder<'_>, entries: &'n [node::Entry]) -> Vec<Draft<'n>> {
    let mut drafts = Vec::with_capacity(entries.len());
    for entry in entries {
        let named = decoder.service_name(&entry.key);
        decoder.service = Some(entry.key.name.clone());
        let json = decoder.under(&entry.key.name, |decoder| {
            decoder.element(&SERVICE, &entry.value)
        });
        let json = match json {
            Some(Value::Object(json)) if named => Some(json),
            _ => None,
        };
        drafts.push(Draft {
            name: entry.key.name.clone(),
            key: entry.key.span,
            node: &entry.value,
            json,
            mode: None,
            service: None,
        });
    }
    decoder.service = None;
    drafts
}

/// Puts the selected mode into its place, and makes the type.
pub(super) fn type_them(loading: &mut Loading<'_>, drafts: &mut [Draft<'_>]) {
    let share = share(drafts.len());
    if share >= drafts.len() {
        return type_part(loading.diagnostics, drafts);
    }
    let parts: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = drafts
            .chunks_mut(share)
            .map(|drafts| {
                scope.spawn(move || {
                    let mut diagnostics = Diagnostics::new();
                    type_part(&mut diagnostics, drafts);
                    diagnostics
                })
            })
            .collect();
        workers.into_iter().map(joined).collect()
    });
    for diagnostics in parts {
        loading.diagnostics.append(diagnostics);
    }
}

fn type_part(diagnostics: &mut Diagnostics, drafts: &mut [Draft<'_>]) {
    for draft in drafts {
        let (Some(mut json), Some(selected)) = (draft.json.take(), draft.mode) else {
            continue;
        };
        let mut offered: Vec<&str> = Vec::new();
        let mut spec = Value::Object(Map::new());
        for mode in mode::ALL {
            if let Some(table) = json.shift_remove(mode.name) {
                offered.push(mode.name);
                if mode.name == selected {
                    spec = table;
                }
            }
        }
        json.insert("modes".into(), json!(offered));
        json.insert("run".into(), json!({ "mode": selected, "spec": null }));
        json.shift_remove("mode");
        match serde_json::from_value::<Service>(Value::Object(json)) {
            Ok(mut service) => {
                // It is JSON in the type too; moved, it is not walked and copied.
                service.run.spec = spec;
                draft.service = Some(service);
            }
            Err(error) => {
                let message = format!(
                    "the service `{}` does not fit the model: {error}",
                    draft.name
                );
                diagnostics.push(Diagnostic::error("internal", draft.key, message));
            }
        }
    }
}

/// The names of all services, wrong ones too.
pub(super) fn names<'d>(drafts: &'d [Draft<'_>]) -> impl Iterator<Item = &'d str> + Clone {
    drafts.iter().map(|draft| SmolStr::as_str(&draft.name))
}
