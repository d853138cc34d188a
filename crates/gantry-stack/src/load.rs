//! From files to the model: found, read, merged, decoded, and checked as a whole.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_core::ServiceName;
use indexmap::IndexMap;
use serde_json::{Map, Value};
use smol_str::SmolStr;

use crate::configuration::Configuration;
use crate::decode::{Decoder, Known, Use};
use crate::diagnostic::{Diagnostic, Diagnostics, Report};
use crate::element::{STACK, scalar};
use crate::import::{self, Inputs, find_file};
use crate::interpolate::Variables;
use crate::model::{MODEL_VERSION, Service, Stack};
use crate::node::{self, Node};
use crate::source::SourceMap;
use crate::span::Span;

mod charts;
mod check;
mod cycles;
mod edges;
mod env;
mod mode;
mod named;
mod origins;
mod profiles;
mod services;
mod values;

pub use charts::ValuesText;
pub use origins::ValueOrigin;

#[cfg(test)]
mod tests;

/// What is read, and how.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// The stack file, then further files on top of it. If there is none, it is looked for in
    /// `folder` and the folders above.
    pub files: Vec<Utf8PathBuf>,
    /// The folder that the user is in, absolute.
    pub folder: Utf8PathBuf,
    /// The environment. The library never asks for the process's own.
    pub environment: Vec<(String, String)>,
    /// `--mode`: `NAME` or `SERVICE=NAME`.
    pub modes: Vec<String>,
    /// `--profile`.
    pub profiles: Vec<String>,
    /// Services that were named: they are in, whatever their profiles.
    pub services: Vec<String>,
    /// `--set`: `PATH=VALUE`.
    pub assignments: Vec<String>,
    /// `--set-value`: `[SERVICE:]NAME=VALUE`, for charts.
    pub values: Vec<String>,
    /// `--values`: `[SERVICE:]FILE`, for charts.
    pub values_files: Vec<String>,
}

/// Services that are left out, with their profiles.
pub type Inactive = Vec<(ServiceName, Vec<SmolStr>)>;

/// A stack that is right.
#[derive(Debug)]
pub struct Loaded {
    /// The model.
    pub stack: Stack,
    /// What is probably not what was meant.
    pub warnings: Report,
    /// Every file that was read.
    pub files: Vec<Utf8PathBuf>,
    /// Services that are left out, with their profiles.
    pub inactive: Inactive,
    /// The whole, for templates; nothing if there are none.
    pub configuration: Option<Configuration>,
    tree: Node,
}

impl Loaded {
    /// Every value with the place it came from. Secrets are dots.
    pub fn origins(&self) -> Vec<ValueOrigin> {
        origins::of(&self.tree, &self.warnings.sources)
    }

    /// Where something was written, by its keys; the nearest place above it, if it was not.
    pub fn place(&self, path: &[&str]) -> Span {
        let lengths = (0..=path.len()).rev();
        let mut nodes = lengths.filter_map(|length| self.tree.at(path[..length].iter().copied()));
        nodes.next().map_or(Span::NONE, |node| node.span)
    }
}

/// Reads a stack. All that is wrong comes back at once.
pub fn load(options: &LoadOptions) -> Result<Loaded, Report> {
    let mut sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let loaded = Loading {
        options,
        sources: &mut sources,
        diagnostics: &mut diagnostics,
        given: Vec::new(),
    }
    .run();
    let sources = Arc::new(sources);
    let failed = diagnostics.has_errors();
    let report = diagnostics.finish(Arc::clone(&sources));
    match loaded {
        Some(loaded) if !failed => Ok(Loaded {
            warnings: report,
            ..loaded
        }),
        _ => Err(report),
    }
}

struct Loading<'a> {
    options: &'a LoadOptions,
    sources: &'a mut SourceMap,
    diagnostics: &'a mut Diagnostics,
    /// The flags that give charts values.
    given: Vec<values::Given>,
}

/// A service on its way from nodes to the model.
struct Draft<'n> {
    name: SmolStr,
    key: Span,
    node: &'n Node,
    /// The JSON of the model, with every mode's table still in it.
    json: Option<Map<String, Value>>,
    /// The mode that was selected.
    mode: Option<&'static str>,
    /// The typed service, once the mode is in its place.
    service: Option<Service>,
}

impl Draft<'_> {
    /// The place of a value below the service, or of the service's name.
    fn span(&self, path: &[&str]) -> Span {
        self.node
            .at(path.iter().copied())
            .map_or(self.key, |node| node.span)
    }
}

