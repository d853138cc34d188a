//! What services in clusters have from their stack, and a sum of what their files say.
//!
//! Manifests are part of the stack: what is wrong in one is wrong in the stack file that names it, and told before
//! anything begins. The sum of manifests, charts and values files stands in the specification, so that a change in a file
//! is a change of the service.

mod machine;

use std::collections::BTreeSet;
use std::ops::Range;
use std::process::{Command, Stdio};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_driver_kubernetes::{chart, manifest};
use gantry_render::Manifest;
use gantry_stack::diagnostic::{Diagnostic, Diagnostics, Report, Severity};
use gantry_stack::layer::Layer;
use gantry_stack::load::Loaded;
use gantry_stack::model::{Defaults, Forward, Stack, Words};
use gantry_stack::modes::kubernetes::Tools;
use gantry_stack::read::{self, Format};
use gantry_stack::source::SourceMap;
use gantry_stack::span::Span;
use serde_json::{Map, Value, json};

/// Completes them. All that is wrong is told at once.
pub(super) fn complete(
    loaded: &mut Loaded,
    environment: &[(String, String)],
) -> Result<(), Report> {
    let is_here = |mode: &str| matches!(mode, "kubernetes" | "helm");
    let mut services = loaded.stack.services.values();
    if !services.any(|service| is_here(service.run.mode.as_str())) {
        return Ok(());
    }
    let mut wrong = Vec::new();
    let tools = match tools(&loaded.stack.kubernetes, environment) {
        Ok(tools) => tools,
        Err(reasons) => {
            let complain = |reason| Diagnostic::error("environment", Span::NONE, reason);
            wrong.extend(reasons.into_iter().map(complain));
            Tools::default()
        }
    };
    let mut machines = machine::Machines::default();
    let mut done: Vec<(usize, Map<String, Value>)> = Vec::new();
    let mut odd: Vec<Utf8PathBuf> = Vec::new();
    for (at, (name, service)) in loaded.stack.services.iter().enumerate() {
        let mode = service.run.mode.as_str();
        let Some(spec) = service.run.spec.as_object().filter(|_| is_here(mode)) else {
            continue;
        };
        let mut spec = spec.clone();
        share(&mut spec, &loaded.stack.kubernetes, &tools);
        if !service.forward.is_empty() {
            spec.insert("forward".to_owned(), forwards(&service.forward));
        }
        if let Some(machine) = machines.of(&spec, environment) {
            spec.insert("machine".to_owned(), json!(machine));
        }
        let (key, content) = if mode == "helm" {
            let repositories = json!(loaded.stack.repositories);
            if repositories.as_object().is_some_and(|all| !all.is_empty()) {
                spec.insert("repositories".to_owned(), repositories);
            }
            let files = values_files(&spec);
            odd.extend(files.iter().flatten().cloned());
            ("chart", release(&spec, files))
        } else if let Some(folder) = spec.get("kustomize").and_then(Value::as_str) {
            ("kustomize", kustomized(folder, &tools))
        } else {
            ("manifests", manifests(&spec))
        };
        match content {
            Ok(Some(sum)) => {
                spec.insert("content".to_owned(), json!(sum));
            }
            Ok(None) => {}
            Err(reasons) => {
                let span = loaded.place(&["services", name.as_str(), mode, key]);
                let complaints = reasons.into_iter();
                wrong.extend(complaints.map(|reason| Diagnostic::error("manifest", span, reason)));
            }
        }
        done.push((at, spec));
    }
    if !wrong.is_empty() {
        return Err(Report {
            diagnostics: wrong,
            sources: loaded.warnings.sources.clone(),
        });
    }
    for (at, spec) in done {
        if let Some((_, service)) = loaded.stack.services.get_index_mut(at) {
            service.run.spec = Value::Object(spec);
            // What must pass through a forward must pass before the service is ready.
            let through = service.forward.iter_mut();
            let through: Vec<_> = through
                .flat_map(|one| std::mem::take(&mut one.readiness))
                .collect();
            service.readiness.extend(through);
        }
    }
    odd.sort();
    odd.dedup();
    for file in odd {
        warn_of_keys_written_twice(loaded, &file);
    }
    Ok(())
}

/// The ways from this machine, as drivers are given them.
fn forwards(all: &[Forward]) -> Value {
    let all = all.iter().map(|one| {
        let mut one = json!(one);
        if let Some(map) = one.as_object_mut() {
            map.remove("origin");
            map.remove("readiness");
        }
        one
    });
    all.collect()
}

