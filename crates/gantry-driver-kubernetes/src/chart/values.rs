//! The values that a chart brings along: its own, and those of the charts that it needs.

use std::fs;
use std::io::{self, Read};

use camino::{Utf8Path, Utf8PathBuf};
use gantry_stack::load::ValuesText;
use smol_str::SmolStr;

use super::{Metadata, files};

/// How much of a chart is read.
const LIMIT: u64 = 64 * 1024 * 1024;

/// A file of a chart: its path within, and where it is.
struct Part {
    path: Utf8PathBuf,
    place: Utf8PathBuf,
    bytes: Vec<u8>,
}

/// All of them, the lowest first: what a chart says of one that it needs goes before what that one says.
pub(crate) fn of(chart: &Utf8Path) -> io::Result<Vec<ValuesText>> {
    let mut found = Vec::new();
    collect(&parts(chart)?, &[], &mut found)?;
    Ok(found)
}

fn parts(chart: &Utf8Path) -> io::Result<Vec<Part>> {
    if !chart.is_dir() {
        return unpack(chart, fs::File::open(chart)?);
    }
    let mut all = files(chart).map_err(io::Error::other)?;
    let charts = chart.join("charts");
    if let Ok(fetched) = charts.read_dir_utf8() {
        let fetched = fetched.flatten().map(|entry| entry.path().to_owned());
        all.extend(fetched.filter(|path| path.extension() == Some("tgz")));
    }
    let read = all.into_iter().map(|file| {
        let within = file.strip_prefix(chart).unwrap_or(&file).to_owned();
        Ok(Part {
            path: within,
            bytes: fs::read(&file)?,
            place: file,
        })
    });
    read.collect()
}

/// The files of an archive, without its outermost folder.
fn unpack(place: &Utf8Path, packed: impl Read) -> io::Result<Vec<Part>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    let mut parts = Vec::new();
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        let Ok(path) = Utf8PathBuf::from_path_buf(path) else {
            continue;
        };
        let within: Utf8PathBuf = path.components().skip(1).collect();
        let is_wanted = matches!(within.file_name(), Some("values.yaml" | "Chart.yaml"))
            || within.extension() == Some("tgz");
        if is_wanted {
            let mut bytes = Vec::new();
            entry.take(LIMIT).read_to_end(&mut bytes)?;
            parts.push(Part {
                path: within,
                place: place.join(&path),
                bytes,
            });
        }
    }
    Ok(parts)
}

fn collect(parts: &[Part], below: &[SmolStr], found: &mut Vec<ValuesText>) -> io::Result<()> {
    let of = |name: &str| parts.iter().find(|part| part.path == name);
    let text = |part: &Part| String::from_utf8_lossy(&part.bytes).into_owned();
    let metadata: Metadata = of("Chart.yaml")
        .and_then(|part| serde_saphyr::from_str(&text(part)).ok())
        .unwrap_or_default();
    for (folder, inner) in needed(parts)? {
        let inner_metadata = inner.iter().find(|part| part.path == "Chart.yaml");
        let own: Metadata = inner_metadata
            .and_then(|part| serde_saphyr::from_str(&text(part)).ok())
            .unwrap_or_default();
        let name = if own.name.is_empty() {
            folder
        } else {
            own.name
        };
        let mut wanted = metadata.dependencies.iter().filter(|it| it.name == name);
        let mut names: Vec<SmolStr> = wanted
            .by_ref()
            .map(|it| it.alias.clone().unwrap_or_else(|| it.name.clone()).into())
            .collect();
        if names.is_empty() {
            // One that lies there is used, whether it was asked for or not.
            names.push(name.into());
        }
        for name in names {
            collect(&inner, &[below, &[name]].concat(), found)?;
        }
    }
    if let Some(part) = of("values.yaml") {
        found.push(ValuesText {
            place: part.place.clone(),
            is_default: true,
            below: below.to_vec(),
            text: text(part),
        });
    }
    Ok(())
}

/// The charts below `charts`, each with its files.
fn needed(parts: &[Part]) -> io::Result<Vec<(String, Vec<Part>)>> {
    let mut all: Vec<(String, Vec<Part>)> = Vec::new();
    for part in parts {
        let Ok(within) = part.path.strip_prefix("charts") else {
            continue;
        };
        let mut steps = within.components();
        let Some(first) = steps.next().map(|step| step.as_str().to_owned()) else {
            continue;
        };
        let rest = steps.as_path();
        if rest.as_str().is_empty() {
            if within.extension() == Some("tgz") {
                all.push((first, unpack(&part.place, part.bytes.as_slice())?));
            }
            continue;
        }
        let inner = Part {
            path: rest.to_owned(),
            place: part.place.clone(),
            bytes: part.bytes.clone(),
        };
        match all.iter_mut().find(|(name, _)| *name == first) {
            Some((_, parts)) => parts.push(inner),
            None => all.push((first, vec![inner])),
        }
    }
    Ok(all)
}
