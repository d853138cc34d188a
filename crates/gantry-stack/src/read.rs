//! From text to nodes.

use camino::Utf8Path;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layer::Layer;
use crate::node::Node;
use crate::source::SourceMap;
use crate::span::{SourceId, Span};

mod scalar;
#[cfg(test)]
mod tests;
mod toml;
mod yaml;

/// How deep values may nest, in either format.
pub const DEPTH: usize = 64;

/// The two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.toml`
    Toml,
    /// `.yaml`, `.yml`
    Yaml,
}

impl Format {
    /// By the extension.
    pub fn of(path: &Utf8Path) -> Option<Self> {
        match path.extension() {
            Some("toml") => Some(Self::Toml),
            Some("yaml" | "yml") => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// Reads the text of a source as its name's extension says. What could be read in spite of
/// errors comes back too.
pub fn read(id: SourceId, sources: &SourceMap, diagnostics: &mut Diagnostics) -> Option<Node> {
    let source = sources.get(id)?;
    let format = source.path().and_then(Format::of);
    let Some(format) = format else {
        let message = format!("`{}` is neither TOML nor YAML by its name", source.name());
        let wrong = Diagnostic::error("unknown-format", Span::new(id, 0..0), message);
        diagnostics.push(wrong.expected("a name that ends in .toml, .yaml or .yml"));
        return None;
    };
    Some(read_as(format, id, sources, diagnostics))
}

/// Reads the text of a source in a format. What could be read in spite of errors comes back.
pub fn read_as(
    format: Format,
    id: SourceId,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Node {
    let (text, layer) = sources.get(id).map_or(("", Layer::Default), |source| {
        (&**source.text(), source.layer())
    });
    match format {
        Format::Toml => toml::read(text, id, layer, diagnostics),
        Format::Yaml => yaml::read(text, id, layer, diagnostics),
    }
}

/// One TOML value, at `offset` in its source; nothing if it is none.
pub(crate) fn toml_value(
    text: &str,
    id: SourceId,
    offset: usize,
    layer: Layer,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    toml::value(text, id, offset, layer, diagnostics)
}