/// Puts in what the stack says for all of its services.
fn share(spec: &mut Map<String, Value>, defaults: &Defaults, tools: &Tools) {
    let shared = [
        ("context", json!(defaults.context)),
        ("kubeconfig", json!(defaults.kubeconfig)),
        ("namespace", json!(defaults.namespace)),
        ("allow-contexts", json!(defaults.allow_contexts)),
    ];
    for (key, value) in shared {
        let is_nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !is_nothing && !spec.contains_key(key) {
            spec.insert(key.to_owned(), value);
        }
    }
    if *tools != Tools::default() {
        spec.insert("tools".to_owned(), json!(tools));
    }
}

/// The commands: by the environment, else by the stack file. kubectl is run by sudo if Helm is, unless that is said
/// otherwise.
fn tools(defaults: &Defaults, environment: &[(String, String)]) -> Result<Tools, Vec<String>> {
    let mut wrong = Vec::new();
    let get = |name: &str| {
        let found = environment.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.trim())
            .filter(|it| !it.is_empty())
    };
    let mut words = |name: &str, own: &Option<Words>, usual: &str| {
        let own = own.as_ref().map(Words::split);
        let words = get(name).map(|text| text.split_whitespace().map(str::to_owned).collect());
        let words: Vec<String> = words.or(own).unwrap_or_else(|| vec![usual.to_owned()]);
        if words.is_empty() {
            wrong.push(format!("`kubernetes.{usual}` names no command"));
        }
        words
    };
    let helm = words("GANTRY_HELM", &defaults.helm, "helm");
    let kubectl = words("GANTRY_KUBECTL", &defaults.kubectl, "kubectl");
    let mut switch = |name: &str, own: Option<bool>| match get(name) {
        None => own,
        Some("1" | "true" | "yes" | "on") => Some(true),
        Some("0" | "false" | "no" | "off") => Some(false),
        Some(other) => {
            wrong.push(format!("{name} is `{other}`: expected true or false"));
            None
        }
    };
    let helm_sudo = switch("GANTRY_HELM_SUDO", defaults.helm_sudo).unwrap_or(false);
    let kubectl_sudo = switch("GANTRY_KUBECTL_SUDO", defaults.kubectl_sudo).unwrap_or(helm_sudo);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    Ok(Tools {
        helm,
        helm_sudo,
        kubectl,
        kubectl_sudo,
    })
}

/// A list of paths, if all of them are known before the start: one with a reference in it is no text yet.
fn paths(spec: &Map<String, Value>, key: &str) -> Option<Vec<Utf8PathBuf>> {
    let paths = spec.get(key).and_then(Value::as_array);
    let paths = paths.into_iter().flatten();
    paths.map(|it| it.as_str().map(Into::into)).collect()
}

fn values_files(spec: &Map<String, Value>) -> Option<Vec<Utf8PathBuf>> {
    paths(spec, "values-files")
}

/// The sum of a chart that is here and of the values files; nothing if those are known only when it starts. What is not
/// there is told before the start, with what else is missing.
fn release(
    spec: &Map<String, Value>,
    files: Option<Vec<Utf8PathBuf>>,
) -> Result<Option<String>, Vec<String>> {
    let chart = spec.get("chart").and_then(Value::as_str);
    let (Some(chart), Some(files)) = (chart, files) else {
        return Ok(None);
    };
    match chart::sum(chart, &files) {
        Ok(sum) => Ok(Some(sum)),
        Err(error) => Err(vec![error.to_string()]),
    }
}

/// A key that is written twice in a values file counts once, and nobody means that.
fn warn_of_keys_written_twice(loaded: &mut Loaded, file: &Utf8Path) {
    let Ok(text) = std::fs::read_to_string(file) else {
        return;
    };
    let sources = Arc::make_mut(&mut loaded.warnings.sources);
    let id = sources.add_file(file, Layer::File, text);
    let mut found = Diagnostics::new();
    read::read_as(Format::Yaml, id, sources, &mut found);
    let twice = found.iter().filter(|one| one.code == "duplicate-key");
    let twice = twice.map(|one| Diagnostic {
        severity: Severity::Warning,
        hint: Some("Helm takes the last one".to_owned()),
        ..one.clone()
    });
    loaded.warnings.diagnostics.extend(twice);
}

