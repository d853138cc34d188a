//! One instance's log folder.

use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use crate::query::Query;
use crate::reader::{Lines, Span};
use crate::record::{Line, Record, Stream};
use crate::writer::Mark;

/// The name of the file that is written.
pub const CURRENT: &str = "current";

/// What the names of rotated files end with.
const ROTATED: &str = ".log";

/// The folder that one instance logs into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFolder {
    path: Utf8PathBuf,
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

    /// The rotated files, oldest first.
    pub fn rotated(&self) -> io::Result<Vec<Utf8PathBuf>> {
        let entries = match self.path.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut files: Vec<Utf8PathBuf> = entries
            .filter_map(Result::ok)
            .filter(|entry| is_rotated(entry.file_name()))
            .map(camino::Utf8DirEntry::into_path)
            .collect();
        files.sort_unstable();
        Ok(files)
    }

    /// All files, oldest first, as they are now.
    pub(crate) fn spans(&self) -> io::Result<Vec<Span>> {
        let mut spans: Vec<Span> = self.rotated()?.into_iter().map(Span::whole).collect();
        spans.push(Span::whole(self.current()));
        Ok(spans)
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

    /// The lines that a query asks for, oldest first.
    pub fn read(&self, query: &Query) -> io::Result<Vec<Line>> {
        crate::query::read(self.spans()?, query)
    }

    /// All lines, oldest first, one file open at a time.
    pub fn lines(&self) -> io::Result<Lines> {
        Lines::of(self)
    }
}

/// The name of a file that is rotated at this moment.
pub(crate) fn rotated_name(at: Timestamp) -> String {
    let time: String = String::from_utf8_lossy(crate::record::FormatTime::new(at).as_bytes())
        .chars()
        .filter(|char| !matches!(char, '-' | ':'))
        .collect();
    time + ROTATED
}

/// Whether a name is one of ours; nothing else in the folder is ever touched.
fn is_rotated(name: &str) -> bool {
    name.strip_suffix(ROTATED).is_some_and(|time| {
        time.len() == 23
            && time.bytes().enumerate().all(|(at, byte)| match at {
                8 => byte == b'T',
                15 => byte == b'.',
                22 => byte == b'Z',
                _ => byte.is_ascii_digit(),
            })
    })
}
