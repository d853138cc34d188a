//! The values that a chart ends up with, each with its place.

use std::sync::Arc;

use camino::Utf8PathBuf;
use smol_str::SmolStr;

use super::Loaded;
use super::origins::{self, ValueOrigin};
use crate::diagnostic::Diagnostics;
use crate::layer::Layer;
use crate::layer::values::{Names, put, steps};
use crate::node::{Map, Node, Value};
use crate::read::{Format, read_as};
use crate::source::SourceMap;
use crate::span::Span;

/// Values as somebody else has written them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuesText {
    /// Where they stand: a file of this machine, or a place in an archive.
    pub place: Utf8PathBuf,
    /// Whether they are a chart's own.
    pub is_default: bool,
    /// Below which names they go: those of a chart that a chart needs.
    pub below: Vec<SmolStr>,
    /// What stands there, in YAML.
    pub text: String,
}

impl Loaded {
    /// The values of a release: these, the lowest first, and over them those of the stack file and the command line.
    pub fn chart_values(
        &self,
        service: &str,
        texts: &[ValuesText],
    ) -> Result<Vec<ValueOrigin>, String> {
        let mut sources = SourceMap::clone(&self.warnings.sources);
        let mut all = Map::new();
        for one in texts {
            let layer = if one.is_default {
                Layer::Default
            } else {
                self.layer_of(service, &one.place)
            };
            let id = sources.add_file(one.place.clone(), layer, one.text.as_str());
            let mut found = Diagnostics::new();
            let read = read_as(Format::Yaml, id, &sources, &mut found);
            // What is written twice counts once, and was told.
            let mut wrong = found.iter().filter(|it| it.code != "duplicate-key");
            if let Some(wrong) = wrong.next() {
                return Err(format!("{} does not parse: {}", one.place, wrong.message));
            }
            match read.value {
                Value::Null => {}
                Value::Map(map) => lay(&mut all, Names::Plain, &one.below, map),
                _ => return Err(format!("{} is {}, and no mapping", one.place, read.kind())),
            }
        }
        let own = self.tree.at(["services", service, "helm", "values"]);
        if let Some(own) = own.and_then(Node::as_map) {
            lay(&mut all, Names::Dotted, &[], own.clone());
        }
        let decoded = self.stack.services.get(service);
        let decoded = decoded.and_then(|service| service.run.spec.get("values"));
        if let Some(decoded) = decoded.and_then(serde_json::Value::as_object) {
            settle(&mut all, decoded);
        }
        let tree = Node::new(Value::Map(all), Span::NONE, Layer::Default);
        if tree.as_map().is_some_and(Map::is_empty) {
            return Ok(Vec::new());
        }
        Ok(origins::of(&tree, &Arc::new(sources)))
    }

    /// A file that a flag names is that flag's.
    fn layer_of(&self, service: &str, file: &camino::Utf8Path) -> Layer {
        let files = self.tree.at(["services", service, "helm", "values-files"]);
        let files = files.map(|node| match &node.value {
            Value::Seq(files) => files.as_slice(),
            _ => std::slice::from_ref(node),
        });
        let sources = &self.warnings.sources;
        let is_it = |node: &&Node| {
            let path = node.as_str().map(|path| sources.resolve(node.span, path));
            path.is_some_and(|path| path == file)
        };
        let mut files = files.into_iter().flatten().rev();
        files.find(is_it).map_or(Layer::File, |node| node.layer)
    }
}

/// Puts in what is known of references.
fn settle(map: &mut Map, decoded: &serde_json::Map<String, serde_json::Value>) {
    for (key, node) in map.values_mut() {
        match (&mut node.value, decoded.get(key.name.as_str())) {
            (Value::Map(inner), Some(serde_json::Value::Object(decoded))) => settle(inner, decoded),
            (Value::Str(text), Some(known)) if text.contains("{{") => match known {
                serde_json::Value::String(known) => *text = known.into(),
                serde_json::Value::Bool(known) => node.value = Value::Bool(*known),
                serde_json::Value::Number(known) => {
                    if let Some(known) = known.as_i64() {
                        node.value = Value::Int(known);
                    } else if let Some(known) = known.as_f64() {
                        node.value = Value::Float(known);
                    }
                }
                // What is known only when it starts stands there as it is written.
                _ => {}
            },
            _ => {}
        }
    }
}

/// Puts all of a mapping over what is there.
fn lay(over: &mut Map, names: Names, below: &[SmolStr], map: Map) {
    for entry in map {
        let mut path = below.to_vec();
        match names {
            Names::Dotted => path.extend(steps(&entry.key.name)),
            Names::Plain => path.push(entry.key.name),
        }
        put(over, Names::Plain, &path, entry.key.span, entry.value);
    }
}