/// The sum of a service's manifests, or what is wrong with them. Nothing if where they are is known only when it starts,
/// or some of them are to be rendered first.
fn manifests(spec: &Map<String, Value>) -> Result<Option<String>, Vec<String>> {
    let Some(mut paths) = paths(spec, "manifests") else {
        return Ok(None);
    };
    paths.retain(|path| !gantry_render::has_templates(path));
    if paths.is_empty() {
        return Ok(None);
    }
    let words = |errors: Vec<manifest::ManifestError>| -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    };
    manifest::read(&paths).map_err(words)?;
    manifest::sum(&paths).map(Some).map_err(words)
}

/// Looks at manifests that were rendered, and puts their sums in. All that is wrong is told at once, each in the text that
/// was rendered.
pub(super) fn rendered(
    stack: &mut Stack,
    manifests: &[Manifest],
    sources: &SourceMap,
) -> Result<(), Report> {
    let mut sources = sources.clone();
    let mut wrong = Vec::new();
    let folder = format!("{}/", stack.dir);
    let services: BTreeSet<&str> = manifests.iter().map(|one| one.service.as_str()).collect();
    for name in services {
        let Some(service) = stack.services.get_mut(name) else {
            continue;
        };
        let Some(spec) = service.run.spec.as_object_mut() else {
            continue;
        };
        let mine: Vec<&Manifest> = manifests.iter().filter(|one| one.service == name).collect();
        let Some(mut paths) = paths(spec, "manifests") else {
            continue;
        };
        paths.retain(|path| !mine.iter().any(|one| one.file == *path));
        let texts = mine.iter().map(|one| (&*one.file, one.text.as_str()));
        let texts: Vec<(&Utf8Path, &str)> = texts.collect();
        match manifest::read_with(&paths, &texts).and_then(|_| manifest::sum(&paths)) {
            Ok(mut sum) => {
                for one in mine {
                    sum = manifest::sum_of(&format!("{sum} {} {}", one.file, one.timeless));
                }
                spec.insert("content".to_owned(), json!(sum));
            }
            Err(errors) => {
                for error in errors {
                    let text = mine.iter().find(|one| one.file == error.place.file);
                    let span = text.map_or(Span::NONE, |one| {
                        let name = format!("(rendered) {}", sources.name_of(&one.file));
                        let id = sources.add_text(name, ".", Layer::File, one.text.as_str());
                        Span::new(id, line_of(&one.text, error.place.line))
                    });
                    let message = match (text, error.place.document) {
                        (None, _) => error.to_string(),
                        (Some(_), 1) => error.reason,
                        (Some(_), document) => format!("document {document}: {}", error.reason),
                    };
                    let message = message.replace(&folder, "");
                    wrong.push(Diagnostic::error("manifest", span, message));
                }
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Report {
        diagnostics: wrong,
        sources: Arc::new(sources),
    })
}

/// Where a line (from 1) is in a text.
fn line_of(text: &str, line: usize) -> Range<usize> {
    let mut begin = 0;
    for (number, one) in text.split_inclusive('\n').enumerate() {
        if number + 1 == line {
            return begin..begin + one.trim_end().len();
        }
        begin += one.len();
    }
    0..0
}

/// The sum of what a kustomization comes to. Nothing if there is no kubectl, which pre-flight says.
#[expect(
    clippy::disallowed_methods,
    reason = "the client reads a kustomization as it reads a file, before there is a keeper"
)]
fn kustomized(folder: &str, tools: &Tools) -> Result<Option<String>, Vec<String>> {
    let words = tools.kubectl();
    let Some((program, before)) = words.split_first() else {
        return Ok(None);
    };
    let output = Command::new(program)
        .args(before)
        .args(["kustomize", folder])
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        return Ok(None);
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if !output.status.success() {
        let said = text(&output.stderr);
        if tools.kubectl_sudo && said.starts_with("sudo:") {
            // Rights are looked at before the start.
            return Ok(None);
        }
        let said = said.strip_prefix("error: ").unwrap_or(&said).to_owned();
        return Err(vec![said]);
    }
    let (mut documents, mut wrong) = (Vec::new(), Vec::new());
    let stream = String::from_utf8_lossy(&output.stdout);
    manifest::parse(folder.into(), &stream, &mut documents, &mut wrong);
    if wrong.is_empty() {
        Ok(Some(manifest::sum_of(&stream)))
    } else {
        Err(wrong.iter().map(ToString::to_string).collect())
    }
}
