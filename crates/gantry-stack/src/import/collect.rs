//! Reading files and what they import, each once, lowest first.

use std::collections::HashSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Inputs, Tree, full, paths, project, read_text};
use crate::configuration::Configuration;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::interpolate::{Variables, interpolate};
use crate::layer::{self, Layer};
use crate::node::{Map, Node, Value};
use crate::source::{Source, SourceMap};
use crate::span::{SourceId, Span};
use crate::{dialect, env_file, read};

pub(super) fn read_stack(
    inputs: &Inputs,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Tree> {
    sources.set_base(&inputs.folder);
    let mut collector = Collector {
        variables: Variables::new(inputs.environment.iter().cloned()),
        sources,
        diagnostics,
        trees: Vec::new(),
        env_files: Vec::new(),
        files: Vec::new(),
        seen: HashSet::new(),
        chain: Vec::new(),
        broken: false,
        configuration: None,
    };
    if inputs.files.first().is_some_and(|file| project::is(file)) {
        let files = inputs.files.iter().map(|file| full(&inputs.folder, file));
        let files: Vec<_> = files.collect();
        collector.project(&files);
        return collector.finish(inputs);
    }
    for (index, file) in inputs.files.iter().enumerate() {
        let layer = if index == 0 {
            Layer::File
        } else {
            Layer::Override
        };
        collector.file(&full(&inputs.folder, file), layer, Span::NONE);
    }
    collector.finish(inputs)
}

struct Collector<'a> {
    variables: Variables,
    sources: &'a mut SourceMap,
    diagnostics: &'a mut Diagnostics,
    /// What was read, lowest first.
    trees: Vec<Node>,
    env_files: Vec<(Utf8PathBuf, Span)>,
    files: Vec<Utf8PathBuf>,
    seen: HashSet<Utf8PathBuf>,
    /// The files that are being read, each with the place that imports it.
    chain: Vec<(Utf8PathBuf, Span)>,
    /// Whether a file is missing or has a syntax error, so that decoding would only complain about
    /// what could not be read.
    broken: bool,
    configuration: Option<Configuration>,
}

