//! Manifests from files.
//!
//! A file is a stream of documents, in YAML or JSON. A list of objects counts as its items. Whatever is wrong is
//! named with file, document and line, all at once.

use std::collections::BTreeMap;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use crate::object::Key;

/// The names that files with manifests end with, in a folder.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// One object of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// As it is written.
    pub object: Value,
    /// Where it is written.
    pub place: Place,
}

/// Where a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Utf8PathBuf,
    /// Which document of it, from 1.
    pub document: usize,
    /// The line on which it begins, or on which something is wrong, from 1; 0 for the file as a whole.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.document > 1 {
            write!(f, " (document {})", self.document)?;
        }
        Ok(())
    }
}

/// What is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct ManifestError {
    /// Where.
    pub place: Place,
    /// What, as a sentence.
    pub reason: String,
}

impl ManifestError {
    fn file(file: &Utf8Path, reason: impl Into<String>) -> Self {
        Self {
            place: Place {
                file: file.to_owned(),
                document: 1,
                line: 0,
            },
            reason: reason.into(),
        }
    }
}

/// The files that these paths mean, in order: a file, the files of a folder that end as manifests do, or all that a
/// pattern matches.
pub fn files(paths: &[Utf8PathBuf]) -> Result<Vec<Utf8PathBuf>, Vec<ManifestError>> {
    let mut found = Vec::new();
    let mut wrong = Vec::new();
    for path in paths {
        match files_of(path) {
            Ok(files) => found.extend(files),
            Err(reason) => wrong.push(ManifestError::file(path, reason)),
        }
    }
    if wrong.is_empty() {
        Ok(found)
    } else {
        Err(wrong)
    }
}

fn files_of(path: &Utf8Path) -> Result<Vec<Utf8PathBuf>, String> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let is_pattern = path.as_str().contains(['*', '?', '[']);
    let mut files: Vec<Utf8PathBuf> = if path.is_dir() {
        let entries = path.read_dir_utf8().map_err(|error| error.to_string())?;
        let paths = entries.flatten().map(|entry| entry.path().to_owned());
        let is_one = |path: &Utf8PathBuf| {
            let ending = path.extension().unwrap_or_default();
            path.is_file() && ENDINGS.contains(&ending)
        };
        paths.filter(is_one).collect()
    } else if is_pattern {
        let matches = glob::glob(path.as_str()).map_err(|error| error.to_string())?;
        let paths = matches.flatten();
        let paths = paths.filter_map(|path| Utf8PathBuf::from_path_buf(path).ok());
        paths.filter(|path| path.is_file()).collect()
    } else {
        return Err("there is no such file or folder".to_owned());
    };
    if files.is_empty() {
        return Err(if is_pattern {
            "no file matches this pattern".to_owned()
        } else {
            "there is no manifest in this folder (.yaml, .yml, .json)".to_owned()
        });
    }
    files.sort();
    Ok(files)
}

/// Reads the manifests of these paths.
pub fn read(paths: &[Utf8PathBuf]) -> Result<Vec<Document>, Vec<ManifestError>> {
    read_with(paths, &[])
}

/// The same, with texts that no file has yet, each with the file that it will be.
pub fn read_with(
    paths: &[Utf8PathBuf],
    texts: &[(&Utf8Path, &str)],
) -> Result<Vec<Document>, Vec<ManifestError>> {
    let mut documents = Vec::new();
    let mut wrong = Vec::new();
    for file in files(paths)? {
        match fs::read_to_string(&file) {
            Ok(text) => parse(&file, &text, &mut documents, &mut wrong),
            Err(error) => wrong.push(ManifestError::file(
                &file,
                format!("it cannot be read: {error}"),
            )),
        }
    }
    for (file, text) in texts {
        parse(file, text, &mut documents, &mut wrong);
    }
    twice(&documents, &mut wrong);
    if documents.is_empty() && wrong.is_empty() {
        let file = paths.first().map(Utf8PathBuf::as_path);
        let file = file.or(texts.first().map(|(file, _)| *file));
        let file = file.unwrap_or(Utf8Path::new(""));
        wrong.push(ManifestError::file(file, "there is no object in it"));
    }
    if wrong.is_empty() {
        Ok(documents)
    } else {
        Err(wrong)
    }
}

/// Reads a stream of documents.
pub fn parse(
    file: &Utf8Path,
    text: &str,
    documents: &mut Vec<Document>,
    wrong: &mut Vec<ManifestError>,
) {
    for (number, (line, piece)) in pieces(text).into_iter().enumerate() {
        let place = Place {
            file: file.to_owned(),
            document: number + 1,
            line,
        };
        match serde_saphyr::from_str::<Value>(&piece) {
            Ok(Value::Null) => {}
            Ok(object) => take(object, place, documents, wrong),
            Err(error) => {
                let within = error.location().map_or(1, |at| at.line());
                let within = usize::try_from(within).unwrap_or(1).max(1);
                wrong.push(ManifestError {
                    place: Place {
                        line: line + within - 1,
                        ..place
                    },
                    reason: plain(&error, piece.lines().nth(within - 1).unwrap_or_default()),
                });
            }
        }
    }
}

