//! A configuration as one file of YAML, with each `${}` as it was written.

use std::fmt::Write as _;

use gantry_stack::dialect::scalar;
use gantry_stack::node::{Map, Node, Value};
use gantry_stack::source::SourceMap;
use gantry_stack::write;

/// The whole tree. With `python`, scalars that had no quotes have none again, so that whoever reads the file reads what
/// stood in the files that it was made from.
pub(crate) fn yaml(root: &Node, sources: &SourceMap, python: bool) -> String {
    let mut emitter = Emitter {
        sources,
        python,
        out: String::new(),
    };
    match &root.value {
        Value::Map(map) if !map.is_empty() => emitter.map(map, 0),
        _ => emitter.out.push_str("{}\n"),
    }
    emitter.out
}

struct Emitter<'a> {
    sources: &'a SourceMap,
    python: bool,
    out: String,
}

impl Emitter<'_> {
    fn indent(&mut self, depth: usize) {
        self.out.extend(std::iter::repeat_n("  ", depth));
    }

    fn map(&mut self, map: &Map, depth: usize) {
        for (place, entry) in map.iter().enumerate() {
            // The first key of a mapping in a list stands behind the dash.
            if place > 0 || !self.out.ends_with("- ") {
                self.indent(depth);
            }
            let key = &entry.key;
            if self.python && self.sources.slice(key.span) == Some(&*key.name) {
                self.out.push_str(&key.name);
            } else {
                write::string(&key.name, &mut self.out);
            }
            self.out.push(':');
            match &entry.value.value {
                Value::Map(map) if !map.is_empty() => {
                    self.out.push('\n');
                    self.map(map, depth + 1);
                }
                Value::Seq(items) if !items.is_empty() => {
                    self.out.push('\n');
                    self.list(items, depth);
                }
                _ => {
                    self.out.push(' ');
                    self.scalar(&entry.value);
                    self.out.push('\n');
                }
            }
        }
    }

    fn list(&mut self, items: &[Node], depth: usize) {
        for (place, item) in items.iter().enumerate() {
            if place > 0 || !self.out.ends_with("- ") {
                self.indent(depth);
            }
            self.out.push_str("- ");
            match &item.value {
                Value::Map(map) if !map.is_empty() => self.map(map, depth + 1),
                Value::Seq(items) if !items.is_empty() => self.list(items, depth + 1),
                _ => {
                    self.scalar(item);
                    self.out.push('\n');
                }
            }
        }
    }

    /// What was written, if it had no quotes and that is to stay so.
    fn plain(&self, node: &Node) -> Option<&str> {
        scalar::plain(node, self.sources).filter(|_| self.python)
    }

    fn scalar(&mut self, node: &Node) {
        let is_text = matches!(&node.value, Value::Str(_));
        // Text without quotes may have a meaning in the place where it stands now: only what is one word is
        // written as it was.
        if let Some(written) = self
            .plain(node)
            .filter(|written| !is_text && !written.is_empty())
        {
            let written = written.to_owned();
            self.out.push_str(&written);
            return;
        }
        match &node.value {
            Value::Str(text) => {
                let plain = self.plain(node) == Some(&**text);
                if plain && scalar::read(text) != scalar::Scalar::Str(text.clone()) {
                    // A word that is no text to Python, such as `yes`.
                    self.out.push_str(text);
                } else {
                    write::string(text, &mut self.out);
                }
            }
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Int(number) => {
                let _ = write!(self.out, "{number}");
            }
            Value::Float(number) => {
                let _ = write!(self.out, "{number:?}");
            }
            Value::Seq(_) => self.out.push_str("[]"),
            Value::Map(_) => self.out.push_str("{}"),
        }
    }
}
