//! From a configuration to the tree of a stack file.

use camino::{Utf8Path, Utf8PathBuf};

use super::gather::Deployed;
use super::names::{self, Declared};
use super::{Reader, entry, scalar, text};
use crate::configuration::Dialect;
use crate::diagnostic::Diagnostic;
use crate::layer::Layer;
use crate::load::fit_name;
use crate::node::{Map, Node, Value};
use crate::source::clean;
use crate::span::Span;

/// What a service's template is called.
const TEMPLATE: &str = "docker-compose.yml.j2";

/// Where the template of the first file is.
const ROOT: &str = "services/docker-compose.yml.j2";

/// Where data of the services is kept.
const DATA: [&str; 6] = [
    "executed_python_scripts_dir",
    "execution_plans_dir",
    "user_memory_dir",
    "registry_exports_dir",
    "prompts_dir",
    "checkpoints",
];

/// The tree, and what is special.
pub(super) fn tree(
    reader: &mut Reader<'_>,
    values: &Node,
    deployed: &[Deployed],
) -> (Node, Dialect) {
    let declared = names::declared(values, reader.diagnostics);
    let chosen = reader.deployed(&declared, deployed, values);
    let engine = reader.engine(values);
    let mut services = Map::new();
    for one in &chosen {
        let node = reader.service(one, engine.as_ref());
        let key = crate::node::Key {
            name: one.id.as_str().into(),
            span: one.key.span,
        };
        services.insert(key, node);
    }
    let span = values.span;
    let map = |map: Map| Node::new(Value::Map(map), span, Layer::File);
    let mut rendering = Map::new();
    if let Some(folder) = values.at(["build_dir"]).filter(|node| !node.is_null())
        && let Some(path) = reader.path(folder, "build_dir")
    {
        let path = clean(&reader.dir.join(path));
        entry(
            &mut rendering,
            "build-dir",
            text(path.as_str(), folder.span),
        );
    }
    let root = reader.dir.join(ROOT);
    if root.is_file() {
        entry(&mut rendering, "root", text(root.as_str(), span));
    }
    let dialect = reader.dialect(values);
    let mut top = Map::new();
    let name_span = values.at(["project_name"]).map_or(span, |node| node.span);
    let name = fit_name(&dialect.name).unwrap_or_else(|| "project".to_owned());
    entry(&mut top, "name", text(&name, name_span));
    entry(&mut top, "render", map(rendering));
    entry(&mut top, "services", map(services));
    (map(top), dialect)
}

