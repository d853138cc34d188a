//! Compressing rotated files, by someone who is not the writer.
//!
//! The compressed file is written under another name, renamed when it is whole, and only then is the
//! plain one removed. So whenever this is interrupted, every rotated file is there as a whole under a
//! name that readers know; where both are, the plain one counts. A beginning that was left behind is
//! removed by the next who compresses.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use flate2::{Compression, GzBuilder};

use crate::folder::LogFolder;
use crate::name::{self, Name};

/// What was done in one folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compressed {
    /// So many files were compressed.
    pub files: usize,
    /// So long they were, in bytes.
    pub before: u64,
    /// So long they are.
    pub after: u64,
}

/// Why a folder's files could not be compressed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {stage} {path}")]
pub struct CompressError {
    /// What was being done.
    pub stage: &'static str,
    /// Which file.
    pub path: Utf8PathBuf,
    /// The kernel's word.
    #[source]
    pub source: io::Error,
}

/// Compress the rotated files of a folder that are not yet; the newest first, since the oldest may be
/// removed before it is their turn. `go_on` is asked before each file. One at a time may do this to a
/// folder; the writer and readers are not disturbed.
pub fn compress(
    folder: &LogFolder,
    mut go_on: impl FnMut() -> bool,
) -> Result<Compressed, CompressError> {
    let failed = |stage, path: &Utf8Path| {
        let path = path.to_owned();
        move |source| CompressError {
            stage,
            path,
            source,
        }
    };
    remove_unfinished(folder).map_err(failed("clean up", folder.path()))?;
    let files = folder.listing().map_err(failed("list", folder.path()))?;
    let mut done = Compressed::default();
    for file in files.iter().rev() {
        if name::is_packed(&file.path) {
            continue;
        }
        if !go_on() {
            break;
        }
        // The writer may have removed it as surplus in the meantime.
        let Some((before, after)) =
            one(folder, &file.stem).map_err(failed("compress", &file.path))?
        else {
            continue;
        };
        done.files += 1;
        done.before += before;
        done.after += after;
    }
    Ok(done)
}

/// The lengths before and after; `None` if the file is no more.
fn one(folder: &LogFolder, stem: &str) -> io::Result<Option<(u64, u64)>> {
    let path = |name: &str| folder.path().join(name);
    let (plain, packed) = (path(stem), path(&name::packed(stem)));
    let unfinished = path(&name::unfinished(stem));
    let mut input = match File::open(&plain) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        input => input?,
    };
    let written = pack(&mut input, &unfinished).and_then(|lengths| {
        fs::rename(&unfinished, &packed)?;
        Ok(lengths)
    });
    if written.is_err() {
        // What is in the way is removed by the next who tries, if it cannot be now.
        let _ = fs::remove_file(&unfinished);
    }
    let lengths = written?;
    if let Err(error) = fs::remove_file(&plain)
        && error.kind() == io::ErrorKind::NotFound
    {
        // It became surplus while it was compressed, and so did what came of it.
        fs::remove_file(&packed)?;
        return Ok(None);
    }
    Ok(Some(lengths))
}

fn pack(input: &mut File, to: &Utf8Path) -> io::Result<(u64, u64)> {
    let output = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(to)?;
    let mut packer = GzBuilder::new().write(output, Compression::fast());
    let before = io::copy(input, &mut packer)?;
    let output = packer.finish()?;
    // The plain file is about to go: this one must be there even if the power does.
    output.sync_data()?;
    Ok((before, output.metadata()?.len()))
}

fn remove_unfinished(folder: &LogFolder) -> io::Result<()> {
    let entries = match folder.path().read_dir_utf8() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if matches!(Name::parse(entry.file_name()), Some(Name::Unfinished(_))) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
