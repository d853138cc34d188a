//! Values of charts from the command line, over those of the stack file.
//!
//! | flag | |
//! |---|---|
//! | `--values FILE` | one more file for every service with a release; what it says goes before the stack file's `values` |
//! | `--set-value NAME=VALUE` | one value, over all files and the stack file |
//! | `SERVICE:` in front of either | for this service alone |
//!
//! What stands before the first colon is a service, unless the colon is behind the `=`, or a `/` before it. So nothing that is
//! written has two meanings; `\:` is a colon in a name.

use smol_str::SmolStr;

use super::{Draft, Loading, named};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::import::read_text;
use crate::layer::Layer;
use crate::layer::values::{Names, give_way, put, steps};
use crate::node::{Key, Map, Node, Value};
use crate::read::{Format, read_as};
use crate::span::{SourceId, Span};

/// A flag that was given.
pub(super) struct Given {
    /// As it was typed: `--set-value api:a=1`.
    by: String,
    /// The one service that it is for.
    service: Option<SmolStr>,
}

/// Puts all of them into the tree.
pub(super) fn lay(loading: &mut Loading<'_>, root: &mut Node) {
    let options = loading.options;
    for text in &options.values_files {
        let (service, file) = match text.split_once(':') {
            Some((service, file)) if !service.contains('/') => (Some(service), file),
            _ => (None, text.as_str()),
        };
        let flag = "--values";
        let id = loading
            .sources
            .add_text(flag, &options.folder, Layer::Flag, file);
        let span = Span::new(id, 0..file.len());
        if file.is_empty() {
            let wrong = format!("`{flag} {text}` names no file");
            let wrong = Diagnostic::error("bad-assignment", Span::NONE, wrong);
            loading.diagnostics.push(wrong.expected("`[SERVICE:]FILE`"));
            continue;
        }
        let written = overlaid(loading, span, file);
        let file = Node::new(Value::Str(file.into()), span, Layer::Flag);
        each(loading, root, flag, text, service, &mut |table| {
            if let (Some(map), Some(values)) = (&written, values(table)) {
                give_way(values, Names::Dotted, map);
            }
            append(table, file.clone());
        });
    }
    for text in &options.values {
        let flag = "--set-value";
        let Some((service, names, value)) = assignment(loading, flag, text) else {
            continue;
        };
        let span = value.span;
        each(loading, root, flag, text, service, &mut |table| {
            let key = || Key {
                name: "values".into(),
                span,
            };
            if values(table).is_none() {
                let empty = Node::new(Value::Map(Map::new()), span, Layer::Flag);
                table.insert(key(), empty);
            }
            if let Some(values) = values(table) {
                put(values, Names::Dotted, &names, span, value.clone());
            }
        });
    }
}

/// Complains of flags for services that have no release, which is known when their modes are.
pub(super) fn check(loading: &mut Loading<'_>, drafts: &[Draft<'_>]) {
    const MODE: &str = "helm";
    for Given { by, service } in std::mem::take(&mut loading.given) {
        let Some(name) = service else {
            let mut modes = drafts.iter().map(|draft| draft.mode);
            // One whose mode is not known was complained about.
            if !drafts.is_empty() && modes.all(|mode| mode.is_some_and(|mode| mode != MODE)) {
                let message = format!("`{by}`: no service runs in the mode `{MODE}`");
                loading.error("mode-not-offered", Span::NONE, message);
            }
            continue;
        };
        let Some(draft) = drafts.iter().find(|draft| draft.name == name) else {
            continue;
        };
        let Some(mode) = draft.mode.filter(|mode| *mode != MODE) else {
            continue;
        };
        let message = format!("`{by}`: the service `{name}` runs in the mode `{mode}`");
        let mut wrong = Diagnostic::error("mode-not-offered", Span::NONE, message);
        let offers = draft.node.at([MODE]).is_some_and(|node| !node.is_null());
        if offers {
            wrong = wrong.hint(format!("add `--mode {name}={MODE}`"));
        } else {
            wrong = wrong.expected(format!("a service with a table `{MODE}`"));
        }
        loading.diagnostics.push(wrong);
    }
}

/// Does something with the table of each service that a flag is for.
fn each(
    loading: &mut Loading<'_>,
    root: &mut Node,
    flag: &str,
    text: &str,
    service: Option<&str>,
    act: &mut dyn FnMut(&mut Map),
) {
    let by = format!("{flag} {text}");
    let services = root.as_map_mut().and_then(|root| root.get_mut("services"));
    let Some(services) = services.and_then(Node::as_map_mut) else {
        return;
    };
    let one = match service {
        None => None,
        Some(name) => {
            let known = services.names();
            let known: Vec<&str> = known.collect();
            let found = named::service(loading.diagnostics, &by, name, known.iter().copied());
            let Some(found) = found else { return };
            Some(SmolStr::from(found))
        }
    };
    for (key, service) in services.values_mut() {
        if one.as_ref().is_some_and(|one| *one != key.name) {
            continue;
        }
        let table = service.as_map_mut().and_then(|map| map.get_mut("helm"));
        if let Some(table) = table {
            spell_out(table);
            if let Some(table) = table.as_map_mut() {
                act(table);
            }
        }
    }
    loading.given.push(Given { by, service: one });
}

/// A text alone is the chart.
fn spell_out(table: &mut Node) {
    if matches!(table.value, Value::Str(_)) {
        let chart = table.clone();
        let mut map = Map::with_capacity(2);
        let key = Key {
            name: "chart".into(),
            span: chart.span,
        };
        map.insert(key, chart);
        table.value = Value::Map(map);
        table.substituted = None;
    }
}

