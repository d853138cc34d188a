//! Where a chart is, and what it says of itself.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

pub(crate) mod values;

/// Why a chart cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read {path}: {source}")]
pub struct ChartError {
    path: Utf8PathBuf,
    source: io::Error,
}

/// How a chart is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder or an archive on this machine.
    Here(Utf8PathBuf),
    /// A chart of a repository that is named in front of it: `NAME/CHART`.
    Repository {
        /// Whose.
        repository: String,
        /// Which.
        chart: String,
    },
    /// An archive somewhere, or a chart of a registry: `https://…`, `oci://…`.
    Address(String),
}

impl Place {
    /// As a stack file names it; paths are absolute by then.
    pub fn of(chart: &str) -> Self {
        if chart.starts_with('/') {
            return Self::Here(chart.into());
        }
        if chart.contains("://") {
            return Self::Address(chart.to_owned());
        }
        match chart.split_once('/') {
            Some((repository, chart)) => Self::Repository {
                repository: repository.to_owned(),
                chart: chart.to_owned(),
            },
            // Helm takes a bare name for a folder, which begins at the stack file's folder here: it would be absolute.
            None => Self::Address(chart.to_owned()),
        }
    }
}

/// What a chart says of itself (`Chart.yaml`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) dependencies: Vec<Dependency>,
}

/// A chart that a chart needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Dependency {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) repository: String,
    /// What it is called in the chart that needs it.
    #[serde(default)]
    pub(crate) alias: Option<String>,
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.name, self.version)
    }
}

/// Reads what a chart says of itself: a folder or an archive.
pub(crate) fn metadata(chart: &Utf8Path) -> Result<Metadata, String> {
    let text = if chart.is_dir() {
        let file = chart.join("Chart.yaml");
        fs::read_to_string(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("{chart} is no chart: it has no Chart.yaml"),
            _ => format!("{file} cannot be read: {error}"),
        })?
    } else {
        packed(chart).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if !chart.exists() => format!("there is no chart {chart}"),
            _ => format!("{chart} is no chart: {error}"),
        })?
    };
    let read: Result<Metadata, _> = serde_saphyr::from_str(&text);
    let read = read.map_err(|error| {
        let reason = error.to_string();
        let first = reason.lines().next().unwrap_or_default().to_owned();
        format!("the Chart.yaml of {chart} does not parse: {first}")
    })?;
    if read.name.is_empty() || read.version.is_empty() {
        return Err(format!(
            "the Chart.yaml of {chart} names no name or no version"
        ));
    }
    Ok(read)
}

/// The `Chart.yaml` of an archive: that of its outermost folder.
fn packed(archive: &Utf8Path) -> io::Result<String> {
    let file = fs::File::open(archive)?;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        if path.components().count() == 2 && path.ends_with("Chart.yaml") {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            return Ok(text);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        "there is no Chart.yaml in it",
    ))
}

/// The dependencies that a chart's folder lacks, or has in another version.
pub(crate) fn missing_dependencies(folder: &Utf8Path, metadata: &Metadata) -> Vec<String> {
    let charts = folder.join("charts");
    let names: Vec<String> = match charts.read_dir_utf8() {
        Ok(entries) => entries
            .flatten()
            .map(|entry| entry.file_name().to_owned())
            .collect(),
        Err(_) => Vec::new(),
    };
    let is_there = |needed: &Dependency| {
        let unpacked = charts.join(&needed.name);
        if unpacked.is_dir() {
            return true;
        }
        let begins = format!("{}-", needed.name);
        let mut versions = names.iter().filter_map(|name| {
            let rest = name.strip_prefix(&begins)?.strip_suffix(".tgz")?;
            rest.starts_with(|first: char| first.is_ascii_digit() || first == 'v')
                .then_some(rest)
        });
        // A range may be met by whatever is there: Helm says it when it is not.
        let is_exact = needed.version.starts_with(|it: char| it.is_ascii_digit())
            && needed.version.matches('.').count() >= 2
            && !needed.version.contains([' ', 'x', '*', '|', ',']);
        versions.any(|version| !is_exact || version == needed.version.trim_start_matches('v'))
    };
    let needed = metadata.dependencies.iter();
    let missing = needed.filter(|it| !it.repository.is_empty() && !is_there(it));
    missing.map(|it| it.name.clone()).collect()
}

/// A sum of what a chart that is here and the values files say: it differs when one of them does. Charts that were fetched
/// for it are left out, since fetching them is no change; files that are not there count as empty.
pub fn sum(chart: &str, values: &[Utf8PathBuf]) -> Result<String, ChartError> {
    let mut sum = blake3::Hasher::new();
    let mut add = |path: &Utf8Path| -> Result<(), ChartError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => {
                return Err(ChartError {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        sum.update(path.as_str().as_bytes());
        sum.update(&[0]);
        sum.update(blake3::hash(&text).as_bytes());
        Ok(())
    };
    if let Place::Here(path) = Place::of(chart) {
        if path.is_dir() {
            for file in files(&path)? {
                add(&file)?;
            }
        } else {
            add(&path)?;
        }
    }
    for file in values {
        add(file)?;
    }
    Ok(sum.finalize().to_hex().to_string())
}

/// All files below a chart's folder, in order.
fn files(folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>, ChartError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let wrong = |source| ChartError {
            path: next.clone(),
            source,
        };
        for entry in next.read_dir_utf8().map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let path = entry.path();
            let is_fetched = path.extension() == Some("tgz") && next == folder.join("charts");
            if entry.file_name() == ".git" || is_fetched {
                continue;
            }
            // A link to a folder is taken for what it leads to, as Helm does; one in a circle has no end, which is too long a
            // path for the system.
            let kind = fs::metadata(path).map_err(wrong)?;
            if kind.is_dir() {
                open.push(path.to_owned());
            } else {
                found.push(path.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
