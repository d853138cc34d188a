//! What services in clusters have from their stack, and a sum of what their manifests say.
//!
//! Manifests are part of the stack: what is wrong in one is wrong in the stack file that names it, and told before
//! anything begins. Their sum stands in the specification, so that a change in a file is a change of the service.

use std::process::{Command, Stdio};

use camino::Utf8PathBuf;
use gantry_driver_kubernetes::manifest;
use gantry_stack::diagnostic::{Diagnostic, Report};
use gantry_stack::load::Loaded;
use serde_json::{Map, Value, json};

/// Completes them. All that is wrong is told at once.
pub(super) fn complete(loaded: &mut Loaded) -> Result<(), Report> {
    let mut wrong = Vec::new();
    let defaults = loaded.stack.kubernetes.clone();
    let mut done: Vec<(usize, Map<String, Value>)> = Vec::new();
    for (at, (name, service)) in loaded.stack.services.iter().enumerate() {
        if service.run.mode.as_str() != "kubernetes" {
            continue;
        }
        let Some(spec) = service.run.spec.as_object() else {
            continue;
        };
        let mut spec = spec.clone();
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
        let (key, content) = match spec.get("kustomize").and_then(Value::as_str) {
            Some(folder) => ("kustomize", kustomized(folder)),
            None => ("manifests", manifests(&spec)),
        };
        match content {
            Ok(Some(sum)) => {
                spec.insert("content".to_owned(), json!(sum));
            }
            Ok(None) => {}
            Err(reasons) => {
                let path = ["services", name.as_str(), "kubernetes", key];
                let span = loaded.place(&path);
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
        }
    }
    Ok(())
}

/// The sum of a service's manifests, or what is wrong with them. Nothing if where they are is known only when it starts.
fn manifests(spec: &Map<String, Value>) -> Result<Option<String>, Vec<String>> {
    let paths = spec.get("manifests").and_then(Value::as_array);
    let paths = paths.into_iter().flatten();
    // One with a reference in it is no text yet.
    let paths: Option<Vec<Utf8PathBuf>> = paths.map(|it| it.as_str().map(Into::into)).collect();
    let Some(paths) = paths else {
        return Ok(None);
    };
    let words = |errors: Vec<manifest::ManifestError>| -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    };
    manifest::read(&paths).map_err(words)?;
    manifest::sum(&paths).map(Some).map_err(words)
}

/// The sum of what a kustomization comes to. Nothing if there is no kubectl, which pre-flight says.
#[expect(
    clippy::disallowed_methods,
    reason = "the client reads a kustomization as it reads a file, before there is a keeper"
)]
fn kustomized(folder: &str) -> Result<Option<String>, Vec<String>> {
    let output = Command::new("kubectl")
        .args(["kustomize", folder])
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        return Ok(None);
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if !output.status.success() {
        let said = text(&output.stderr);
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
