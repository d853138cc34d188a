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

/// Put `bytes` at `path`, readable by this user only, in place of what was there.
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
    let temporary = path.with_extension(format!("tmp-{}", std::process::id()));
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

/// Read a JSON file of our own. One that does not parse is renamed to `NAME.broken`, and reported,
/// never fatal: a service manager that refuses to start because of its own notes helps nobody.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Utf8Path) -> io::Result<Kept<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::Absent),
        Err(error) => return Err(error),
    };
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Kept::Read(value)),
        Err(error) => {
            let aside = Utf8PathBuf::from(format!("{path}.broken"));
            fs::rename(path, &aside)?;
            Ok(Kept::SetAside {
                path: aside,
                reason: error.to_string(),
            })
        }
    }
}
