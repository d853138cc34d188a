//! Links between the project's documents lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

use super::Complaint;
use super::workspace::Workspace;

pub(super) fn check(workspace: &Workspace) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for document in documents(&workspace.root) {
        let Ok(text) = fs::read_to_string(&document) else {
            continue;
        };
        let folder = document.parent().unwrap_or(&workspace.root);
        let shown = document.strip_prefix(&workspace.root).unwrap_or(&document);
        for target in targets(&text) {
            if !folder.join(target).exists() {
                complaints.push(format!("{}: {target} is not there", shown.display()));
            }
        }
    }
    complaints
}

fn documents(root: &Path) -> Vec<PathBuf> {
    let mut folders = vec![root.to_path_buf(), root.join("docs"), root.join("examples")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && folder != root {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The files that links name, without places inside them and without other sites.
fn targets(text: &str) -> Vec<&str> {
    let ends = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    ends.filter(|target| !target.contains("://") && !target.starts_with('#'))
        .filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::targets;

    #[test]
    fn takes_files_only() {
        let text = "[a](b.md#c) [d](https://e) [f](#g) [h](i/j)";
        assert_eq!(targets(text), ["b.md", "i/j"]);
    }
}
