//! Single values from the environment and from flags.

use camino::Utf8Path;

use super::Layer;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Key, Map, Node, Value};
use crate::read;
use crate::source::SourceMap;
use crate::span::{SourceId, Span};

/// The layer of `GANTRY_…` variables: `GANTRY_SERVICES__DB__PORTS__SQL=5433` is
/// `services.db.ports.sql = 5433`.
///
/// Two underscores part the names, one stands for a hyphen unless `lower` has the name with an
/// underscore. A variable without two of them is none of ours: `GANTRY_HOME`, `GANTRY_MODE` and
/// what instances get are of that kind.
pub fn environment<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    lower: &Node,
    folder: &Utf8Path,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Vec<Node> {
    let mut named: Vec<_> = variables
        .into_iter()
        .filter(|(name, _)| name.starts_with("GANTRY_") && name.contains("__"))
        .collect();
    named.sort_unstable();
    named
        .into_iter()
        .map(|(name, text)| {
            let id = sources.add_text(name, folder, Layer::Environment, text);
            let value = value(text, id, 0, Layer::Environment, diagnostics);
            let mut at = Some(lower);
            let mut path = Vec::new();
            for part in name["GANTRY_".len()..].split("__") {
                let known = at.and_then(Node::as_map);
                let found = known.and_then(|map| map.names().find(|name| same(name, part)));
                let step =
                    found.map_or_else(|| part.to_lowercase().replace('_', "-"), str::to_owned);
                at = known.and_then(|map| map.get(&step));
                path.push(step);
            }
            nest(path, value)
        })
        .collect()
}

/// A name as it can stand in the environment.
fn same(name: &str, part: &str) -> bool {
    name.len() == part.len()
        && name
            .bytes()
            .zip(part.bytes())
            .all(|(n, p)| n.eq_ignore_ascii_case(&p) || (n == b'-' || n == b'.') && p == b'_')
}

/// The layer of one flag `--set services.db.ports.sql=5433`.
pub fn assignment(
    text: &str,
    folder: &Utf8Path,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let id = sources.add_text("--set", folder, Layer::Flag, text);
    let whole = Span::new(id, 0..text.len());
    let Some(equals) = text.find('=') else {
        let wrong = Diagnostic::error("bad-assignment", whole, format!("`{text}` sets nothing"));
        diagnostics.push(wrong.expected("`name.of.it=value`"));
        return None;
    };
    let path = match path(&text[..equals]) {
        Ok(path) => path,
        Err(message) => {
            let span = Span::new(id, 0..equals);
            let wrong = Diagnostic::error("bad-assignment", span, message);
            diagnostics.push(wrong.expected("names with dots between them"));
            return None;
        }
    };
    let value = value(
        &text[equals + 1..],
        id,
        equals + 1,
        Layer::Flag,
        diagnostics,
    );
    Some(nest(path, value))
}

/// `a.b-c."d.e"` as its names.
fn path(text: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut rest = text.trim();
    loop {
        let name = if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted
                .find('"')
                .ok_or_else(|| format!("`{text}` has a quote that is not closed"))?;
            rest = &quoted[end + 1..];
            &quoted[..end]
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            let name = &rest[..end];
            rest = &rest[end..];
            name
        };
        if name.is_empty() {
            return Err(format!("`{text}` has an empty name in it"));
        }
        names.push(name.to_owned());
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Ok(names),
            None => return Err(format!("`{rest}` follows a quoted name")),
        }
    }
}

/// A value as TOML writes it if it is one, else text.
fn value(
    text: &str,
    id: SourceId,
    offset: usize,
    layer: Layer,
    diagnostics: &mut Diagnostics,
) -> Node {
    let typed = text.starts_with(['[', '{', '"', '\'', '+', '-', '.'])
        || text.starts_with(|c: char| c.is_ascii_digit())
        || matches!(text, "true" | "false");
    if typed && let Some(node) = read::toml_value(text, id, offset, layer, diagnostics) {
        return node;
    }
    let span = Span::new(id, offset..offset + text.len());
    Node::new(Value::Str(text.into()), span, layer)
}

fn nest(path: Vec<String>, value: Node) -> Node {
    path.into_iter().rev().fold(value, |value, name| {
        let (span, layer) = (value.span, value.layer);
        let mut map = Map::with_capacity(1);
        let name = name.into();
        map.insert(Key { name, span }, value);
        Node::new(Value::Map(map), span, layer)
    })
}
