//! The `config.yml` of template-driven Compose projects, in both of its generations, as it is.
//!
//! One file imports another (`import`), names applications that have files of their own
//! (`applications`), and lists what is deployed (`deployed_services`). Services stand below `services`,
//! `framework.services`, `osprey.services` and `applications.NAME.services`. It becomes the tree of a stack
//! file with one service for each that is deployed; everything else is left to the templates.
//!
//! A variable that is not set is no error: its text stays as it is, with a warning, and what uses it says so.

use camino::{Utf8Path, Utf8PathBuf};

use crate::configuration::Configuration;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::import::read_text;
use crate::interpolate::Variables;
use crate::layer::Layer;
use crate::node::{Key, Map, Node, Substituted, Value};
use crate::source::SourceMap;
use crate::span::Span;
use crate::{env_file, read};

mod deployed;
mod gather;
mod names;
pub mod scalar;
#[cfg(test)]
mod tests;
mod translate;
mod variables;

/// Keys at the top that no stack file has.
const KEYS: [&str; 8] = [
    "deployed_services",
    "build_dir",
    "project_root",
    "container_runtime",
    "applications",
    "framework",
    "osprey",
    "import",
];

/// Whether a file is of this dialect: by what stands in it, unless it is called what stack files are called.
pub fn is(path: &Utf8Path, root: &Node) -> bool {
    if path.file_stem() == Some("gantry") || read::Format::of(path) != Some(read::Format::Yaml) {
        return false;
    }
    let Some(map) = root.as_map() else {
        return false;
    };
    KEYS.iter().any(|key| map.contains(key))
        // A file with nothing but services, each with a folder.
        || root.at(["services"]).and_then(Node::as_map).is_some_and(|services| {
            !services.is_empty() && services.iter().all(|one| one.value.at(["path"]).is_some())
        })
}

/// What a dialect's files become.
pub(crate) struct Read {
    /// The tree of a stack file.
    pub(crate) tree: Node,
    /// All that they say.
    pub(crate) configuration: Configuration,
    /// Every file that was read, but for the first.
    pub(crate) files: Vec<Utf8PathBuf>,
}

/// What a reader needs.
pub(crate) struct Reader<'a> {
    pub(crate) sources: &'a mut SourceMap,
    pub(crate) diagnostics: &'a mut Diagnostics,
    pub(crate) variables: &'a mut Variables,
    /// The folder of the first file, where all paths begin.
    pub(crate) dir: Utf8PathBuf,
    pub(crate) files: Vec<Utf8PathBuf>,
    /// The files that are being read, each with the place that imports it.
    pub(crate) chain: Vec<(Utf8PathBuf, Span)>,
}

/// The services that a configuration has, and whether each has a folder.
pub(crate) fn declared(values: &Node) -> Vec<(String, bool)> {
    let declared = names::declared(values, &mut Diagnostics::new());
    let one = |one: names::Declared<'_>| (one.id, one.node.at(["path"]).is_some());
    declared.into_iter().map(one).collect()
}

/// Reads the files of a project for its templates alone.
pub(crate) fn configuration(
    mut reader: Reader<'_>,
    path: &Utf8Path,
    from: Span,
) -> Option<Configuration> {
    reader.env_file();
    let root = reader.file(path, from)?;
    let written = reader.gather(path, root)?.tree;
    let mut values = written.clone();
    variables::put_in(
        &mut values,
        reader.variables,
        reader.sources,
        reader.diagnostics,
    );
    let dialect = Some(reader.dialect(&values));
    Some(Configuration {
        written,
        values,
        dialect,
    })
}

/// Reads all files of a project, of which the first was read already.
pub(crate) fn read(mut reader: Reader<'_>, path: &Utf8Path, root: Node) -> Option<Read> {
    let before = reader.diagnostics.errors();
    reader.env_file();
    let gathered = reader.gather(path, root)?;
    let written = gathered.tree;
    let mut values = written.clone();
    variables::put_in(
        &mut values,
        reader.variables,
        reader.sources,
        reader.diagnostics,
    );
    let (tree, dialect) = translate::tree(&mut reader, &values, &gathered.deployed);
    if reader.diagnostics.errors() > before {
        return None;
    }
    let configuration = Configuration {
        written,
        values,
        dialect: Some(dialect),
    };
    Some(Read {
        tree,
        configuration,
        files: reader.files,
    })
}

impl Reader<'_> {
    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::error(code, span, message));
    }

    /// The variables of `.env` beside the file, if there is one. What is odd in it is for warnings: the
    /// file is not gantry's.
    fn env_file(&mut self) {
        let path = self.dir.join(".env");
        if !path.is_file() {
            return;
        }
        let Some(id) = self.open(&path, Span::NONE) else {
            return;
        };
        let mut found = Diagnostics::new();
        let variables = env_file::read(id, self.variables, self.sources, &mut found);
        for one in found.iter() {
            self.diagnostics.push(Diagnostic {
                severity: crate::diagnostic::Severity::Warning,
                ..one.clone()
            });
        }
        for variable in variables {
            self.variables.add(variable.name, variable.value);
        }
    }

    fn open(&mut self, path: &Utf8Path, from: Span) -> Option<crate::span::SourceId> {
        match read_text(path) {
            Ok(text) => {
                self.files.push(path.to_owned());
                Some(self.sources.add_file(path, Layer::Import, text))
            }
            Err(reason) => {
                let message = format!("cannot read {}: {reason}", self.sources.name_of(path));
                self.error("unreadable-file", from, message);
                None
            }
        }
    }

    /// Reads a further file; nothing if that went wrong, which was said.
    fn file(&mut self, path: &Utf8Path, from: Span) -> Option<Node> {
        let id = self.open(path, from)?;
        let before = self.diagnostics.errors();
        let root = read::read_as(read::Format::Yaml, id, self.sources, self.diagnostics);
        if self.diagnostics.errors() > before {
            return None;
        }
        if root.as_map().is_none() {
            let message = format!("this file is {}", root.kind());
            let wrong = Diagnostic::error("wrong-kind", root.span, message);
            self.diagnostics.push(wrong.expected("a mapping"));
            return None;
        }
        Some(root)
    }
}

/// A text that is not looked at again, whatever is in it.
fn text(value: &str, span: Span) -> Node {
    let mut node = Node::new(Value::Str(value.into()), span, Layer::File);
    node.substituted = Some(Box::new(Substituted::all_of(value, false)));
    node
}

fn entry(map: &mut Map, name: &str, value: Node) {
    let key = Key {
        name: name.into(),
        span: value.span,
    };
    map.insert(key, value);
}
