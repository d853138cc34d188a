//! `unsafe` stays in gantry-sys, and a lint is never switched off without a reason.

use super::Complaint;
use super::workspace::{Source, Workspace};

const UNSAFE_HOME: &str = "gantry-sys";

pub(super) fn check(workspace: &Workspace) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for package in &workspace.packages {
        for file in &package.files {
            if package.name != UNSAFE_HOME {
                complaints.extend(find(file, &unsafe_forms(), "unsafe belongs to gantry-sys"));
            }
            complaints.extend(find(
                file,
                &silent_forms(),
                "write #[expect(…, reason = …)]",
            ));
        }
    }
    complaints
}

/// Put together at run time, so that this file does not find itself.
fn unsafe_forms() -> Vec<String> {
    let word = concat!("uns", "afe");
    let forms = [" {", " fn", " impl", " extern", " trait", "_code"];
    forms.iter().map(|rest| format!("{word}{rest}")).collect()
}

fn silent_forms() -> Vec<String> {
    ["#[", "#!["]
        .iter()
        .map(|start| format!("{start}{}", concat!("al", "low")))
        .collect()
}

fn find(file: &Source, forms: &[String], advice: &str) -> Vec<Complaint> {
    let lines = file.text.lines().enumerate();
    let code = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.filter(|(_, line)| forms.iter().any(|form| line.contains(form.as_str())))
        .map(|(number, line)| {
            format!(
                "{}:{}: {}: {advice}",
                file.path.display(),
                number + 1,
                line.trim()
            )
        })
        .collect()
}