/// The complaint of the parser without the excerpt that it draws, and with what such a line is more often than not.
fn plain(error: &serde_saphyr::Error, line: &str) -> String {
    let text = error.without_snippet().to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.split(" at line ").next().unwrap_or(first);
    let first = first.strip_prefix("error: ").unwrap_or(first);
    // What its programmers could have set helps nobody here.
    let first = first.split(", set ").next().unwrap_or(first);
    let hint = if line.contains("{{") {
        " (the name of a template ends with .j2)"
    } else {
        ""
    };
    format!("it does not parse: {first}{hint}")
}

/// The documents of a stream with the lines on which they begin. A line of `---` begins one, wherever it stands:
/// nothing inside of a document may begin with it.
fn pieces(text: &str) -> Vec<(usize, String)> {
    let mut pieces = vec![(1, String::new())];
    for (number, line) in text.lines().enumerate() {
        let is_mark = line == "---" || line.starts_with("--- ") || line.starts_with("---\t");
        if is_mark {
            // What stands behind the mark on its line belongs to the document.
            pieces.push((number + 1, line.replacen("---", "   ", 1)));
        } else if let Some((_, piece)) = pieces.last_mut() {
            piece.push_str(line);
        }
        if let Some((_, piece)) = pieces.last_mut() {
            piece.push('\n');
        }
    }
    // What is before the first mark is a document only if something stands there.
    let is_empty = |text: &str| {
        let mut lines = text.lines().map(str::trim);
        lines.all(|line| line.is_empty() || line.starts_with(['#', '%']))
    };
    pieces.retain(|(_, text)| !is_empty(text));
    pieces
}

fn take(
    object: Value,
    place: Place,
    documents: &mut Vec<Document>,
    wrong: &mut Vec<ManifestError>,
) {
    let kind = object["kind"].as_str().unwrap_or_default();
    if kind.ends_with("List") && object["items"].is_array() {
        let Value::Object(mut object) = object else {
            return;
        };
        if let Some(Value::Array(items)) = object.remove("items") {
            for item in items {
                take(item, place.clone(), documents, wrong);
            }
        }
        return;
    }
    let mut complain = |reason: String| {
        wrong.push(ManifestError {
            place: place.clone(),
            reason,
        });
    };
    if !object.is_object() {
        return complain(
            "it is no object: expected `apiVersion`, `kind` and `metadata`".to_owned(),
        );
    }
    for field in ["apiVersion", "kind"] {
        match &object[field] {
            Value::String(text) if !text.is_empty() => {}
            Value::Null => return complain(format!("it has no `{field}`")),
            _ => return complain(format!("its `{field}` is no text")),
        }
    }
    if object["metadata"]["name"]
        .as_str()
        .is_none_or(str::is_empty)
    {
        let reason = if object["metadata"]["generateName"].is_string() {
            "it has a `generateName`, so that it would be another one at each start; give it a `name`"
        } else {
            "it has no `metadata.name`"
        };
        return complain(format!("{kind}: {reason}"));
    }
    documents.push(Document { object, place });
}

/// No object may be there twice: the second would undo the first.
fn twice(documents: &[Document], wrong: &mut Vec<ManifestError>) {
    let mut seen: BTreeMap<Key, &Place> = BTreeMap::new();
    for document in documents {
        let key = Key::of(&document.object);
        if let Some(first) = seen.get(&key) {
            wrong.push(ManifestError {
                place: document.place.clone(),
                reason: if first.file == document.place.file {
                    format!("{key} stands on line {} already", first.line)
                } else {
                    format!("{key} is at {first} already")
                },
            });
        } else {
            seen.insert(key, &document.place);
        }
    }
}

/// A sum of all that these paths mean now: it differs when a file does.
pub fn sum(paths: &[Utf8PathBuf]) -> Result<String, Vec<ManifestError>> {
    let mut sum = blake3::Hasher::new();
    for file in files(paths)? {
        let text = fs::read(&file);
        let text = text.map_err(|error| {
            vec![ManifestError::file(
                &file,
                format!("it cannot be read: {error}"),
            )]
        })?;
        sum.update(file.as_str().as_bytes());
        sum.update(&[0]);
        sum.update(&text);
        sum.update(&[0]);
    }
    Ok(sum.finalize().to_hex().to_string())
}

/// A sum of a text.
pub fn sum_of(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests;
