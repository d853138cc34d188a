//! Documents that are made from code are made again, and compared.

use std::fs;

use gantry_stack::reference_page::reference_page;

use super::Complaint;
use super::workspace::Workspace;
use crate::shell;

/// Where a document is, and what makes it.
type Document = (&'static str, fn() -> anyhow::Result<String>);

const DOCUMENTS: [Document; 3] = [
    ("docs/reference/stack-file.md", || Ok(reference_page())),
    ("docs/reference/gantry.schema.json", schema),
    ("docs/reference/cli.md", command_line),
];

pub(super) fn check(workspace: &Workspace) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, print) in DOCUMENTS {
        let current = fs::read_to_string(workspace.root.join(path)).unwrap_or_default();
        match print() {
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
    for (path, print) in DOCUMENTS {
        let path = workspace.root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, print()?)?;
    }
    Ok(())
}

fn schema() -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(&gantry_stack::schema::schema())?;
    Ok(text + "\n")
}

fn command_line() -> anyhow::Result<String> {
    let mut cargo = shell::cargo();
    cargo.args(["run", "--quiet", "--package", "gantry", "--", "__reference"]);
    shell::output(&mut cargo)
}
