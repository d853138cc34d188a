//! The events of a stack on disk.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_log::with_rights;

use super::EventLine;

/// When the file is this large, it becomes the old one, and a new one begins.
const MAX_SIZE: u64 = 10 << 20;

/// So much is read at once, from the end.
const PIECE: u64 = 256 << 10;

/// So much room is kept for the events of a turn.
const PENDING: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct EventFile {
    path: Utf8PathBuf,
    file: File,
    size: u64,
    pending: Vec<u8>,
}

impl EventFile {
    /// Open the file, and read the last `keep` events. Lines that do not parse are passed over:
    /// the last one may be torn, and an older release may have written kinds that we do not know.
    pub(super) fn open(path: &Utf8Path, keep: usize) -> io::Result<(Self, VecDeque<EventLine>)> {
        let kept = last(path, keep)?;
        let mut file = create(path)?;
        let size = file.metadata()?.len();
        if size > 0 && !ends_with_newline(path)? {
            // Or the next event would become part of the torn line.
            file.write_all(b"\n")?;
        }
        let this = Self {
            path: path.to_owned(),
            file,
            size,
            pending: Vec::new(),
        };
        Ok((this, kept))
    }

    /// The last `count` events that were brought to the file.
    pub(super) fn last(&self, count: usize) -> io::Result<VecDeque<EventLine>> {
        last(&self.path, count)
    }

    pub(super) fn push(&mut self, line: &EventLine) {
        self.pending.extend_from_slice(&line.text);
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.size > MAX_SIZE {
            fs::rename(&self.path, old(&self.path))?;
            self.file = create(&self.path)?;
            self.size = 0;
        }
        self.file.write_all(&self.pending)?;
        self.size += self.pending.len() as u64;
        // A whole stack that changes at once is rare.
        self.pending.clear();
        self.pending.shrink_to(PENDING);
        Ok(())
    }
}

/// The last `keep` events of the file at this path, and of the one that it went on from.
fn last(path: &Utf8Path, keep: usize) -> io::Result<VecDeque<EventLine>> {
    let mut kept = VecDeque::new();
    for path in [path.to_owned(), old(path)] {
        if kept.len() < keep {
            read_back(&path, keep, &mut kept)?;
        }
    }
    Ok(kept)
}

/// Put the last events of a file before those that are there, until there are `keep`. No more of it is read than
/// that needs: a supervisor that begins is waited for.
fn read_back(path: &Utf8Path, keep: usize, kept: &mut VecDeque<EventLine>) -> io::Result<()> {
    let mut file = match with_rights(path, || File::open(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut position = file.metadata()?.len();
    // What was read last, and does not begin with a line.
    let mut begun = Vec::new();
    while position > 0 && kept.len() < keep {
        let length = position.min(PIECE);
        position -= length;
        let mut piece = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        file.seek(SeekFrom::Start(position))?;
        file.read_exact(&mut piece)?;
        piece.append(&mut begun);
        let mut lines = piece.split(|byte| *byte == b'\n');
        if position > 0 {
            begun = lines.next().unwrap_or_default().to_vec();
        }
        for line in lines.rev() {
            if kept.len() < keep
                && let Some(line) = EventLine::read(line)
            {
                kept.push_front(line);
            }
        }
    }
    Ok(())
}

fn old(path: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{path}.1"))
}

fn create(path: &Utf8Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path)
}

fn ends_with_newline(path: &Utf8Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