impl Collector<'_> {
    fn wrong(&mut self, diagnostic: Diagnostic) {
        self.broken = true;
        self.diagnostics.push(diagnostic);
    }

    /// Reads a file and, before it, what it imports. `from` is the place that names it.
    fn file(&mut self, path: &Utf8Path, layer: Layer, from: Span) {
        let identity = path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned());
        if let Some(first) = self.chain.iter().position(|(file, _)| *file == identity) {
            self.cycle(first, from);
            return;
        }
        if !self.seen.insert(identity.clone()) {
            return;
        }
        let Some(id) = self.open(path, layer, from) else {
            return;
        };
        let before = self.diagnostics.errors();
        let Some(mut root) = read::read(id, self.sources, self.diagnostics) else {
            self.broken = true;
            return;
        };
        let new = self.diagnostics.errors() - before;
        self.broken |= new > 0 && self.diagnostics.has_syntax_error(new);
        if root.as_map().is_none() {
            let message = format!("a stack file is a mapping, and this one is {}", root.kind());
            self.wrong(Diagnostic::error("wrong-type", root.span, message).expected("a mapping"));
            return;
        }
        if layer == Layer::File && dialect::is(path, &root) {
            self.dialect(path, root);
            return;
        }
        let Some(map) = root.as_map_mut() else { return };
        let imports = map.remove("imports").map(|entry| entry.value);
        let env_files = map.remove("env-files").map(|entry| entry.value);
        self.chain.push((identity, from));
        for (pattern, span) in self.strings(imports, "imports") {
            for file in self.matches(path, &pattern, span) {
                self.file(&file, Layer::Import, span);
            }
        }
        self.chain.pop();
        for (file, span) in self.strings(env_files, "env-files") {
            self.env_files
                .push((self.sources.resolve(span, &file), span));
        }
        self.trees.push(root);
    }

    /// Takes Compose's own files for a stack of one service. What is in them is for Compose to read.
    fn project(&mut self, files: &[Utf8PathBuf]) {
        let there: Vec<_> = files
            .iter()
            .filter_map(|file| self.open(file, Layer::File, Span::NONE))
            .collect();
        let Some(folder) = files.first().and_then(|file| file.parent()) else {
            return;
        };
        if there.len() < files.len() {
            return;
        }
        let text = project::stack(files);
        let id = self
            .sources
            .add_text("the Compose file", folder, Layer::File, text);
        let root = read::read_as(read::Format::Yaml, id, self.sources, self.diagnostics);
        self.trees.push(root);
    }

    /// Reads the files of a project of the other dialect.
    fn dialect(&mut self, path: &Utf8Path, root: Node) {
        let reader = dialect::Reader {
            sources: self.sources,
            diagnostics: self.diagnostics,
            variables: &mut self.variables,
            dir: path.parent().unwrap_or(Utf8Path::new("/")).to_owned(),
            files: Vec::new(),
            chain: Vec::new(),
        };
        match dialect::read(reader, path, root) {
            Some(read) => {
                self.files.extend(read.files);
                self.trees.push(read.tree);
                self.configuration = Some(read.configuration);
            }
            None => self.broken = true,
        }
    }

    /// What templates see, if the stack names a file for it.
    fn configuration_elsewhere(&mut self, root: &Node) {
        let Some(node) = root.at(["render", "config"]) else {
            return;
        };
        let Some(written) = node.as_str().filter(|_| !node.is_unresolved()) else {
            return;
        };
        let path = self.sources.resolve(node.span, written);
        let reader = dialect::Reader {
            dir: path.parent().unwrap_or(Utf8Path::new("/")).to_owned(),
            sources: self.sources,
            diagnostics: self.diagnostics,
            variables: &mut self.variables,
            files: Vec::new(),
            chain: Vec::new(),
        };
        if let Some(configuration) = dialect::configuration(reader, &path, node.span) {
            self.configuration = Some(configuration);
        }
    }

    /// Takes a file's text in.
    fn open(&mut self, path: &Utf8Path, layer: Layer, from: Span) -> Option<SourceId> {
        let text = match read_text(path) {
            Ok(text) => text,
            Err(reason) => {
                let message = format!("cannot read {}: {reason}", self.sources.name_of(path));
                self.wrong(Diagnostic::error("unreadable-file", from, message));
                return None;
            }
        };
        self.files.push(path.to_owned());
        Some(self.sources.add_file(path, layer, text))
    }

    fn cycle(&mut self, first: usize, from: Span) {
        let wrong = cycle(&self.chain[first..], from, self.sources);
        self.wrong(wrong);
    }

    /// The strings of a list, or one string; `${}` put in from the environment alone, since env-files
    /// are not known yet.
    fn strings(&mut self, node: Option<Node>, key: &str) -> Vec<(String, Span)> {
        let Some(mut node) = node else {
            return Vec::new();
        };
        let before = self.diagnostics.errors();
        interpolate(&mut node, &self.variables, self.sources, self.diagnostics);
        self.broken |= self.diagnostics.errors() > before;
        let items = match node.value {
            Value::Seq(items) => items,
            Value::Null => Vec::new(),
            _ => vec![node],
        };
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Str(_) if item.is_unresolved() => {}
                Value::Str(text) if !text.is_empty() => found.push((text.to_string(), item.span)),
                Value::Str(_) => {
                    let message = format!("an empty path in `{key}`");
                    self.wrong(Diagnostic::error("empty-path", item.span, message));
                }
                other => {
                    let message = format!("`{key}` has {} in it", other.kind());
                    let wrong = Diagnostic::error("wrong-type", item.span, message);
                    self.wrong(wrong.expected("a path"));
                }
            }
        }
        found
    }

    /// The files that an import of `importer` means.
    fn matches(&mut self, importer: &Utf8Path, pattern: &str, span: Span) -> Vec<Utf8PathBuf> {
        let folder = self.sources.folder(span).to_owned();
        match paths::matching(&folder, pattern, importer) {
            Ok(files) => files,
            Err(message) => {
                let wrong = Diagnostic::error("bad-import", span, message);
                self.wrong(wrong);
                Vec::new()
            }
        }
    }

    fn finish(mut self, inputs: &Inputs) -> Option<Tree> {
        self.read_env_files();
        if self.broken || self.trees.is_empty() {
            return None;
        }
        let mut root: Option<Node> = None;
        for tree in std::mem::take(&mut self.trees) {
            root = Some(match root {
                None if self.resets(&tree) => layer::without_resets(tree),
                None => tree,
                Some(root) => layer::merge(root, tree, self.diagnostics),
            });
        }
        let mut root = root?;
        let environment: Vec<_> = inputs
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let mut above = layer::environment(
            environment,
            &root,
            &inputs.folder,
            self.sources,
            self.diagnostics,
        );
        for text in &inputs.assignments {
            above.extend(layer::assignment(
                text,
                &inputs.folder,
                self.sources,
                self.diagnostics,
            ));
        }
        for tree in above {
            root = layer::merge(root, tree, self.diagnostics);
        }
        for key in ["imports", "env-files"] {
            let late = root.as_map_mut().and_then(|map: &mut Map| map.remove(key));
            if let Some(entry) = late {
                let message = format!("`{key}` can only stand in a file");
                self.diagnostics
                    .push(Diagnostic::error("late-key", entry.key.span, message));
            }
        }
        // Only templates have a use for it.
        let has_templates = |source: &Source| {
            let names = ["template", "manifests"];
            names.iter().any(|name| source.text().contains(name))
        };
        if self.configuration.is_none()
            && self.sources.iter().any(|(_, source)| has_templates(source))
        {
            self.configuration = Some(Configuration {
                written: root.clone(),
                values: root.clone(),
                dialect: None,
            });
        }
        interpolate(&mut root, &self.variables, self.sources, self.diagnostics);
        if let Some(configuration) = &mut self.configuration
            && configuration.dialect.is_none()
        {
            configuration.values = root.clone();
        }
        self.configuration_elsewhere(&root);
        Some(Tree {
            root,
            variables: self.variables,
            files: self.files,
            configuration: self.configuration,
        })
    }

    /// Whether a file may have a `!reset` in it; most have none, and need not be walked for it.
    fn resets(&self, tree: &Node) -> bool {
        let source = self.sources.get(tree.span.source);
        source.is_none_or(|source| source.text().contains("!reset"))
    }

    fn read_env_files(&mut self) {
        for (path, from) in std::mem::take(&mut self.env_files) {
            let Some(id) = self.open(&path, Layer::File, from) else {
                continue;
            };
            let before = self.diagnostics.errors();
            let found = env_file::read(id, &self.variables, self.sources, self.diagnostics);
            self.broken |= self.diagnostics.errors() > before;
            for variable in found {
                self.variables.add(variable.name, variable.value);
            }
        }
    }
}

/// The complaint about files that import each other; `from` closes the circle.
pub(crate) fn cycle(
    members: &[(Utf8PathBuf, Span)],
    from: Span,
    sources: &SourceMap,
) -> Diagnostic {
    let name = |path: &Utf8Path| sources.name_of(path).to_string();
    let mut path: Vec<String> = members.iter().map(|(file, _)| name(file)).collect();
    path.extend(path.first().cloned());
    let message = match members {
        [_] => format!("{} imports itself", path[0]),
        _ => format!("these files import each other: {}", path.join(" → ")),
    };
    let mut wrong = Diagnostic::error("import-cycle", from, message);
    for (index, (_, span)) in members.iter().enumerate().skip(1) {
        let text = format!("{} imports {} here", path[index - 1], path[index]);
        wrong = wrong.also(*span, text);
    }
    wrong
}