impl Reader<'_> {
    /// The text of a path: without variables that are not set, or that was said.
    pub(super) fn path(&mut self, node: &Node, key: &str) -> Option<String> {
        let path = match scalar::of(node, self.sources) {
            Some(scalar::Scalar::Str(text)) if !text.is_empty() => text,
            _ => {
                let message = format!("`{key}` is {}", node.kind());
                let wrong = Diagnostic::error("wrong-kind", node.span, message);
                self.diagnostics.push(wrong.expected("a path"));
                return None;
            }
        };
        if node.is_unresolved() {
            let message = format!("`{key}` has a variable that is not set");
            let wrong = Diagnostic::error("unset-variable", node.span, message)
                .hint("as a path it would name a folder after the variable");
            self.diagnostics.push(wrong);
            return None;
        }
        Some(path.to_string())
    }

    /// True or false, as Python reads it; a text is neither.
    fn switch(&mut self, of: &Node, key: &str) -> Option<Node> {
        let node = of.at([key]).filter(|node| !node.is_null())?;
        let value = match scalar::of(node, self.sources) {
            Some(scalar::Scalar::Bool(value)) => value,
            Some(scalar::Scalar::Str(text))
                if node.is_substitution() && matches!(&*text, "true" | "false") =>
            {
                text == "true"
            }
            _ => {
                let message = format!("`{key}` is {}", node.kind());
                let mut wrong =
                    Diagnostic::error("wrong-kind", node.span, message).expected("true or false");
                if node
                    .as_str()
                    .is_some_and(|text| matches!(scalar::read(text), scalar::Scalar::Bool(_)))
                {
                    wrong = wrong.hint(
                        "write it without quotes: a text that is not empty would count as true",
                    );
                }
                self.diagnostics.push(wrong);
                return None;
            }
        };
        Some(Node::new(Value::Bool(value), node.span, Layer::File))
    }

    fn service(&mut self, one: &Declared<'_>, engine: Option<&Node>) -> Node {
        let node = |map: Map| Node::new(Value::Map(map), one.key.span, Layer::File);
        let mut template = Map::new();
        if one.node.as_map().is_none() {
            let message = format!("the service `{}` is {}", one.id, one.node.kind());
            let wrong = Diagnostic::error("wrong-kind", one.node.span, message);
            self.diagnostics.push(wrong.expected("a mapping"));
        } else if let Some(file) = self.template(one) {
            entry(&mut template, "file", file);
        }
        let switches = [
            ("copy_src", "copy-src"),
            ("render_kernel_templates", "kernel-templates"),
        ];
        for (key, ours) in switches {
            if let Some(value) = self.switch(one.node, key) {
                entry(&mut template, ours, value);
            }
        }
        if let Some(list) = one
            .node
            .at(["additional_dirs"])
            .filter(|node| !node.is_null())
        {
            let copies = self.copies(list);
            let list = Node::new(Value::Seq(copies), list.span, Layer::File);
            entry(&mut template, "additional-dirs", list);
        }
        self.ports(one.node);
        entry(&mut template, "config", text("config.yml", one.key.span));
        let mut compose = Map::new();
        entry(&mut compose, "template", node(template));
        if let Some(engine) = engine {
            entry(&mut compose, "engine", engine.clone());
        }
        let env_file = self.dir.join(".env");
        if env_file.is_file() {
            entry(
                &mut compose,
                "env-files",
                text(env_file.as_str(), one.key.span),
            );
        }
        let mut service = Map::new();
        entry(&mut service, "compose", node(compose));
        node(service)
    }

    fn template(&mut self, one: &Declared<'_>) -> Option<Node> {
        let Some(path) = one.node.at(["path"]).filter(|node| !node.is_null()) else {
            let message = format!("the service `{}` is deployed and has no `path`", one.id);
            let wrong = Diagnostic::error("missing-key", one.key.span, message)
                .hint("add `path: …`: the folder with its docker-compose.yml.j2");
            self.diagnostics.push(wrong);
            return None;
        };
        let folder = self.path(path, "path")?;
        let whole = clean(&self.dir.join(&folder));
        if whole.strip_prefix(&self.dir).is_err() {
            let message = format!("`path` leads out of the project: {folder}");
            let wrong = Diagnostic::error("path-outside", path.span, message)
                .hint("what it would become in the build folder lies outside of that, too");
            self.diagnostics.push(wrong);
            return None;
        }
        Some(text(whole.join(TEMPLATE).as_str(), path.span))
    }

    fn copies(&mut self, list: &Node) -> Vec<Node> {
        let Some(items) = list.as_seq() else {
            let message = format!("`additional_dirs` is {}", list.kind());
            let wrong = Diagnostic::error("wrong-kind", list.span, message);
            self.diagnostics.push(wrong.expected("a list"));
            return Vec::new();
        };
        let mut copies = Vec::with_capacity(items.len());
        for item in items {
            let either = |keys: [&str; 2]| keys.into_iter().find_map(|key| item.at([key]));
            let (source, to) = if item.as_map().is_some() {
                (either(["src", "src_dir"]), either(["dst", "dest_dir"]))
            } else {
                (Some(item), None)
            };
            let Some(source) = source else {
                let wrong = Diagnostic::error("missing-key", item.span, "a copy needs `src`");
                self.diagnostics
                    .push(wrong.hint("write `{src: …, dst: …}`, or the folder alone"));
                continue;
            };
            for one in item.as_map().into_iter().flatten() {
                let known = ["src", "src_dir", "dst", "dest_dir"];
                if !known.contains(&&*one.key.name) {
                    let message = format!("`{}` is no key of a copy", one.key.name);
                    let wrong = Diagnostic::error("unknown-key", one.key.span, message);
                    self.diagnostics.push(wrong.expected("`src` and `dst`"));
                }
            }
            let Some(from) = self.path(source, "src") else {
                continue;
            };
            let target = match to.filter(|to| !to.is_null()) {
                Some(to) => self.path(to, "dst"),
                None => Some(from.clone()),
            };
            let Some(target) = target else { continue };
            let mut copy = Map::new();
            let from = clean(&self.dir.join(from));
            entry(&mut copy, "source", text(from.as_str(), source.span));
            let span = to.map_or(source.span, |to| to.span);
            entry(&mut copy, "to", text(&target, span));
            copies.push(Node::new(Value::Map(copy), item.span, Layer::File));
        }
        copies
    }

    /// Checks the ports that a service is said to have.
    fn ports(&mut self, service: &Node) {
        let parts = service.at(["containers"]).and_then(Node::as_map);
        let parts = parts.into_iter().flatten().map(|part| &part.value);
        for part in std::iter::once(service).chain(parts) {
            for key in ["port_host", "port_container"] {
                let Some(port) = part.at([key]) else { continue };
                let number = match scalar::of(port, self.sources) {
                    Some(scalar::Scalar::Int(number)) => Some(number),
                    Some(scalar::Scalar::Str(text)) => text.trim().parse().ok(),
                    _ => None,
                };
                if number.is_none_or(|number| !(1..=65535).contains(&number)) {
                    let message = if port.is_unresolved() {
                        format!("`{key}` has a variable that is not set")
                    } else {
                        format!("`{key}` is no port")
                    };
                    let wrong = Diagnostic::error("bad-port", port.span, message);
                    self.diagnostics
                        .push(wrong.expected("a port from 1 to 65535"));
                }
            }
        }
    }

    /// Which engine: `CONTAINER_RUNTIME`, then `container_runtime`.
    fn engine(&mut self, values: &Node) -> Option<Node> {
        let node = values
            .at(["container_runtime"])
            .filter(|node| !node.is_null());
        let by_variable = self
            .variables
            .get("CONTAINER_RUNTIME")
            .filter(|text| !text.is_empty());
        let (name, span, by) = match (by_variable, node) {
            (Some(name), _) => (name.to_lowercase(), Span::NONE, "CONTAINER_RUNTIME"),
            (None, Some(node)) => {
                let name = node.as_str().unwrap_or_default().to_lowercase();
                (name, node.span, "container_runtime")
            }
            (None, None) => return None,
        };
        if !matches!(&*name, "auto" | "docker" | "podman") {
            let message = format!("`{by}` is `{name}`");
            let wrong = Diagnostic::error("bad-engine", span, message);
            self.diagnostics
                .push(wrong.expected("auto, docker or podman"));
            return None;
        }
        Some(text(&name, span))
    }

    pub(super) fn dialect(&self, values: &Node) -> Dialect {
        let settled = |node: Option<&Node>| {
            let text = node.filter(|node| !node.is_unresolved())?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let root = settled(values.at(["project_root"]));
        let base = root
            .as_ref()
            .and_then(|root| Utf8Path::new(root).file_name());
        let name = settled(values.at(["project_name"]))
            .or_else(|| base.map(str::to_owned))
            .or_else(|| self.dir.file_name().map(str::to_owned))
            .unwrap_or_else(|| "unnamed-project".to_owned());
        let mut folders: Vec<Utf8PathBuf> = Vec::new();
        let has_root = values
            .at(["project_root"])
            .is_none_or(|node| !node.is_unresolved());
        let paths = values.at(["file_paths"]);
        let at = |key: &str| settled(paths.and_then(|paths| paths.at([key])));
        if let Some(data) = at("agent_data_dir").filter(|_| has_root) {
            let data = self.dir.join(root.as_deref().unwrap_or(".")).join(data);
            folders.push(clean(&data));
            folders.extend(
                DATA.iter()
                    .filter_map(|key| at(key))
                    .map(|below| clean(&data.join(below))),
            );
        }
        Dialect {
            name,
            root: root.unwrap_or_else(|| self.dir.to_string()),
            folders,
        }
    }
}