impl Loading<'_> {
    fn run(mut self) -> Option<Loaded> {
        let files = self.files()?;
        let file = files.first()?.clone();
        let inputs = Inputs {
            files,
            assignments: self.options.assignments.clone(),
            environment: self.options.environment.clone(),
            folder: self.options.folder.clone(),
        };
        let mut tree = import::read_stack(&inputs, self.sources, self.diagnostics)?;
        values::lay(&mut self, &mut tree.root);
        let configuration = tree.configuration.as_ref();
        let is_dialect = configuration.is_some_and(|one| one.dialect.is_some());
        let services = take(&mut tree.root, "services");
        let vars = take(&mut tree.root, "vars");
        let (stack, inactive) = self.stack(
            &file,
            &tree.root,
            &tree.variables,
            vars.as_ref(),
            services.as_ref(),
            is_dialect,
        )?;
        put_back(&mut tree.root, vars);
        put_back(&mut tree.root, services);
        Some(Loaded {
            stack,
            warnings: Diagnostics::new().finish(Arc::default()),
            files: tree.files,
            inactive,
            configuration: tree.configuration,
            tree: tree.root,
        })
    }

    fn files(&mut self) -> Option<Vec<Utf8PathBuf>> {
        if !self.options.files.is_empty() {
            let full = |file: &Utf8PathBuf| import::full(&self.options.folder, file);
            return Some(self.options.files.iter().map(full).collect());
        }
        match find_file(&self.options.folder) {
            Ok(file) => Some(vec![file]),
            Err(error) => {
                let wrong = Diagnostic::error("no-stack-file", Span::NONE, error.to_string());
                self.diagnostics
                    .push(wrong.hint("name it with `-f FILE`, or go to its folder"));
                None
            }
        }
    }

    fn stack(
        &mut self,
        file: &Utf8Path,
        root: &Node,
        variables: &Variables,
        vars: Option<&node::Entry>,
        services: Option<&node::Entry>,
        may_be_none: bool,
    ) -> Option<(Stack, Inactive)> {
        let dir = file.parent().unwrap_or(Utf8Path::new("/")).to_owned();
        let name = stack_name(root, &dir);
        let known = Known::new(
            vars.map(|entry| &entry.value),
            name.clone(),
            file.to_owned(),
            dir.clone(),
        );
        let mut decoder = Decoder::new(self.sources, self.diagnostics, known);
        decoder.check_vars(vars);
        let vars = decoder.variables();
        let (mut json, _) = decoder.fields(&STACK, root)?;
        let shared_env = json.shift_remove("env");
        let mut drafts = services::decode(&mut decoder, services, root, may_be_none);
        let uses = std::mem::take(&mut decoder.uses);

        mode::select(self, &mut drafts, json.get("mode").and_then(Value::as_str));
        values::check(self, &drafts);
        env::complete(self, &mut drafts, shared_env, variables);
        services::type_them(self, &mut drafts);
        edges::connect(self, &mut drafts, &uses);
        let inactive = profiles::choose(self, &mut drafts);
        check::whole(self, &drafts);
        cycles::find(self, &drafts, &uses);

        let mut stack = Stack {
            version: MODEL_VERSION,
            name,
            file: file.to_owned(),
            dir,
            mode: None,
            vars,
            services: IndexMap::with_capacity(drafts.len()),
            repositories: typed(json.shift_remove("repositories")),
            kubernetes: typed(json.shift_remove("kubernetes")),
            render: typed(json.shift_remove("render")),
        };
        stack.mode = json
            .get("mode")
            .and_then(Value::as_str)
            .map(gantry_core::ModeName::new);
        for draft in drafts {
            if let (Ok(name), Some(service)) = (ServiceName::new(&draft.name), draft.service) {
                stack.services.insert(name, service);
            }
        }
        Some((stack, inactive))
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::error(code, span, message));
    }
}

fn take(root: &mut Node, key: &str) -> Option<node::Entry> {
    root.as_map_mut()?.remove(key)
}

fn put_back(root: &mut Node, entry: Option<node::Entry>) {
    if let (Some(map), Some(entry)) = (root.as_map_mut(), entry) {
        map.insert(entry.key, entry.value);
    }
}

/// The name of the file, or that of its folder made fit.
fn stack_name(root: &Node, dir: &Utf8Path) -> SmolStr {
    let written = root.at(["name"]).and_then(Node::as_str);
    if let Some(name) = written.filter(|name| scalar::check_name(name).is_ok()) {
        return SmolStr::new(name);
    }
    let folder = dir.file_name().unwrap_or_default();
    SmolStr::new(fit_name(folder).as_deref().unwrap_or("stack"))
}

/// A text made fit for a name, if anything is left of it.
pub(crate) fn fit_name(text: &str) -> Option<String> {
    let letter = |letter: char| {
        let fits = letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        if fits { letter } else { '-' }
    };
    let fit: String = text.chars().map(letter).collect();
    let fit = fit.trim_start_matches(['-', '_', '.']);
    (!fit.is_empty()).then(|| fit.to_owned())
}

/// What a description and its type agree on; a test sees to it that they do.
fn typed<T: Default + serde::de::DeserializeOwned>(value: Option<Value>) -> T {
    value
        .and_then(|value| serde_json::from_value(value).ok())
        .unwrap_or_default()
}

/// References that count for a draft: those of the selected mode, and those of no mode.
fn counts(one: &Use, draft: &Draft<'_>) -> bool {
    one.service.as_deref() == Some(&*draft.name) && (one.mode.is_none() || one.mode == draft.mode)
}
