//! The build folder: what gantry wrote there, and nothing else.
//!
//! A manifest in it names every file that gantry wrote. Only those are ever changed or removed. Each is written
//! whole (temporary file, rename) and only if it differs, and folders stay, so that what is mounted into running
//! containers stays valid.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// What the manifest is called.
const MANIFEST: &str = ".gantry-build.json";

/// The version of the manifest.
const VERSION: u32 = 1;

/// What a file should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) content: Content,
    /// The bits of its mode.
    pub(crate) mode: u32,
}

/// Where a file's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    /// Those of this file.
    Copy(Utf8PathBuf),
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is new.
    Created,
    /// It was another one before.
    Changed,
    /// Nobody wants it any more.
    Removed,
}

/// A file that was written or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its path below the build folder.
    pub file: Utf8PathBuf,
    /// What happened.
    pub change: Change,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    /// The folder is another stack's.
    #[error("{folder} is the build folder of {owner}")]
    Foreign { folder: Utf8PathBuf, owner: String },
    /// A file is in the way that gantry did not write.
    #[error("{path} is there, and gantry did not write it")]
    InTheWay { path: Utf8PathBuf },
    /// A link would lead what is written somewhere else.
    #[error("{path} is a link, so that what is written below it would lie somewhere else")]
    Link { path: Utf8PathBuf },
    /// The manifest cannot be read.
    #[error("{path} is no list of what gantry wrote: {reason}")]
    Manifest { path: Utf8PathBuf, reason: String },
    /// A file cannot be read, written or removed.
    #[error("failed to {what} {path}")]
    Io {
        what: &'static str,
        path: Utf8PathBuf,
        source: io::Error,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    /// Whose folder it is.
    stack: String,
    /// When something changed last, for templates.
    time: String,
    /// Every file, by its path from here.
    files: BTreeSet<Utf8PathBuf>,
}

