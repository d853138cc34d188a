//! What paths and patterns mean on the disk.

use std::io::Read as _;

use camino::{Utf8Path, Utf8PathBuf};

use super::{find, full};

/// No file of a person is larger.
const LARGEST: u64 = 64 << 20;

/// The text of a file, if it is one and not too large.
pub fn read_text(path: &Utf8Path) -> Result<String, String> {
    let largest = LARGEST;
    // A pipe or a device would hang or never end.
    let kind = path.metadata().map_err(|error| plain(&error))?;
    if kind.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if !kind.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| plain(&error))?;
    let mut bytes = Vec::with_capacity(usize::try_from(kind.len().min(largest)).unwrap_or(0) + 1);
    file.take(largest + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| plain(&error))?;
    if bytes.len() as u64 > largest {
        return Err(format!("it is larger than {} MiB", largest >> 20));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..valid];
        let line = before.split(|byte| *byte == b'\n').count();
        format!("it is not UTF-8 (line {line})")
    })
}

fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// The files that an import means, sorted. A folder means the stack file in it; a pattern that
/// matches nothing is an error, and never matches the file that it stands in.
pub(super) fn matching(
    folder: &Utf8Path,
    pattern: &str,
    importer: &Utf8Path,
) -> Result<Vec<Utf8PathBuf>, String> {
    if !pattern.contains(['*', '?', '[']) {
        return one(full(folder, Utf8Path::new(pattern))).map(|file| vec![file]);
    }
    let whole = if Utf8Path::new(pattern).is_absolute() {
        pattern.to_owned()
    } else {
        format!("{}/{pattern}", glob::Pattern::escape(folder.as_str()))
    };
    let options = glob::MatchOptions {
        require_literal_separator: true,
        // `*.toml` does not mean hidden files.
        require_literal_leading_dot: true,
        ..glob::MatchOptions::new()
    };
    let found = glob::glob_with(&whole, options)
        .map_err(|error| format!("`{pattern}` is no pattern: {}", error.msg))?;
    let mut files = Vec::new();
    for path in found {
        let path =
            path.map_err(|error| format!("cannot search for `{pattern}`: {}", error.error()))?;
        let path = Utf8PathBuf::from_path_buf(path)
            .map_err(|path| format!("the name of {} is not UTF-8", path.display()))?;
        let path = one(crate::source::clean(&path))?;
        if path != importer {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(format!("`{pattern}` matches no file"));
    }
    Ok(files)
}

/// A file itself, or a folder's stack file.
fn one(path: Utf8PathBuf) -> Result<Utf8PathBuf, String> {
    if path.is_dir() {
        return find::in_folder(&path)
            .map_err(|error| error.to_string())?
            .ok_or_else(|| format!("the folder {path} has no gantry.toml or gantry.yaml"));
    }
    Ok(path)
}
