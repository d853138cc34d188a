//! Files that are written whole.
//!
//! A file of ours is never seen half written: the text goes to a temporary file in the same folder,
//! which then takes the place of the old one. What must also survive a loss of power is brought to
//! the disk before the rename, and the folder after it.

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_log::with_rights;

/// Failed to write a file of gantry's own.
#[derive(Debug, thiserror::Error)]
#[error("failed to write {path}")]
pub struct WriteError {
    /// The file that was to be written.
    pub path: Utf8PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// What a file must survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The death of this process.
    Process,
    /// A loss of power: file and folder are brought to the disk, which takes about 0.4 ms.
    Power,
}

/// Put `bytes` at `path`, readable by this user only, in place of what was there. Only one may do so at
/// a time: every such file has a lock of its own, or of its stack.
pub fn write_whole(
    path: &Utf8Path,
    bytes: &[u8],
    durability: Durability,
) -> Result<(), WriteError> {
    replace(path, bytes, durability).map_err(|source| WriteError {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Utf8Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
    // One name for all: what a writer that was killed has left is overwritten by the next.
    let temporary = path.with_extension("tmp");
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        if durability == Durability::Power {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // The disk may be full: what was begun must not stay and keep it so.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    if durability == Durability::Power
        && let Some(folder) = path.parent()
    {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// What reading a file of our own gave.
#[derive(Debug)]
pub enum Kept<T> {
    /// There is none.
    Absent,
    /// It was read.
    Read(T),
    /// It could not be understood, and was set aside for someone to look at.
    SetAside {
        /// Where it is now.
        path: Utf8PathBuf,
        /// What was wrong with it.
        reason: String,
    },
}

/// Read a JSON file of our own, of the version that `is_known` knows. One that does not parse, or
/// cannot be read, is renamed to `NAME.broken`, and reported, never fatal: a service manager that refuses
/// to start because of its own notes helps nobody. One that belongs to somebody else is an error.
pub fn read_json<T: serde::de::DeserializeOwned>(
    path: &Utf8Path,
    is_known: impl Fn(&T) -> bool,
) -> io::Result<Kept<T>> {
    let reason = match with_rights(path, || fs::read(path)) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(value) if is_known(&value) => return Ok(Kept::Read(value)),
            Ok(_) => "its version is not known to this release".to_owned(),
            Err(error) => error.to_string(),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::Absent),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
        Err(error) => error.to_string(),
    };
    let aside = set_aside(path)?;
    Ok(Kept::SetAside {
        path: aside,
        reason,
    })
}

/// Rename a file that is of no use, so that somebody can look at it. Gives where it is now.
pub fn set_aside(path: &Utf8Path) -> io::Result<Utf8PathBuf> {
    let aside = Utf8PathBuf::from(format!("{path}.broken"));
    fs::rename(path, &aside)?;
    Ok(aside)
}