fn values(table: &mut Map) -> Option<&mut Map> {
    table.get_mut("values").and_then(Node::as_map_mut)
}

/// One more file, behind those that are there.
fn append(table: &mut Map, file: Node) {
    const FILES: &str = "values-files";
    let (span, layer) = (file.span, file.layer);
    match table.get_mut(FILES) {
        Some(Node {
            value: Value::Seq(files),
            ..
        }) => files.push(file),
        Some(one) if !one.is_null() => {
            let first = one.clone();
            one.value = Value::Seq(vec![first, file]);
            one.substituted = None;
        }
        _ => {
            let files = Node::new(Value::Seq(vec![file]), span, layer);
            let key = Key {
                name: FILES.into(),
                span,
            };
            table.insert(key, files);
        }
    }
}

/// What a file says. One that cannot be read is told before the start, with what else is missing.
fn overlaid(loading: &mut Loading<'_>, span: Span, file: &str) -> Option<Map> {
    let path = loading.sources.resolve(span, file);
    let text = read_text(&path).ok()?;
    let id = loading.sources.add_file(path, Layer::Flag, text);
    let mut found = Diagnostics::new();
    match read_as(Format::Yaml, id, loading.sources, &mut found).value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

/// `[SERVICE:]NAME=VALUE` as its parts.
fn assignment<'t>(
    loading: &mut Loading<'_>,
    flag: &str,
    text: &'t str,
) -> Option<(Option<&'t str>, Vec<SmolStr>, Node)> {
    let wrong = |message: String| {
        let wrong = Diagnostic::error("bad-assignment", Span::NONE, message);
        wrong.expected("`[SERVICE:]NAME=VALUE`")
    };
    let Some(equals) = unescaped(text, '=') else {
        let message = format!("`{flag} {text}` sets nothing");
        loading.diagnostics.push(wrong(message));
        return None;
    };
    let (before, value) = (&text[..equals], &text[equals + 1..]);
    let (service, name) = match unescaped(before, ':') {
        Some(colon) => (Some(&before[..colon]), &before[colon + 1..]),
        None => (None, before),
    };
    let name = name.replace("\\:", ":").replace("\\=", "=");
    let names = steps(&name);
    if names.iter().any(SmolStr::is_empty) {
        let message = format!("`{flag} {text}`: `{name}` has an empty name in it");
        loading.diagnostics.push(wrong(message));
        return None;
    }
    if name.ends_with(']') {
        let list = name.split('[').next().unwrap_or_default();
        let message = format!("`{flag} {text}` sets one item of a list");
        let complaint = Diagnostic::error("bad-assignment", Span::NONE, message);
        let hint = format!("give the whole list: `{list}=[\"a\", \"b\"]`");
        loading.diagnostics.push(complaint.hint(hint));
        return None;
    }
    if let Some(next) = second(value) {
        let message = format!("`{flag} {text}` may set one value or two");
        let complaint = Diagnostic::error("bad-assignment", Span::NONE, message);
        let hint = format!(
            "give each its own flag (`{flag} {next}`), or put the text in quotes: `{name}=\"{value}\"`"
        );
        loading.diagnostics.push(complaint.hint(hint));
        return None;
    }
    let id = loading
        .sources
        .add_text(flag, &loading.options.folder, Layer::Flag, value);
    let value = typed(loading, id, value)?;
    Some((service, names, value))
}

/// Where a character stands that has no backslash before it.
fn unescaped(text: &str, wanted: char) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let found = c == wanted && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        found.then_some(at)
    })
}

/// The second of `1,b=2`, as Helm's own `--set` would read it.
fn second(value: &str) -> Option<&str> {
    if value.starts_with(['"', '\'', '[', '{']) {
        return None;
    }
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '[' | ']');
    let commas = value.match_indices(',').map(|(at, _)| &value[at + 1..]);
    let mut rests = commas.filter(|rest| {
        let name = rest.split('=').next().unwrap_or_default();
        rest.contains('=') && !name.is_empty() && name.chars().all(plain)
    });
    rests.next()
}

/// A value by how it is written: `true`, `1`, `0.5`, `null`, `"1"`, `[…]` and `{…}` are what they are in the stack file, all
/// else is text. A number that would not be printed as it was typed is text: a version (`1.10`), a number with zeros in
/// front.
fn typed(loading: &mut Loading<'_>, id: SourceId, text: &str) -> Option<Node> {
    let span = Span::new(id, 0..text.len());
    let is_nested = text.starts_with(['"', '\'', '[', '{']) && !text.starts_with("{{");
    if is_nested {
        let before = loading.diagnostics.errors();
        let read = read_as(Format::Yaml, id, loading.sources, loading.diagnostics);
        if loading.diagnostics.errors() > before {
            return None;
        }
        let is_list_of_helm = |map: &Map| {
            !map.is_empty() && map.iter().all(|entry| entry.value.is_null()) && !text.contains(':')
        };
        if read.as_map().is_some_and(is_list_of_helm) {
            let message = format!("`{text}` is no value");
            let wrong = Diagnostic::error("bad-assignment", span, message);
            let inner = text.trim_matches(['{', '}']);
            loading
                .diagnostics
                .push(wrong.hint(format!("a list is written `[{inner}]`")));
            return None;
        }
        return Some(read);
    }
    let value = match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), _) if number.to_string() == text => Value::Int(number),
            (_, Ok(number)) if text.contains('.') && number.to_string() == text => {
                Value::Float(number)
            }
            _ => Value::Str(text.into()),
        },
    };
    Some(Node::new(value, span, Layer::Flag))
}
