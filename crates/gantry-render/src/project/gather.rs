//! What should be in the build folder.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_stack::configuration::Configuration;
use gantry_stack::diagnostic::Diagnostic;
use gantry_stack::import::read_text;
use gantry_stack::layer::Layer;
use gantry_stack::span::Span;

use super::{Plan, Rendering, Sheet, Unit, Work, insert, inside, variables, whole};
use crate::copy::{self, Rules};
use crate::folder::Content;
use crate::jinja::{ProblemKind, Template};
use crate::rewrite::Moves;
use crate::{compose, context, emit};

/// Where sources are in a project, and where they go.
const SRC: &str = "src";
const REPO_SRC: &str = "repo_src";

/// Files of the project that go where the sources go, and what they are called there.
const BESIDE: [(&str, &str); 2] = [
    ("requirements.txt", "requirements.txt"),
    ("pyproject.toml", "pyproject_user.toml"),
];

/// The last file, with variables.
pub(super) const VARIABLES: &str = "docker-compose.gantry.yml";

/// The time where none is meant.
pub(super) const ANY_TIME: &str = "1970-01-01T00:00:00.000000";

/// Who may read a rendered file: what containers mount must be readable for all.
const READABLE: u32 = 0o644;
pub(super) const PRIVATE: u32 = 0o600;

