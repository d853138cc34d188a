//! Templates of manifests: those that `manifests` names, or that lie in a folder that it names.

use camino::{Utf8Path, Utf8PathBuf};
use gantry_stack::configuration::Configuration;
use gantry_stack::diagnostic::Diagnostic;
use gantry_stack::model::Stack;
use gantry_stack::span::Span;
use serde_json::{Value, json};

use super::gather::{ANY_TIME, PRIVATE};
use super::{Plan, Rendering, Work, insert};
use crate::context;
use crate::folder::Content;

/// What names of templates of manifests end with, in a folder.
const ENDINGS: [&str; 3] = [".yaml.j2", ".yml.j2", ".json.j2"];

/// A manifest that was rendered.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The service that it is of.
    pub service: String,
    /// Where it is in the build folder, absolute.
    pub file: Utf8PathBuf,
    /// What it says.
    pub text: String,
    /// What it would say at any time.
    pub timeless: String,
}

/// One template of a service.
#[derive(Debug)]
pub(super) struct Sheet {
    service: String,
    template: Utf8PathBuf,
    /// The rendered file, below the build folder.
    pub(super) file: Utf8PathBuf,
    /// Which entry of `manifests` means it.
    entry: usize,
    span: Span,
}

/// Whether an entry of `manifests` means templates: by its name, or as a folder that has some.
pub fn has_templates(path: &Utf8Path) -> bool {
    is_template(path) || templates_of(path).is_ok_and(|found| !found.is_empty())
}

fn is_template(path: &Utf8Path) -> bool {
    path.extension() == Some("j2")
}

/// Whether something in a folder is no template and would be read as a manifest.
fn has_others(folder: &Utf8Path) -> bool {
    let endings = ENDINGS.map(|ending| ending.trim_end_matches(".j2"));
    let files = folder.read_dir_utf8().into_iter().flatten().flatten();
    let mut names = files.map(|file| file.file_name().to_owned());
    names.any(|name| endings.iter().any(|ending| name.ends_with(ending)))
}

/// The templates that an entry means; nothing if it means none.
fn templates_of(path: &Utf8Path) -> Result<Vec<Utf8PathBuf>, String> {
    let mut found: Vec<Utf8PathBuf> = if path.is_dir() {
        let files = path.read_dir_utf8().into_iter().flatten().flatten();
        let is_one = |path: &Utf8PathBuf| {
            path.is_file() && ENDINGS.iter().any(|end| path.as_str().ends_with(end))
        };
        files
            .map(|file| file.path().to_owned())
            .filter(is_one)
            .collect()
    } else if !is_template(path) {
        return Ok(Vec::new());
    } else if path.as_str().contains(['*', '?', '[']) && !path.is_file() {
        let matches = glob::glob(path.as_str()).map_err(|error| error.to_string())?;
        let paths = matches.flatten().map(Utf8PathBuf::from_path_buf);
        let found: Vec<Utf8PathBuf> = paths.flatten().filter(|path| path.is_file()).collect();
        if found.is_empty() {
            return Err("no file matches this pattern".to_owned());
        }
        found
    } else {
        vec![path.to_owned()]
    };
    found.sort();
    Ok(found)
}

