//! A file is one topic: none over a thousand lines, half of them under two hundred.

use super::Complaint;
use super::workspace::Workspace;

const LONGEST: usize = 1_000;
const MEDIAN: usize = 200;

pub(super) fn check(workspace: &Workspace) -> Vec<Complaint> {
    let files = workspace.packages.iter().flat_map(|package| &package.files);
    let mut sizes: Vec<_> = files
        .map(|file| (file.text.lines().count(), &file.path))
        .collect();
    sizes.sort();
    let mut complaints: Vec<Complaint> = sizes
        .iter()
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, path)| format!("{}: {lines} lines, {LONGEST} are enough", path.display()))
        .collect();
    let median = sizes.get(sizes.len() / 2).map_or(0, |(lines, _)| *lines);
    if median >= MEDIAN {
        complaints.push(format!(
            "the median file has {median} lines, {MEDIAN} are enough"
        ));
    }
    complaints
}
