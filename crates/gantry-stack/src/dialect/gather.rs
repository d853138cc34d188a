//! All files of a project: what they import, and the applications' own.

use camino::Utf8Path;

use super::Reader;
use crate::diagnostic::Diagnostic;
use crate::import::full;
use crate::node::{Key, Map, Node, Value};
use crate::span::Span;

/// The files as one tree.
pub(super) struct Gathered {
    pub(super) tree: Node,
    pub(super) deployed: Vec<Deployed>,
}

/// A list of what is deployed.
#[derive(Debug)]
pub(super) struct Deployed {
    pub(super) list: Node,
    /// The application in whose file it stands: its short names come first.
    pub(super) application: Option<String>,
}

impl Reader<'_> {
    /// The first file with all others.
    pub(super) fn gather(&mut self, path: &Utf8Path, root: Node) -> Option<Gathered> {
        let own = list_of(&root);
        let (mut tree, imported) = self.with_imports(path, root, Span::NONE)?;
        let apps = self.applications(&mut tree);
        let deployed = match own {
            // What the first file says is the last word, even if it says "nothing".
            Some(list) => vec![Deployed {
                list,
                application: None,
            }],
            None => imported.into_iter().chain(apps).collect(),
        };
        if let Some(map) = tree.as_map_mut() {
            map.remove("import");
        }
        Some(Gathered { tree, deployed })
    }

    /// A file over what it imports, and the list of the nearest that has one.
    fn with_imports(
        &mut self,
        path: &Utf8Path,
        mut root: Node,
        from: Span,
    ) -> Option<(Node, Option<Deployed>)> {
        let deployed = list_of(&root).map(|list| Deployed {
            list,
            application: None,
        });
        let import = root.as_map_mut().and_then(|map| map.remove("import"));
        let Some(import) = import.filter(|import| !import.value.is_null()) else {
            return Some((root, deployed));
        };
        let span = import.value.span;
        let Some(target) = import.value.as_str().filter(|target| !target.is_empty()) else {
            let message = format!("`import` is {}", import.value.kind());
            let wrong = Diagnostic::error("wrong-kind", span, message);
            self.diagnostics.push(wrong.expected("the path of a file"));
            return None;
        };
        let mut target = Node::new(Value::Str(target.into()), span, import.value.layer);
        super::variables::put_in(&mut target, self.variables, self.sources, self.diagnostics);
        let target = self.path(&target, "import")?;
        let folder = path.parent().unwrap_or(&self.dir).to_owned();
        let target = full(&folder, Utf8Path::new(&target));
        let identity =
            |path: &Utf8Path| path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned());
        self.chain.push((identity(path), from));
        let id = identity(&target);
        if let Some(first) = self.chain.iter().position(|(file, _)| *file == id) {
            let wrong = crate::import::cycle(&self.chain[first..], span, self.sources);
            self.diagnostics.push(wrong);
            return None;
        }
        let lower = self.file(&target, span)?;
        let (lower, below) = self.with_imports(&target, lower, span)?;
        self.chain.pop();
        Some((over(lower, root), deployed.or(below)))
    }

    /// Puts the applications' files into the tree, below `applications`.
    fn applications(&mut self, tree: &mut Node) -> Vec<Deployed> {
        let Some(entry) = tree
            .as_map()
            .and_then(|map| map.entry("applications"))
            .cloned()
        else {
            return Vec::new();
        };
        let mut deployed = Vec::new();
        let mut map = Map::new();
        match entry.value.value {
            Value::Seq(names) => {
                for name in names {
                    let Some(text) = name.as_str() else {
                        let message = format!("`applications` has {} in it", name.kind());
                        let wrong = Diagnostic::error("wrong-kind", name.span, message);
                        self.diagnostics
                            .push(wrong.expected("the name of an application"));
                        continue;
                    };
                    let key = Key {
                        name: text.into(),
                        span: name.span,
                    };
                    let empty = Node::new(Value::Map(Map::new()), name.span, name.layer);
                    let value = self.application(text, name.span, &mut deployed);
                    map.insert(key, value.unwrap_or(empty));
                }
            }
            Value::Map(given) => {
                for one in given {
                    let value = if one.value.is_null() {
                        let span = one.key.span;
                        self.application(&one.key.name, span, &mut deployed)
                            .unwrap_or(one.value)
                    } else {
                        deployed.extend(list_of(&one.value).map(|list| Deployed {
                            list,
                            application: Some(one.key.name.to_string()),
                        }));
                        one.value
                    };
                    map.insert(one.key, value);
                }
            }
            Value::Null => {}
            other => {
                let message = format!("`applications` is {}", other.kind());
                let wrong = Diagnostic::error("wrong-kind", entry.value.span, message);
                self.diagnostics
                    .push(wrong.expected("a list of names, or a mapping"));
            }
        }
        if let Some(node) = tree
            .as_map_mut()
            .and_then(|map| map.get_mut("applications"))
        {
            node.value = Value::Map(map);
        }
        deployed
    }

    /// The file of an application: `src/applications/NAME/config.yml`.
    fn application(
        &mut self,
        name: &str,
        span: Span,
        deployed: &mut Vec<Deployed>,
    ) -> Option<Node> {
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            self.error(
                "bad-name",
                span,
                format!("`{name}` is no name of an application"),
            );
            return None;
        }
        let path = self
            .dir
            .join("src/applications")
            .join(name)
            .join("config.yml");
        if !path.exists() {
            let message = format!(
                "the application `{name}` has no {}",
                self.sources.name_of(&path)
            );
            let note = Diagnostic::warning("no-application-file", span, message);
            self.diagnostics.push(note);
            return None;
        }
        let root = self.file(&path, span)?;
        let chain = std::mem::take(&mut self.chain);
        let read = self.with_imports(&path, root, span);
        self.chain = chain;
        let (tree, list) = read?;
        deployed.extend(list.map(|list| Deployed {
            application: Some(name.to_owned()),
            ..list
        }));
        Some(tree)
    }
}

/// The list of a file, if it has one: nothing behind the colon says nothing.
fn list_of(root: &Node) -> Option<Node> {
    let list = root.at(["deployed_services"])?;
    (!list.is_null()).then(|| list.clone())
}

/// One tree over another: mappings merge, everything else replaces.
fn over(lower: Node, upper: Node) -> Node {
    match (lower.value, upper.value) {
        (Value::Map(mut below), Value::Map(above)) => {
            for one in above {
                let merged = match below.get_mut(&one.key.name) {
                    Some(old) => {
                        let nothing = Node::new(Value::Null, old.span, old.layer);
                        over(std::mem::replace(old, nothing), one.value)
                    }
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
        (_, value) => Node { value, ..upper },
    }
}
