//! One instance's log folder.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use camino::{Utf8Path, Utf8PathBuf};

use crate::name::{self, CURRENT, Name};
use crate::query::Query;
use crate::reader::{Lines, Trouble};
use crate::record::{Line, Record, Stream};
use crate::snapshot::Snapshot;
use crate::writer::Mark;

/// How many entries of a folder come in one call of the kernel's, and so from one moment. A larger
/// folder is listed until nothing changes.
const AT_ONCE: usize = 100;

/// How often a folder that changes all the time is looked at.
const LOOKS: usize = 100;

/// The folder that one instance logs into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFolder {
    path: Utf8PathBuf,
}

/// A rotated file. Its path is that of the plain file if there is one: a compressed one beside it may
/// be there because the plain one is just about to be removed, or because a machine lost its power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rotated {
    pub(crate) stem: String,
    pub(crate) path: Utf8PathBuf,
}

impl LogFolder {
    /// The folder at this path. It need not exist yet: then it is empty.
    pub fn new(path: impl Into<Utf8PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The file that is written.
    pub fn current(&self) -> Utf8PathBuf {
        self.path.join(CURRENT)
    }

    /// The rotated files, oldest first; compressed ones end with `.gz`.
    pub fn rotated(&self) -> io::Result<Vec<Utf8PathBuf>> {
        let files = self.listing()?.into_iter();
        Ok(files.map(|file| file.path).collect())
    }

    /// The rotated files' names without what compression adds, oldest first.
    pub(crate) fn stems(&self) -> io::Result<Vec<String>> {
        let files = self.listing()?.into_iter();
        Ok(files.map(|file| file.stem).collect())
    }

    pub(crate) fn listing(&self) -> io::Result<Vec<Rotated>> {
        let mut found = self.look()?;
        // A compressed file appears and its plain one vanishes: two looks that differ may have missed
        // both.
        for _ in 0..LOOKS {
            if found.len() < AT_ONCE {
                break;
            }
            let again = self.look()?;
            if again == found {
                break;
            }
            found = again;
        }
        Ok(found)
    }

    fn look(&self) -> io::Result<Vec<Rotated>> {
        let entries = match self.path.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        // Whether there is a plain one.
        let mut stems: BTreeMap<String, bool> = BTreeMap::new();
        for entry in entries {
            match Name::parse(entry?.file_name()) {
                Some(Name::Plain(stem)) => {
                    stems.insert(stem.to_owned(), true);
                }
                Some(Name::Packed(stem)) => {
                    stems.entry(stem.to_owned()).or_default();
                }
                Some(Name::Unfinished(_)) | None => {}
            }
        }
        let files = stems.into_iter().map(|(stem, plain)| Rotated {
            path: if plain {
                self.path.join(&stem)
            } else {
                self.path.join(name::packed(&stem))
            },
            stem,
        });
        Ok(files.collect())
    }

    /// What a stream printed behind this mark, newlines included; `None` if another file is the newest
    /// by now. A torn record is not in it.
    pub fn text_after(&self, mark: Mark, stream: Stream) -> io::Result<Option<Vec<u8>>> {
        let file = match std::fs::File::open(self.current()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        if metadata.ino() != mark.inode || metadata.len() < mark.length {
            return Ok(None);
        }
        let length = metadata.len() - mark.length;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        file.read_exact_at(&mut bytes, mark.length)?;
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
        let mut text = Vec::with_capacity(whole);
        let records = bytes[..whole].split(|byte| *byte == b'\n');
        for record in records.filter_map(Record::parse) {
            if record.stream == stream {
                text.extend_from_slice(record.text);
                text.extend(record.full.then_some(b'\n'));
            }
        }
        Ok(Some(text))
    }

    /// The lines that a query asks for, oldest first. It fails only if there are none because
    /// something could not be read.
    pub fn read(&self, query: &Query) -> Result<Vec<Line>, Trouble> {
        let (lines, troubles) = crate::follow::read(Snapshot::take(self), query);
        match troubles.into_iter().next() {
            Some(trouble) if lines.is_empty() => Err(trouble),
            _ => Ok(lines),
        }
    }

    /// All lines, oldest first, one file open at a time.
    pub fn lines(&self) -> Lines {
        Lines::of(Snapshot::take(self), None)
    }
}
