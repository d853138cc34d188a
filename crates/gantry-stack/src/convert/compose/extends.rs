//! `extends`: a service that takes what it does not say from another one.

use std::collections::HashMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::import::read_text;
use crate::layer::Layer;
use crate::node::{Map, Node, Value};
use crate::read::{Format, read_as};
use crate::source::SourceMap;
use crate::{diagnostic::Diagnostics, import::full};

/// How many services may stand behind each other.
const DEPTH: usize = 16;

/// Lists to which a service adds.
const GROWING: [&str; 8] = [
    "cap_add", "cap_drop", "devices", "dns", "expose", "ports", "tmpfs", "volumes",
];

/// Files that services are taken from, each read once.
pub(super) struct Bases<'n> {
    root: &'n Node,
    path: &'n Utf8Path,
    others: HashMap<Utf8PathBuf, Option<Node>>,
}

impl<'n> Bases<'n> {
    pub(super) fn new(root: &'n Node, path: &'n Utf8Path) -> Self {
        Self {
            root,
            path,
            others: HashMap::new(),
        }
    }

    /// A service with what it takes from others. What cannot be read stays as it was written.
    pub(super) fn whole(&mut self, service: &Node) -> Node {
        self.whole_at(service, self.path, DEPTH)
    }

    fn whole_at(&mut self, service: &Node, path: &Utf8Path, depth: usize) -> Node {
        let base = service
            .at(["extends"])
            .filter(|_| depth > 0)
            .and_then(|extends| self.base(extends, path));
        let Some((base, path)) = base else {
            return service.clone();
        };
        let base = self.whole_at(&base, &path, depth - 1);
        let mut upper = service.clone();
        if let Some(map) = upper.as_map_mut() {
            map.remove("extends");
        }
        over(base, upper, "")
    }

    /// The service that is meant, and the file that it stands in.
    fn base(&mut self, extends: &Node, path: &Utf8Path) -> Option<(Node, Utf8PathBuf)> {
        let name = extends
            .as_str()
            .or_else(|| extends.at(["service"])?.as_str())?;
        let path = match extends.at(["file"]) {
            // Relative paths of a file in another folder begin there.
            Some(file) => Some(full(path.parent()?, Utf8Path::new(file.as_str()?)))
                .filter(|other| other.parent() == path.parent())?,
            None => path.to_owned(),
        };
        let root = if path == self.path {
            Some(self.root)
        } else {
            let read = || read(&path);
            self.others
                .entry(path.clone())
                .or_insert_with(read)
                .as_ref()
        };
        let base = root?.at(["services", name])?.clone();
        Some((base, path))
    }
}

fn read(path: &Utf8Path) -> Option<Node> {
    let mut sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let id = sources.add_file(path, Layer::File, read_text(path).ok()?);
    let root = read_as(Format::Yaml, id, &sources, &mut diagnostics);
    (!diagnostics.has_errors()).then_some(root)
}

/// One service over another, or a part of it.
fn over(lower: Node, upper: Node, key: &str) -> Node {
    match (lower.value, upper.value) {
        (Value::Map(mut below), Value::Map(above)) => {
            for one in above {
                let merged = match below.remove(&one.key.name) {
                    Some(old) => over(old.value, one.value, &one.key.name),
                    None => one.value,
                };
                below.insert(one.key, merged);
            }
            Node {
                value: Value::Map(below),
                span: lower.span,
                ..upper
            }
        }
        (Value::Seq(mut below), Value::Seq(above)) if GROWING.contains(&key) => {
            below.extend(above);
            Node {
                value: Value::Seq(below),
                span: lower.span,
                ..upper
            }
        }
        (_, value) => Node { value, ..upper },
    }
}

/// The services of a file, each with what it takes from others.
pub(super) fn services(root: &Node, path: &Utf8Path) -> Map {
    let mut bases = Bases::new(root, path);
    let mut services = Map::new();
    for entry in root
        .at(["services"])
        .and_then(Node::as_map)
        .into_iter()
        .flatten()
    {
        services.insert(entry.key.clone(), bases.whole(&entry.value));
    }
    services
}
