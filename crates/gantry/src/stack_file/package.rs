//! Python packages of the user's own, as wheels.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

use crate::error::Error;

/// Wheels, and the folders that they were built into.
#[derive(Debug, Default)]
pub(super) struct Wheels {
    files: Vec<Utf8PathBuf>,
    /// Removed when nobody needs them any more.
    built: Vec<TempDir>,
}

impl Wheels {
    /// Their paths.
    pub(super) fn files(&self) -> &[Utf8PathBuf] {
        &self.files
    }
}

/// A wheel is taken as it is; of a folder one is built.
pub(super) fn wheels(paths: &[Utf8PathBuf]) -> Result<Wheels, Error> {
    let mut wheels = Wheels::default();
    for path in paths {
        if path.is_dir() {
            let (file, folder) = build(path)?;
            wheels.files.push(file);
            wheels.built.push(folder);
        } else if path.extension() == Some("whl") && path.is_file() {
            wheels.files.push(path.clone());
        } else {
            let reason = io::Error::other("it is neither a wheel nor a folder");
            return Err(Error::io(format!("use the package {path}"), reason));
        }
    }
    Ok(wheels)
}

/// The time that is written into wheels: the same folder gives the same wheel, and nothing is written or built anew for it.
fn epoch() -> std::ffi::OsString {
    // The first that an archive can tell.
    std::env::var_os("SOURCE_DATE_EPOCH").unwrap_or_else(|| "315532800".into())
}

/// Builds a wheel with the user's own Python.
#[expect(
    clippy::disallowed_methods,
    reason = "the user waits for this build and sees it fail; it is no service"
)]
fn build(source: &Utf8Path) -> Result<(Utf8PathBuf, TempDir), Error> {
    let what = || format!("build a wheel of {source}");
    let failed = |error| Error::io(what(), error);
    if !["pyproject.toml", "setup.py"]
        .iter()
        .any(|file| source.join(file).is_file())
    {
        let reason = "it has no pyproject.toml and no setup.py";
        return Err(failed(io::Error::other(reason)));
    }
    // A name alone would be looked for among the packages of the world.
    let whole = source.canonicalize_utf8().map_err(failed)?;
    let folder = tempfile::tempdir().map_err(failed)?;
    let output = std::process::Command::new("python3")
        .args(["-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir"])
        .arg(folder.path())
        .arg(whole)
        .env("SOURCE_DATE_EPOCH", epoch())
        .output()
        .map_err(failed)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or("pip said nothing");
        return Err(failed(io::Error::other(last.to_owned())));
    }
    let found = folder.path().read_dir().map_err(failed)?;
    let paths = found.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.ok()?.path()).ok());
    let wheel = paths
        .into_iter()
        .find(|path| path.extension() == Some("whl"));
    let wheel = wheel.ok_or_else(|| failed(io::Error::other("pip made no wheel")))?;
    Ok((wheel, folder))
}
