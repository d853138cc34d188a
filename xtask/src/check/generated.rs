//! Documents that are made from code are made again, and compared.

use std::fs;

use super::Complaint;
use super::workspace::Workspace;
use crate::shell;

/// Files, and the words for `gantry` that print them.
const DOCUMENTS: [(&str, &[&str]); 1] = [("docs/reference/cli.md", &["__reference"])];

pub(super) fn check(workspace: &Workspace) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, words) in DOCUMENTS {
        let current = fs::read_to_string(workspace.root.join(path)).unwrap_or_default();
        match print(words) {
            Ok(text) if text == current => {}
            Ok(_) => {
                let advice = "`cargo xtask check --write` writes it anew";
                complaints.push(format!("{path}: is old; {advice}"));
            }
            Err(error) => complaints.push(format!("{path}: {error:#}")),
        }
    }
    complaints
}

/// Write every document anew.
pub(super) fn write(workspace: &Workspace) -> anyhow::Result<()> {
    for (path, words) in DOCUMENTS {
        let path = workspace.root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, print(words)?)?;
    }
    Ok(())
}

fn print(words: &[&str]) -> anyhow::Result<String> {
    let mut cargo = shell::cargo();
    cargo
        .args(["run", "--quiet", "--package", "gantry", "--"])
        .args(words);
    shell::output(&mut cargo)
}