/// A build folder that is looked at, and not yet written to.
#[derive(Debug)]
pub(crate) struct Folder {
    path: Utf8PathBuf,
    manifest: Manifest,
    /// Locked until the end.
    _lock: Option<File>,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Steps {
    pub(crate) changes: Vec<Changed>,
    pub(crate) unchanged: usize,
}

fn io_error(what: &'static str, path: &Utf8Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Io { what, path, source }
}

impl Folder {
    /// Looks at a stack's folder, and keeps others out until it is dropped.
    pub(crate) fn open(path: &Utf8Path, stack: &str) -> Result<Self, FolderError> {
        let lock = match File::open(path) {
            Ok(folder) => {
                // Where there are no locks, two at once are on their own.
                let _unlocked = folder.lock();
                Some(folder)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io_error("open", path)(error)),
        };
        let file = path.join(MANIFEST);
        let manifest = match std::fs::read_to_string(&file) {
            Ok(text) => {
                let wrong = |reason: String| FolderError::Manifest {
                    path: file.clone(),
                    reason,
                };
                let manifest: Manifest =
                    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
                if manifest.version > VERSION {
                    return Err(wrong("a newer gantry wrote it".to_owned()));
                }
                let leaves = |file: &Utf8PathBuf| {
                    file.is_absolute() || file.components().any(|part| part.as_str() == "..")
                };
                if manifest.files.iter().any(leaves) {
                    return Err(wrong("it names files that are not here".to_owned()));
                }
                manifest
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Manifest {
                version: VERSION,
                stack: stack.to_owned(),
                time: String::new(),
                files: BTreeSet::new(),
            },
            Err(error) => return Err(io_error("read", &file)(error)),
        };
        if manifest.stack != stack {
            return Err(FolderError::Foreign {
                folder: path.to_owned(),
                owner: manifest.stack,
            });
        }
        Ok(Self {
            path: path.to_owned(),
            manifest,
            _lock: lock,
        })
    }

    /// When something changed last; nothing if never.
    pub(crate) fn time(&self) -> Option<&str> {
        Some(&*self.manifest.time).filter(|time| !time.is_empty())
    }

    /// What differs from what is wanted. Nothing is written. With `replace`, files that gantry did not write may be
    /// replaced.
    pub(crate) fn compare(
        &self,
        wanted: &BTreeMap<Utf8PathBuf, Wanted>,
        replace: bool,
    ) -> Result<Steps, Vec<FolderError>> {
        let mut steps = Steps {
            changes: Vec::new(),
            unchanged: 0,
        };
        let mut wrong = Vec::new();
        let mut checked = BTreeSet::new();
        for (file, want) in wanted {
            if let Err(error) = self.way(file, &mut checked) {
                wrong.push(error);
                continue;
            }
            match self.differs(file, want, replace) {
                Ok(None) => steps.unchanged += 1,
                Ok(Some(change)) => steps.changes.push(Changed {
                    file: file.clone(),
                    change,
                }),
                Err(error) => wrong.push(error),
            }
        }
        let gone = self.manifest.files.iter();
        for file in gone.filter(|file| !wanted.contains_key(*file)) {
            if self.way(file, &mut checked).is_ok() && is_file(&self.path.join(file)) {
                steps.changes.push(Changed {
                    file: file.clone(),
                    change: Change::Removed,
                });
            }
        }
        if wrong.is_empty() {
            Ok(steps)
        } else {
            Err(wrong)
        }
    }

    /// Checks that every folder on the way to a file is one, and no link.
    fn way(&self, file: &Utf8Path, checked: &mut BTreeSet<Utf8PathBuf>) -> Result<(), FolderError> {
        let mut path = self.path.clone();
        let folders = file.parent().into_iter().flat_map(Utf8Path::components);
        for part in folders {
            path.push(part.as_str());
            if !checked.insert(path.clone()) {
                continue;
            }
            match path.symlink_metadata() {
                Ok(kind) if kind.is_dir() => {}
                Ok(kind) if kind.is_symlink() => {
                    checked.remove(&path);
                    return Err(FolderError::Link { path });
                }
                // A file of ours that gives way to a folder is removed before.
                Ok(_)
                    if path
                        .strip_prefix(&self.path)
                        .is_ok_and(|file| self.manifest.files.contains(file)) => {}
                Ok(_) => {
                    checked.remove(&path);
                    return Err(FolderError::InTheWay { path });
                }
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    fn differs(
        &self,
        file: &Utf8Path,
        want: &Wanted,
        replace: bool,
    ) -> Result<Option<Change>, FolderError> {
        let path = self.path.join(file);
        let kind = match path.symlink_metadata() {
            Ok(kind) => kind,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(Change::Created));
            }
            // Something on the way is a file, which gives way.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Ok(Some(Change::Created));
            }
            Err(error) => return Err(io_error("look at", &path)(error)),
        };
        if !kind.is_file() {
            let path = path.clone();
            return Err(if kind.is_symlink() {
                FolderError::Link { path }
            } else {
                FolderError::InTheWay { path }
            });
        }
        if is_same(&path, &kind, want)? {
            return Ok(None);
        }
        if !replace && !self.manifest.files.contains(file) {
            return Err(FolderError::InTheWay { path });
        }
        Ok(Some(Change::Changed))
    }

    /// Writes what differs, and removes what is not wanted any more.
    pub(crate) fn write(
        mut self,
        wanted: &BTreeMap<Utf8PathBuf, Wanted>,
        steps: &Steps,
        time: &str,
    ) -> Result<(), FolderError> {
        let files: BTreeSet<Utf8PathBuf> = wanted.keys().cloned().collect();
        if steps.changes.is_empty() && files == self.manifest.files {
            return Ok(());
        }
        std::fs::create_dir_all(&self.path).map_err(io_error("make", &self.path))?;
        // First the names of all that may be there if this is the last thing that happens.
        self.manifest.files.extend(files.iter().cloned());
        time.clone_into(&mut self.manifest.time);
        self.keep()?;
        let of = |change| steps.changes.iter().filter(move |one| one.change == change);
        for one in of(Change::Removed) {
            self.remove(&one.file)?;
        }
        for one in of(Change::Created).chain(of(Change::Changed)) {
            if let Some(want) = wanted.get(&one.file) {
                self.put(&one.file, want)?;
            }
        }
        self.manifest.files = files;
        self.keep()
    }

    /// Removes every file that gantry wrote, and says which.
    pub(crate) fn clear(mut self) -> Result<Vec<Changed>, FolderError> {
        let files = std::mem::take(&mut self.manifest.files);
        let mut removed = Vec::new();
        let mut checked = BTreeSet::new();
        for file in files {
            if self.way(&file, &mut checked).is_ok() && is_file(&self.path.join(&file)) {
                self.remove(&file)?;
                let change = Change::Removed;
                removed.push(Changed { file, change });
            }
        }
        let manifest = self.path.join(MANIFEST);
        match std::fs::remove_file(&manifest) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &manifest)(error));
            }
            _ => {}
        }
        // It stays if somebody else has something in it.
        let _stays = std::fs::remove_dir(&self.path);
        Ok(removed)
    }

    fn keep(&self) -> Result<(), FolderError> {
        let mut text = serde_json::to_string_pretty(&self.manifest).unwrap_or_default();
        text.push('\n');
        let want = Wanted {
            content: Content::Bytes(text.into_bytes()),
            mode: 0o600,
        };
        self.put(Utf8Path::new(MANIFEST), &want)
    }

    fn put(&self, file: &Utf8Path, want: &Wanted) -> Result<(), FolderError> {
        let path = self.path.join(file);
        let folder = path.parent().unwrap_or(&self.path);
        std::fs::create_dir_all(folder).map_err(io_error("make", folder))?;
        let failed = io_error("write", &path);
        let written = || -> io::Result<()> {
            let mut temporary = tempfile::Builder::new()
                .prefix(".gantry-")
                .tempfile_in(folder)?;
            match &want.content {
                Content::Bytes(bytes) => temporary.write_all(bytes)?,
                Content::Copy(from) => {
                    io::copy(&mut File::open(from)?, &mut temporary)?;
                }
            }
            temporary
                .as_file()
                .set_permissions(Permissions::from_mode(want.mode))?;
            temporary.persist(&path)?;
            Ok(())
        };
        written().map_err(failed)
    }

    fn remove(&self, file: &Utf8Path) -> Result<(), FolderError> {
        let path = self.path.join(file);
        std::fs::remove_file(&path).map_err(io_error("remove", &path))?;
        // Folders that are empty now go, up to the first that is not.
        let mut folder = path.parent();
        while let Some(one) = folder.filter(|one| **one != self.path)
            && std::fs::remove_dir(one).is_ok()
        {
            folder = one.parent();
        }
        Ok(())
    }
}

