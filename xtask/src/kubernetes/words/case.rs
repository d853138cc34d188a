//! Cases, and the folders that they are tried in.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

/// What a case begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    Manifests,
    Chart,
}

/// One way to fail.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    /// Shell lines that make the situation.
    #[serde(default)]
    pub(super) before: Vec<String>,
    /// What the folder has when the tool runs for the first time, unmeasured; no such run if absent.
    pub(super) earlier: Option<Change>,
    /// Shell lines after that run.
    #[serde(default)]
    pub(super) between: Vec<String>,
    /// What the folder has when it is measured.
    #[serde(default)]
    pub(super) now: Change,
    /// The native tool's words, if they are not the usual ones.
    native: Option<String>,
    /// Whether the namespace is there.
    #[serde(default = "yes")]
    pub(super) namespace: bool,
    /// The cause is named when one of these is said; nothing has to be if there are none.
    pub(super) cause: Vec<String>,
    /// The cluster knows the cause as soon as a pod, an event or a job has one of these, as they stand in JSON; none where
    /// it is found out otherwise.
    #[serde(default)]
    pub(super) known: Vec<String>,
    /// The exit code that gantry should have.
    pub(super) code: i32,
    #[serde(skip, default = "manifests")]
    pub(super) base: Base,
}

/// What is different from the folder that all begin with.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// In every file that has it.
    #[serde(default)]
    replace: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    remove: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Cases {
    case: Vec<Case>,
}

fn yes() -> bool {
    true
}

fn manifests() -> Base {
    Base::Manifests
}

impl Base {
    fn name(self) -> &'static str {
        match self {
            Self::Manifests => "manifests",
            Self::Chart => "chart",
        }
    }
}

impl Case {
    /// What the native tool is told.
    pub(super) fn native(&self) -> &str {
        let usual = match self.base {
            Base::Manifests => {
                "kubectl apply -f manifests && kubectl rollout status deployment/web --timeout 20s"
            }
            Base::Chart => {
                "$HELM upgrade --install web ./chart -f values.yaml --wait --timeout 20s"
            }
        };
        self.native.as_deref().unwrap_or(usual)
    }

    /// Makes the folder anew, as it is with this change.
    pub(super) fn write(&self, data: &Path, to: &Path, change: &Change) -> anyhow::Result<()> {
        if to.exists() {
            fs::remove_dir_all(to)?;
        }
        let mut met = vec![false; change.replace.len()];
        copy(&data.join(self.base.name()), to, &mut |mut text| {
            for ((from, into), met) in change.replace.iter().zip(&mut met) {
                *met |= text.contains(from);
                text = text.replace(from, into);
            }
            text
        })?;
        let unmet = change.replace.keys().zip(&met).find(|(_, met)| !**met);
        ensure!(unmet.is_none(), "{}: no file has {unmet:?}", self.name);
        for (path, text) in &change.files {
            let path = to.join(path);
            fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
            fs::write(path, text)?;
        }
        for path in &change.remove {
            fs::remove_file(to.join(path)).with_context(|| format!("{}: {path}", self.name))?;
        }
        Ok(())
    }
}

/// All cases, in the order of the table.
pub(super) fn read(data: &Path) -> anyhow::Result<Vec<Case>> {
    let mut all = Vec::new();
    for (file, base) in [
        ("manifests.toml", Base::Manifests),
        ("releases.toml", Base::Chart),
    ] {
        let text = fs::read_to_string(data.join(file))?;
        let cases: Cases = toml::from_str(&text).context(file)?;
        all.extend(cases.case.into_iter().map(|case| Case { base, ..case }));
    }
    Ok(all)
}

fn copy(from: &Path, to: &Path, edit: &mut dyn FnMut(String) -> String) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target, edit)?;
        } else {
            let text = fs::read_to_string(entry.path())?;
            fs::write(target, edit(text))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::shell;

    #[test]
    fn every_case_can_be_written() {
        let data = shell::root().join("xtask/kubernetes/words");
        let folder = tempfile::tempdir().expect("a folder");
        for case in read(&data).expect("the cases") {
            for change in case.earlier.iter().chain([&case.now]) {
                let path = folder.path().join("case");
                case.write(&data, &path, change).expect(&case.name);
            }
        }
    }
}
