//! The workspace as the rules see it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use crate::shell;

/// Everything that rules look at, read once.
pub(super) struct Workspace {
    pub(super) root: PathBuf,
    pub(super) packages: Vec<Package>,
    /// What `cargo metadata` says, dependencies of dependencies included.
    pub(super) metadata: Value,
}

/// One member.
pub(super) struct Package {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) manifest: String,
    /// Every Rust file, tests and benches included.
    pub(super) files: Vec<Source>,
}

/// One Rust file.
pub(super) struct Source {
    /// Relative to the workspace.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Workspace {
    pub(super) fn read() -> anyhow::Result<Self> {
        let root = shell::root();
        let json = shell::output(shell::cargo().args([
            "metadata",
            "--format-version",
            "1",
            "--all-features",
            "--locked",
        ]))?;
        let metadata: Value = serde_json::from_str(&json)?;
        let members: Vec<&str> = strings(&metadata["workspace_members"]).collect();
        let mut packages = Vec::new();
        for package in array(&metadata["packages"]) {
            if members.contains(&package["id"].as_str().unwrap_or_default()) {
                packages.push(Package::read(&root, package)?);
            }
        }
        Ok(Self {
            root,
            packages,
            metadata,
        })
    }

    /// The member with this name.
    pub(super) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

impl Package {
    fn read(root: &Path, metadata: &Value) -> anyhow::Result<Self> {
        let manifest_path = metadata["manifest_path"]
            .as_str()
            .context("a manifest has a path")?;
        let folder = Path::new(manifest_path)
            .parent()
            .context("a manifest is in a folder")?;
        let mut files = Vec::new();
        collect(root, folder, &mut files)?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self {
            name: metadata["name"]
                .as_str()
                .context("a package has a name")?
                .to_owned(),
            description: metadata["description"].as_str().map(str::to_owned),
            manifest: fs::read_to_string(manifest_path)?,
            files,
        })
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<Source>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(root, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            files.push(Source {
                path: path.strip_prefix(root)?.to_path_buf(),
                text,
            });
        }
    }
    Ok(())
}

/// The elements of a JSON array; of anything else, none.
pub(super) fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The strings in a JSON array.
pub(super) fn strings(value: &Value) -> impl Iterator<Item = &str> {
    array(value).filter_map(Value::as_str)
}
