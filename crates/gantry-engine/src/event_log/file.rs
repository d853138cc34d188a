//! The events of a stack on disk.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_api::Event;

/// When the file is this large, it becomes the old one, and a new one begins.
const MAX_SIZE: u64 = 10 << 20;

#[derive(Debug)]
pub(super) struct EventFile {
    path: Utf8PathBuf,
    file: File,
    size: u64,
    pending: Vec<u8>,
}

impl EventFile {
    /// Open the file, and read the last `keep` events of it. Lines that do not parse are passed over:
    /// the last one may be torn, and an older release may have written kinds that we do not know.
    pub(super) fn open(path: &Utf8Path, keep: usize) -> io::Result<(Self, VecDeque<Event>)> {
        let mut kept = VecDeque::new();
        for path in [old(path), path.to_owned()] {
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for line in BufReader::new(file).split(b'\n') {
                let Ok(event) = serde_json::from_slice::<Event>(&line?) else {
                    continue;
                };
                if kept.len() == keep {
                    kept.pop_front();
                }
                kept.push_back(event);
            }
        }
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

    pub(super) fn push(&mut self, event: &Event) {
        serde_json::to_writer(&mut self.pending, event).expect("an event is JSON");
        self.pending.push(b'\n');
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
        self.pending.clear();
        Ok(())
    }
}

fn old(path: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{path}.1"))
}

fn create(path: &Utf8Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path)
}

fn ends_with_newline(path: &Utf8Path) -> io::Result<bool> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
