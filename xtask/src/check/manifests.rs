//! Dependencies are chosen in the root manifest only, and a crate names none that it does not use.

use super::Complaint;
use super::workspace::{Package, Workspace};

pub(super) fn check(workspace: &Workspace) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for package in &workspace.packages {
        for (name, line) in dependencies(&package.manifest) {
            let from_root = line.contains("workspace = true");
            if !from_root {
                complaints.push(format!(
                    "{}: {line}: choose it in the root manifest",
                    package.name
                ));
            }
            if !is_used(package, name) {
                complaints.push(format!("{}: {name} is not used", package.name));
            }
        }
        if !package.manifest.contains("[lints]\nworkspace = true") {
            complaints.push(format!(
                "{}: does not take the workspace's lints",
                package.name
            ));
        }
    }
    complaints
}

/// Names and lines of the dependency sections, which are one line an entry here.
fn dependencies(manifest: &str) -> Vec<(&str, &str)> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['.', ' ', '=']).next().unwrap_or(line);
            found.push((name, line));
        }
    }
    found
}

fn is_used(package: &Package, dependency: &str) -> bool {
    let name = dependency.replace('-', "_");
    let words = |text: &str| {
        text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
            .any(|word| word == name)
    };
    package.files.iter().any(|file| words(&file.text))
}
