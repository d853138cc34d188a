//! Stack files, from text to merged nodes, with every complaint rendered.

use std::sync::Arc;

use gantry_stack::diagnostic::Diagnostics;
use gantry_stack::interpolate::{Variables, interpolate};
use gantry_stack::layer::{Layer, merge, without_resets};
use gantry_stack::read::{Format, read_as};
use gantry_stack::source::SourceMap;

/// As TOML.
pub fn toml(bytes: &[u8]) {
    run(Format::Toml, bytes);
}

/// As YAML.
pub fn yaml(bytes: &[u8]) {
    run(Format::Yaml, bytes);
}

/// `${}` in a text.
pub fn interpolation(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // Whatever it says about a text, it says about a part of it.
    match gantry_stack::interpolate::expand(text, &variables()) {
        Ok(expanded) => {
            assert!(text.contains('$') || expanded.text == text);
        }
        Err(problems) => {
            assert!(!problems.is_empty());
        }
    }
}

fn variables() -> Variables {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Variables::new([
        pair("HOME", "/home"),
        pair("EMPTY", ""),
        pair("MONEY", "$HOME ${X} $$"),
    ])
}

fn run(format: Format, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let id = sources.add_text("fuzz", ".", Layer::File, text);
    let mut node = read_as(format, id, &sources, &mut diagnostics);
    interpolate(&mut node, &variables(), &sources, &mut diagnostics);
    let merged = merge(node.clone(), node, &mut diagnostics);
    drop(without_resets(merged));
    let report = diagnostics.finish(Arc::new(sources));
    for complaint in report.plain() {
        assert!(!complaint.message.is_empty());
    }
}

/// `.env` files.
pub fn env_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (lines, errors) = gantry_stack::env_file::parse(text);
    assert!(lines.len() + errors.len() <= text.lines().count() + 1);
}

/// The argument of a flag that sets one value.
pub fn assignment(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let node = gantry_stack::layer::assignment(text, ".".into(), &mut sources, &mut diagnostics);
    // Whoever gets nothing is told why.
    assert!(node.is_some() || diagnostics.has_errors());
    for complaint in diagnostics.finish(Arc::new(sources)).plain() {
        assert!(!complaint.message.is_empty());
    }
}
