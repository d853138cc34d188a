//! From a stack with templates to its build folder, and to a stack with files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_stack::configuration::Configuration;
use gantry_stack::diagnostic::{Diagnostic, Diagnostics, Report};
use gantry_stack::interpolate::asked;
use gantry_stack::load::Loaded;
use gantry_stack::model::Stack;
use gantry_stack::modes::compose::TemplateSpec;
use gantry_stack::node::{Node, Value};
use gantry_stack::source::SourceMap;
use gantry_stack::span::Span;

use crate::compose;
use crate::folder::{Changed, Content, Folder, FolderError, Steps, Wanted};
use crate::jinja::Dict;

mod edges;
mod gather;
mod guard;
mod manifests;
mod result;

use manifests::Sheet;
pub use manifests::{Manifest, has_templates};

/// How a stack is prepared.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The time, for templates that want it.
    pub now: String,
    /// Whether files in the build folder that gantry did not write may be replaced.
    pub replace: bool,
    /// Whether Compose builds images at every start.
    pub build: bool,
    /// Whether anything is written.
    pub write: bool,
    /// Packages that every service gets.
    pub packages: Vec<Utf8PathBuf>,
}

/// What came of it.
#[derive(Debug)]
pub struct Prepared {
    /// The stack with files in the templates' place; nothing if it has no templates.
    pub stack: Option<Stack>,
    /// The manifests that were rendered.
    pub manifests: Vec<Manifest>,
    /// The build folder; nothing if the stack has no templates.
    pub folder: Option<Utf8PathBuf>,
    /// What was written and removed, or would be.
    pub changes: Vec<Changed>,
    /// How many files were right already.
    pub unchanged: usize,
    /// What is odd.
    pub warnings: Report,
}

/// A service with a template.
#[derive(Debug)]
struct Unit {
    name: String,
    template: TemplateSpec,
    /// The folder of the template.
    source: Utf8PathBuf,
    /// The same below the build folder.
    out: Utf8PathBuf,
    /// The rendered file, below the build folder.
    file: Utf8PathBuf,
}

/// Everything that is wanted in the folder, once.
#[derive(Debug, Default)]
struct Plan {
    files: BTreeMap<Utf8PathBuf, Wanted>,
    /// The rendered files, in the order of the services.
    composed: Vec<compose::File>,
}

/// Renders the templates of a stack's services. All that is wrong comes back at once.
pub fn prepare(loaded: &Loaded, options: &Options) -> Result<Prepared, Report> {
    let mut work = Work {
        loaded,
        options,
        sources: (*loaded.warnings.sources).clone(),
        diagnostics: Diagnostics::new(),
    };
    let made = work.run();
    let failed = work.diagnostics.has_errors();
    let warnings = work.diagnostics.finish(Arc::new(work.sources));
    match made {
        Some(made) if !failed => Ok(Prepared { warnings, ..made }),
        _ => Err(warnings),
    }
}

/// Removes from a stack's build folder all that gantry wrote there. Says which folder that is.
pub fn clean(stack: &Stack) -> Result<(Utf8PathBuf, Vec<Changed>), String> {
    let path = build_dir(stack);
    if !path.is_dir() {
        return Ok((path, Vec::new()));
    }
    let folder = Folder::open(&path, stack.file.as_str());
    let removed = folder.and_then(Folder::clear);
    removed
        .map(|removed| (path, removed))
        .map_err(|error| whole(&error))
}

fn build_dir(stack: &Stack) -> Utf8PathBuf {
    let given = stack.render.build_dir.clone();
    given.unwrap_or_else(|| stack.dir.join("build"))
}

/// An error with its causes.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

struct Work<'a> {
    loaded: &'a Loaded,
    options: &'a Options,
    sources: SourceMap,
    diagnostics: Diagnostics,
}