fn is_file(path: &Utf8Path) -> bool {
    path.symlink_metadata().is_ok_and(|kind| kind.is_file())
}

/// Whether a file has the bytes and the mode that are wanted.
fn is_same(path: &Utf8Path, kind: &Metadata, want: &Wanted) -> Result<bool, FolderError> {
    if kind.permissions().mode() & 0o777 != want.mode {
        return Ok(false);
    }
    match &want.content {
        Content::Bytes(bytes) => {
            if kind.len() != bytes.len() as u64 {
                return Ok(false);
            }
            let there = std::fs::read(path).map_err(io_error("read", path))?;
            Ok(there == *bytes)
        }
        Content::Copy(from) => {
            let source = from.metadata().map_err(io_error("read", from))?;
            if kind.len() != source.len() {
                return Ok(false);
            }
            let open = |path: &Utf8Path| File::open(path).map_err(io_error("read", path));
            let (mut there, mut wanted) = (open(path)?, open(from)?);
            let mut left = [0; 16 << 10];
            let mut right = [0; 16 << 10];
            loop {
                let length = there.read(&mut left).map_err(io_error("read", path))?;
                if length == 0 {
                    return Ok(wanted
                        .read(&mut right[..1])
                        .map_err(io_error("read", from))?
                        == 0);
                }
                let same = wanted.read_exact(&mut right[..length]).is_ok();
                if !same || left[..length] != right[..length] {
                    return Ok(false);
                }
            }
        }
    }
}