impl Work<'_> {
    /// The templates of all services of manifests.
    pub(super) fn sheets(&mut self) -> Vec<Sheet> {
        let stack = &self.loaded.stack;
        let mut sheets = Vec::new();
        for (name, service) in &stack.services {
            let is_ours = service.mode().as_str() == "kubernetes";
            let Some(entries) = service.run.spec["manifests"].as_array().filter(|_| is_ours) else {
                continue;
            };
            for (entry, path) in entries.iter().enumerate() {
                // What is known only at the start is no template.
                let Some(path) = path.as_str().map(Utf8Path::new) else {
                    continue;
                };
                let span = self.entry(name.as_str(), entry);
                let templates = match templates_of(path) {
                    Ok(templates) => templates,
                    Err(reason) => {
                        let message = format!("{}: {reason}", self.shown(path));
                        self.error("unreadable-template", span, message);
                        continue;
                    }
                };
                for template in templates {
                    let Ok(below) = template.strip_prefix(&stack.dir) else {
                        let message =
                            format!("the template {template} lies outside of the stack's folder");
                        let wrong = Diagnostic::error("path-outside", span, message)
                            .hint("templates lie below the stack file, and become files in the same places below the build folder");
                        self.diagnostics.push(wrong);
                        continue;
                    };
                    let file = below.as_str().trim_end_matches(".j2").into();
                    sheets.push(Sheet {
                        service: name.to_string(),
                        file,
                        entry,
                        span,
                        template,
                    });
                }
            }
        }
        sheets
    }

    /// Where an entry is written.
    fn entry(&self, service: &str, entry: usize) -> Span {
        let path = ["services", service, "kubernetes", "manifests"];
        let one = self
            .loaded
            .place(&[&path[..], &[&entry.to_string()]].concat());
        if one.is_none() {
            self.loaded.place(&path)
        } else {
            one
        }
    }

    /// The templates themselves, which the build folder must not hold.
    pub(super) fn sources_of_sheets(sheets: &[Sheet]) -> impl Iterator<Item = (Utf8PathBuf, Span)> {
        sheets
            .iter()
            .map(|sheet| (sheet.template.clone(), sheet.span))
    }

    /// Renders them.
    pub(super) fn render_sheets(
        &mut self,
        rendering: &Rendering<'_>,
        sheets: &[Sheet],
        plan: &mut Plan,
    ) {
        for sheet in sheets {
            let Some(text) = self.render(rendering, &sheet.template, sheet.span) else {
                continue;
            };
            let bytes = Content::Bytes(text.into_bytes());
            if let Err(path) = insert(plan, sheet.file.clone(), bytes, PRIVATE) {
                self.twice(&path, sheet.span);
            }
        }
    }

    /// What they have become.
    pub(super) fn manifests(
        &mut self,
        configuration: &Configuration,
        build: &Utf8Path,
        sheets: &[Sheet],
        plan: &Plan,
    ) -> Vec<Manifest> {
        let rendering = Rendering {
            configuration,
            context: context::of(configuration, &self.loaded.stack, &self.sources, ANY_TIME),
        };
        let mut manifests = Vec::with_capacity(sheets.len());
        for sheet in sheets {
            let wanted = plan.files.get(&sheet.file);
            let Some(Content::Bytes(bytes)) = wanted.map(|wanted| &wanted.content) else {
                continue;
            };
            let text = String::from_utf8_lossy(bytes).into_owned();
            let timeless = self.render(&rendering, &sheet.template, sheet.span);
            manifests.push(Manifest {
                service: sheet.service.clone(),
                file: build.join(&sheet.file),
                text,
                timeless: timeless.unwrap_or_default(),
            });
        }
        manifests
    }
}

/// Puts the rendered files into the place of what named their templates.
pub(super) fn with_manifests(stack: &mut Stack, build: &Utf8Path, sheets: &[Sheet]) {
    for (name, service) in &mut stack.services {
        let mine: Vec<&Sheet> = sheets
            .iter()
            .filter(|sheet| sheet.service == name.as_str())
            .collect();
        if mine.is_empty() {
            continue;
        }
        let Some(Value::Array(entries)) = service.run.spec.get_mut("manifests") else {
            continue;
        };
        let mut now = Vec::new();
        for (at, entry) in std::mem::take(entries).into_iter().enumerate() {
            let rendered = mine.iter().filter(|sheet| sheet.entry == at);
            let rendered: Vec<Value> = rendered
                .map(|sheet| json!(build.join(&sheet.file)))
                .collect();
            let folder = entry.as_str().map(Utf8Path::new);
            let stays =
                rendered.is_empty() || folder.is_some_and(|it| it.is_dir() && has_others(it));
            if stays {
                now.push(entry);
            }
            now.extend(rendered);
        }
        *entries = now;
    }
}