impl Work<'_> {
    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::error(code, span, message));
    }

    fn place(&self, unit: &str, path: &[&str]) -> Span {
        let path = [&["services", unit, "compose", "template"], path].concat();
        self.loaded.place(&path)
    }

    /// Where the build folder is named, if it is.
    fn build_dir_span(&self) -> Span {
        match self.loaded.stack.render.build_dir {
            Some(_) => self.loaded.place(&["render", "build-dir"]),
            None => Span::NONE,
        }
    }

    /// A path as messages call it: from the stack's folder.
    fn shown<'p>(&self, path: &'p Utf8Path) -> &'p Utf8Path {
        match path.strip_prefix(&self.loaded.stack.dir) {
            Ok(below) if below.as_str().is_empty() => Utf8Path::new("."),
            Ok(below) => below,
            Err(_) => path,
        }
    }

    fn is_dialect(&self) -> bool {
        let configuration = self.loaded.configuration.as_ref();
        configuration.is_some_and(|one| one.dialect.is_some())
    }

    fn run(&mut self) -> Option<Prepared> {
        let stack = &self.loaded.stack;
        let units = self.units();
        let sheets = self.sheets();
        let nothing = Prepared {
            stack: None,
            manifests: Vec::new(),
            folder: None,
            changes: Vec::new(),
            unchanged: 0,
            warnings: Diagnostics::new().finish(Arc::default()),
        };
        let Some(configuration) = &self.loaded.configuration else {
            return Some(nothing);
        };
        let has_templates = !units.is_empty() || !sheets.is_empty();
        if self.diagnostics.has_errors() || !(has_templates || self.is_dialect()) {
            return Some(nothing);
        }
        let build = build_dir(stack);
        self.guard(&build, &units, &sheets);
        if self.diagnostics.has_errors() {
            return None;
        }
        let folder = match Folder::open(&build, stack.file.as_str()) {
            Ok(folder) => folder,
            Err(error) => {
                self.refused(&error);
                return None;
            }
        };
        // With the time of the last change first: if nothing else differs, the time does not either.
        let now = self.options.now.as_str();
        let before = folder.time().unwrap_or(now).to_owned();
        let plan = self.plan(configuration, &units, &sheets, &before)?;
        let (plan, steps, time) = match self.compare(&folder, &plan)? {
            steps if steps.changes.is_empty() || before == now => (plan, steps, before),
            _ => {
                let plan = self.plan(configuration, &units, &sheets, now)?;
                let steps = self.compare(&folder, &plan)?;
                (plan, steps, now.to_owned())
            }
        };
        let sums = self.sums(configuration, &units, &plan);
        let mut with_files = self.with_files(&build, &units, &plan, &sums);
        self.edges(&mut with_files, &units, &plan);
        manifests::with_manifests(&mut with_files, &build, &sheets);
        let manifests = self.manifests(configuration, &build, &sheets, &plan);
        if self.options.write && !self.diagnostics.has_errors() {
            if let Err(error) = folder.write(&plan.files, &steps, &time) {
                self.refused(&error);
                return None;
            }
            self.make_folders(configuration);
        }
        Some(Prepared {
            stack: Some(with_files),
            manifests,
            folder: Some(build),
            changes: steps.changes,
            unchanged: steps.unchanged,
            ..nothing
        })
    }

    fn compare(&mut self, folder: &Folder, plan: &Plan) -> Option<Steps> {
        match folder.compare(&plan.files, self.options.replace) {
            Ok(steps) => Some(steps),
            Err(errors) => {
                for error in errors {
                    self.refused(&error);
                }
                None
            }
        }
    }

    fn refused(&mut self, error: &FolderError) {
        let hint = match error {
            FolderError::Foreign { .. } => Some("give each stack a build folder of its own"),
            FolderError::InTheWay { .. } => Some(
                "move it away, choose another build folder, or replace it with gantry render --replace",
            ),
            FolderError::Manifest { .. } => Some("move the build folder away"),
            _ => None,
        };
        let prefix = format!("{}/", self.loaded.stack.dir);
        let message = whole(error).replace(&prefix, "");
        let span = self.build_dir_span();
        self.diagnostics
            .push(Diagnostic::error("build-folder", span, message).hint_if(hint));
    }

    /// The services with templates.
    fn units(&mut self) -> Vec<Unit> {
        let stack = &self.loaded.stack;
        let mut units: Vec<Unit> = Vec::new();
        for (name, service) in &stack.services {
            let name = name.as_str();
            let Some(template) = service
                .run
                .spec
                .get("template")
                .filter(|_| service.mode().as_str() == "compose")
            else {
                continue;
            };
            let Ok(template) = serde_json::from_value::<TemplateSpec>(template.clone()) else {
                let message = "a template and what is copied must be known when the file is read";
                self.error("late-template", self.place(name, &[]), message);
                continue;
            };
            let folder = template.file.parent().unwrap_or(&stack.dir).to_owned();
            let span = self.place(name, &["file"]);
            let Ok(out) = folder.strip_prefix(&stack.dir) else {
                let message = format!(
                    "the template {} lies outside of the stack's folder",
                    template.file
                );
                let wrong = Diagnostic::error("path-outside", span, message)
                    .hint("templates lie below the stack file, and their files in the same places below the build folder");
                self.diagnostics.push(wrong);
                continue;
            };
            let out = out.to_owned();
            let called = template.file.file_name().unwrap_or_default();
            let called = called.strip_suffix(".j2").unwrap_or(called);
            let file = out.join(called);
            if let Some(other) = units.iter().find(|unit| unit.file == file) {
                let message = format!("`{name}` and `{}` have the same template", other.name);
                self.error("same-template", span, message);
                continue;
            }
            units.push(Unit {
                name: name.to_owned(),
                source: folder,
                out,
                file,
                template,
            });
        }
        units
    }

    /// Makes folders that services mount.
    fn make_folders(&mut self, configuration: &Configuration) {
        let Some(dialect) = &configuration.dialect else {
            return;
        };
        for folder in &dialect.folders {
            let inside =
                folder.starts_with(&self.loaded.stack.dir) || folder.starts_with(&dialect.root);
            let message = if inside {
                match std::fs::create_dir_all(folder) {
                    Ok(()) => continue,
                    Err(error) => format!("failed to make the folder {folder}: {error}"),
                }
            } else {
                format!(
                    "the folder {folder} is not made: it lies outside of what is there of the project"
                )
            };
            let span = self.loaded.place(&["name"]);
            self.diagnostics
                .push(Diagnostic::warning("data-folder", span, message));
        }
    }
}

/// The names of the variables that a configuration asks for.
fn variables(written: &Node) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    written.leaves(&mut |_, node| {
        if let Value::Str(text) = &node.value {
            names.extend(asked(text).map(str::to_owned));
        }
    });
    names
}

/// What every rendering needs.
struct Rendering<'a> {
    configuration: &'a Configuration,
    context: Dict,
}

/// Takes a file in; the first one of a place stays.
fn insert(
    plan: &mut Plan,
    path: Utf8PathBuf,
    content: Content,
    mode: u32,
) -> Result<(), Utf8PathBuf> {
    let wanted = Wanted { content, mode };
    match plan.files.get(&path) {
        Some(there) if *there != wanted => Err(path),
        Some(_) => Ok(()),
        None => {
            plan.files.insert(path, wanted);
            Ok(())
        }
    }
}

/// A path without `.`, if it does not climb.
fn inside(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let clean = gantry_stack::source::clean(path);
    let climbs = clean.is_absolute() || clean.starts_with("..");
    (!climbs).then_some(clean)
}