impl Work<'_> {
    /// All files, rendered and copied; nothing if something is wrong.
    pub(super) fn plan(
        &mut self,
        configuration: &Configuration,
        units: &[Unit],
        sheets: &[Sheet],
        time: &str,
    ) -> Option<Plan> {
        let before = self.diagnostics.errors();
        let stack = &self.loaded.stack;
        let rendering = Rendering {
            configuration,
            context: context::of(configuration, stack, &self.sources, time),
        };
        let mut plan = Plan::default();
        // Rendered files first: what is copied does not replace them.
        for unit in units {
            let span = self.place(&unit.name, &["file"]);
            let text = self.render(&rendering, &unit.template.file, span);
            let errors = self.diagnostics.errors();
            let file = text.map(|text| {
                let name = format!("(rendered) {}", unit.file);
                let file = compose::read(&name, &text, &mut self.sources, &mut self.diagnostics);
                let bytes = Content::Bytes(text.into_bytes());
                let _first = insert(&mut plan, unit.file.clone(), bytes, PRIVATE);
                file
            });
            if let Some(file) = &file
                && file.services.is_empty()
                && self.diagnostics.errors() == errors
            {
                let message = format!("the template of `{}` renders no services", unit.name);
                self.error("no-services", span, message);
            }
            plan.composed.push(file.unwrap_or_default());
        }
        self.render_sheets(&rendering, sheets, &mut plan);
        if !units.is_empty() || self.is_dialect() {
            self.root(&rendering, &mut plan);
        }
        for unit in units {
            self.copies(&rendering, units, unit, &mut plan);
        }
        self.passed_on(configuration, units, &mut plan);
        self.collisions(&plan);
        (self.diagnostics.errors() == before).then_some(plan)
    }

    /// For each service a sum over what its containers are made of: its own file and the first one, as they would be at
    /// any time, the variables that it is given, and when the files with their values changed last. A sum over the values
    /// would tell weak ones.
    pub(super) fn sums(
        &mut self,
        configuration: &Configuration,
        units: &[Unit],
        plan: &Plan,
    ) -> Vec<String> {
        let stack = &self.loaded.stack;
        let rendering = Rendering {
            configuration,
            context: context::of(configuration, stack, &self.sources, ANY_TIME),
        };
        let asked = variables(&configuration.written);
        let root = match &stack.render.root {
            Some(root) => self.render(&rendering, root, Span::NONE),
            None => None,
        };
        let mut sums = Vec::with_capacity(units.len());
        for (unit, composed) in units.iter().zip(&plan.composed) {
            let own = self.render(&rendering, &unit.template.file, Span::NONE);
            let given = unit.template.config.as_ref().and_then(|_| {
                compose::variables(composed.services.iter().map(|service| (service, &asked)))
            });
            let mut sum = blake3::Hasher::new();
            let changed = [&root, &own]
                .iter()
                .any(|text| text.as_deref().is_some_and(|text| text.contains('$')))
                || given.is_some();
            let times = changed.then(|| self.times(&unit.name));
            for text in [&root, &own, &given, &times] {
                let text = text.as_deref().unwrap_or_default();
                sum.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
                sum.update(text.as_bytes());
            }
            sums.push(sum.finalize().to_hex()[..16].to_owned());
        }
        sums
    }

    /// When a service's files with variables changed last.
    fn times(&self, service: &str) -> String {
        let service = self.loaded.stack.services.get(service);
        let files = service.and_then(|service| service.run.spec["env-files"].as_array());
        let times = files.into_iter().flatten().filter_map(|file| {
            let changed = std::fs::metadata(file.as_str()?).ok()?.modified().ok()?;
            Some(format!("{changed:?}"))
        });
        times.collect::<Vec<_>>().join("\n")
    }

    /// Renders one template.
    pub(super) fn render(
        &mut self,
        rendering: &Rendering<'_>,
        path: &Utf8Path,
        from: Span,
    ) -> Option<String> {
        let text = match read_text(path) {
            Ok(text) => text,
            Err(reason) => {
                let message = format!(
                    "cannot read the template {}: {reason}",
                    self.sources.name_of(path)
                );
                self.error("unreadable-template", from, message);
                return None;
            }
        };
        let result =
            Template::parse(&text).and_then(|template| template.render(&rendering.context));
        match result {
            Ok(text) => Some(text),
            Err(problem) => {
                let id = self
                    .sources
                    .add_file(path, Layer::File, Template::normal(&text));
                let (code, hint) = match problem.kind {
                    ProblemKind::Syntax => ("template-syntax", None),
                    ProblemKind::Missing => (
                        "missing-value",
                        Some("give it in the configuration, or write `| default(…)` behind it"),
                    ),
                    ProblemKind::Refused => ("unusable-value", None),
                    ProblemKind::Failed => ("template-failed", None),
                    ProblemKind::Unsupported => (
                        "template-unsupported",
                        Some(
                            "gantry renders what it renders exactly as Jinja2 does, and nothing else",
                        ),
                    ),
                };
                let span = Span::new(id, problem.range);
                let wrong = Diagnostic::error(code, span, problem.message);
                self.diagnostics.push(wrong.hint_if(hint));
                None
            }
        }
    }

    /// The first file.
    fn root(&mut self, rendering: &Rendering<'_>, plan: &mut Plan) {
        let stack = &self.loaded.stack;
        let path = self.root_file();
        let text = match &stack.render.root {
            Some(root) => {
                let span = self.loaded.place(&["render", "root"]);
                if root.strip_prefix(&stack.dir).is_err() {
                    let message = format!("the template {root} lies outside of the stack's folder");
                    self.error("path-outside", span, message);
                    return;
                }
                match self.render(rendering, root, span) {
                    Some(text) => text,
                    None => return,
                }
            }
            None => compose::root(&plan.composed),
        };
        if let Err(path) = insert(plan, path, Content::Bytes(text.into_bytes()), PRIVATE) {
            self.twice(&path, Span::NONE);
        }
    }

    /// Where the first file is, below the build folder.
    pub(super) fn root_file(&self) -> Utf8PathBuf {
        let stack = &self.loaded.stack;
        let root = stack.render.root.as_ref();
        let below = root.and_then(|root| root.strip_prefix(&stack.dir).ok());
        match below {
            Some(below) => below
                .as_str()
                .strip_suffix(".j2")
                .unwrap_or(below.as_str())
                .into(),
            None if self.is_dialect() => "services/docker-compose.yml".into(),
            None => "docker-compose.yml".into(),
        }
    }

    pub(super) fn twice(&mut self, path: &Utf8Path, span: Span) {
        let message = format!("two files would become {path} in the build folder");
        self.error("two-files", span, message);
    }

    /// All that one service copies.
    fn copies(&mut self, rendering: &Rendering<'_>, units: &[Unit], unit: &Unit, plan: &mut Plan) {
        let moves = self.moves(unit);
        let config = unit.template.config.as_ref().and_then(|name| {
            let path = inside(Utf8Path::new(name)).map(|name| unit.out.join(name));
            if path.is_none() {
                let span = self.place(&unit.name, &["config"]);
                self.error(
                    "path-outside",
                    span,
                    format!("`{name}` lies outside of the build folder"),
                );
            }
            path
        });
        if let Some(path) = &config {
            let mut written = rendering.configuration.written.clone();
            moves.configuration(&mut written);
            let text = emit::yaml(&written, &self.sources, self.is_dialect());
            let _first = insert(
                plan,
                path.clone(),
                Content::Bytes(text.into_bytes()),
                READABLE,
            );
        }
        let span = self.place(&unit.name, &["file"]);
        // Without it there was no template either, and that was said.
        if !unit.source.is_dir() {
            return;
        }
        let others: HashSet<Utf8PathBuf> = units
            .iter()
            .filter(|other| other.source != unit.source && other.source.starts_with(&unit.source))
            .map(|other| other.source.clone())
            .collect();
        for below in self.below(&unit.source, &[], &others, span) {
            let is_top = below.components().count() == 1;
            let is_template = below.extension() == Some("j2");
            if unit.template.kernel_templates && below.file_name() == Some("kernel.json.j2") {
                let to = unit.out.join(below.with_extension(""));
                if let Some(text) = self.render(rendering, &unit.source.join(&below), span) {
                    self.take(plan, to, Content::Bytes(text.into_bytes()), READABLE, span);
                }
                continue;
            }
            if is_template && is_top {
                continue;
            }
            let from = unit.source.join(&below);
            let to = unit.out.join(&below);
            // What was rendered is there already.
            if to == unit.file || Some(&to) == config.as_ref() {
                let note =
                    format!("{to} is rendered, and the file beside the template is not copied");
                self.diagnostics
                    .push(Diagnostic::warning("not-copied", span, note));
                continue;
            }
            let is_list = is_top && is_requirements(&below);
            self.file(
                plan,
                &from,
                to,
                |text| {
                    if is_list {
                        moves.requirements(text, "")
                    } else {
                        text.to_owned()
                    }
                },
                is_list,
                span,
            );
        }
        if unit.template.copy_src {
            self.sources_of(unit, &moves, plan);
        }
        for (at, one) in unit.template.additional_dirs.iter().enumerate() {
            let at = at.to_string();
            let span = self.place(&unit.name, &["additional-dirs", &at, "source"]);
            let Some(to) = inside(&one.to) else {
                let message = format!(
                    "`{}` would lie outside of the service's build folder",
                    one.to
                );
                let wrong = Diagnostic::error("path-outside", self.place(&unit.name, &["additional-dirs", &at, "to"]), message)
                    .hint("say where it goes: `{ source = \"…\", to = \"…\" }`, or `{src: …, dst: …}` in a config.yml");
                self.diagnostics.push(wrong);
                continue;
            };
            let to = unit.out.join(to);
            if one.source.is_file() {
                let name = Utf8Path::new(one.source.file_name().unwrap_or_default());
                let is_list = is_requirements(name);
                self.file(
                    plan,
                    &one.source,
                    to,
                    |text| moves.requirements(text, ""),
                    is_list,
                    span,
                );
            } else if one.source.is_dir() {
                for below in self.below(&one.source, &[], &HashSet::new(), span) {
                    self.file(
                        plan,
                        &one.source.join(&below),
                        to.join(&below),
                        str::to_owned,
                        false,
                        span,
                    );
                }
            } else {
                let message = format!("there is no {}", self.sources.name_of(&one.source));
                if self.is_dialect() {
                    self.diagnostics.push(Diagnostic::warning(
                        "no-source",
                        span,
                        message + ", and it is not copied",
                    ));
                } else {
                    self.error("no-source", span, message);
                }
            }
        }
        for package in &self.options.packages {
            let name = package.file_name().unwrap_or_default();
            self.file(
                plan,
                package,
                unit.out.join(name),
                str::to_owned,
                false,
                Span::NONE,
            );
        }
    }

    /// The project's sources, and the files that go with them.
    fn sources_of(&mut self, unit: &Unit, moves: &Moves, plan: &mut Plan) {
        let dir = self.loaded.stack.dir.clone();
        let span = self.place(&unit.name, &["copy-src"]);
        let to = unit.out.join(REPO_SRC);
        // These win over files of the same name in the sources.
        for (name, called) in BESIDE {
            let from = dir.join(name);
            if from.is_file() {
                let change = |text: &str| {
                    if is_requirements(Utf8Path::new(name)) {
                        moves.requirements(text, REPO_SRC)
                    } else {
                        moves.project(text)
                    }
                };
                self.file(plan, &from, to.join(called), change, true, span);
            }
        }
        let src = dir.join(SRC);
        if !src.is_dir() {
            let message = format!("there is no folder {}", self.sources.name_of(&src));
            self.error("no-source", span, message);
            return;
        }
        for below in self.below(&src, &unit.template.ignore, &HashSet::new(), span) {
            let target = to.join(&below);
            let taken = BESIDE
                .iter()
                .any(|(name, called)| to.join(called) == target && dir.join(name).is_file());
            if !taken {
                self.file(plan, &src.join(&below), target, str::to_owned, false, span);
            }
        }
    }

    /// Where sources go for a service.
    fn moves(&self, unit: &Unit) -> Moves {
        let dir = &self.loaded.stack.dir;
        let src = |to: &str| (SRC.to_owned(), to.to_owned());
        let mut moves = Vec::new();
        if unit.template.copy_src {
            moves.push(src(REPO_SRC));
        }
        for one in &unit.template.additional_dirs {
            let from = one.source.strip_prefix(dir).ok();
            let from = from
                .filter(|from| from.starts_with(SRC) && !(unit.template.copy_src && *from == SRC));
            if let (Some(from), Some(to)) = (from, inside(&one.to)) {
                moves.push((from.to_string(), to.to_string()));
            }
        }
        // Projects of the dialect expect it whether or not they copy them.
        if self.is_dialect() && !moves.iter().any(|(from, _)| from == SRC) {
            moves.push(src(REPO_SRC));
        }
        Moves::new(moves)
    }

    /// The files below a folder by the rules; what is wrong is said.
    fn below(
        &mut self,
        folder: &Utf8Path,
        ignore: &[String],
        skip: &HashSet<Utf8PathBuf>,
        span: Span,
    ) -> Vec<Utf8PathBuf> {
        let files = [
            self.loaded.stack.dir.join(copy::RULES),
            folder.join(copy::RULES),
        ];
        let found =
            Rules::new(folder, &files, ignore).and_then(|rules| copy::files(folder, &rules, skip));
        found.unwrap_or_else(|error| {
            let prefix = format!("{}/", self.loaded.stack.dir);
            self.error("not-copied", span, whole(&error).replace(&prefix, ""));
            Vec::new()
        })
    }

    /// Takes in a file as it is, or with its text changed.
    fn file(
        &mut self,
        plan: &mut Plan,
        from: &Utf8Path,
        to: Utf8PathBuf,
        change: impl FnOnce(&str) -> String,
        is_text: bool,
        span: Span,
    ) {
        let mode = match from.metadata() {
            Ok(kind) => kind.permissions().mode() & 0o777,
            Err(error) => {
                self.error(
                    "not-copied",
                    span,
                    format!("failed to read {}: {error}", self.shown(from)),
                );
                return;
            }
        };
        let mut content = Content::Copy(from.to_owned());
        if is_text {
            match read_text(from) {
                Ok(text) => content = Content::Bytes(change(&text).into_bytes()),
                Err(reason) => {
                    self.error(
                        "not-copied",
                        span,
                        format!("cannot read {}: {reason}", self.shown(from)),
                    );
                    return;
                }
            }
        }
        self.take(plan, to, content, mode, span);
    }

    fn take(&mut self, plan: &mut Plan, to: Utf8PathBuf, content: Content, mode: u32, span: Span) {
        if let Err(path) = insert(plan, to, content, mode) {
            self.twice(&path, span);
        }
    }

    /// The last file: variables that the copied configurations ask for.
    fn passed_on(&mut self, configuration: &Configuration, units: &[Unit], plan: &mut Plan) {
        let asked = variables(&configuration.written);
        let pairs = units.iter().zip(&plan.composed);
        let with_config = pairs.filter(|(unit, _)| unit.template.config.is_some());
        let services = with_config
            .flat_map(|(_, file)| &file.services)
            .map(|service| (service, &asked));
        let Some(text) = compose::variables(services) else {
            return;
        };
        let path = self.variables_file();
        if let Err(path) = insert(plan, path, Content::Bytes(text.into_bytes()), PRIVATE) {
            self.twice(&path, Span::NONE);
        }
    }

    pub(super) fn variables_file(&self) -> Utf8PathBuf {
        let root = self.root_file();
        root.parent().unwrap_or(Utf8Path::new("")).join(VARIABLES)
    }

    /// Complains about what would be a file and a folder, and about Compose services of two files.
    fn collisions(&mut self, plan: &Plan) {
        for path in plan.files.keys() {
            for folder in path.ancestors().skip(1) {
                if plan.files.contains_key(folder) {
                    let message =
                        format!("{folder} would be a file and a folder in the build folder");
                    self.error("two-files", Span::NONE, message);
                }
            }
        }
        let mut seen: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
        for (at, file) in plan.composed.iter().enumerate() {
            for service in &file.services {
                let first = *seen.entry(&service.name).or_insert(at);
                if first != at {
                    let message =
                        format!("two templates have the Compose service `{}`", service.name);
                    self.error("two-services", Span::NONE, message);
                }
            }
        }
    }
}

fn is_requirements(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.starts_with("requirements") && path.extension() == Some("txt")
}
