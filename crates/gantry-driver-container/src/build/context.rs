//! The folder that an image is built from: what is in it, whether it changed, and how it is sent.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use futures::Stream;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinHandle;

use super::ignore::Ignore;

/// How much is sent at once, and how many pieces are on their way.
const PIECE: usize = 64 * 1024;
const ON_THEIR_WAY: usize = 8;

/// The file that says what is not sent.
const IGNORE: &str = ".dockerignore";

/// What is sent.
#[derive(Debug)]
pub(super) struct Context {
    folder: Utf8PathBuf,
    entries: Vec<Entry>,
}

/// One thing in it.
#[derive(Debug)]
struct Entry {
    /// From the folder.
    path: String,
    kind: Kind,
    mode: u32,
}

#[derive(Debug)]
enum Kind {
    Folder,
    File,
    Link(PathBuf),
}

/// Why a folder cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("failed to read {path} of the build's folder: {reason}")]
pub(super) struct Unreadable {
    path: Utf8PathBuf,
    reason: String,
}

impl Unreadable {
    fn new(path: impl Into<Utf8PathBuf>, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
        }
    }
}

impl Context {
    /// Looks at a folder. `file` is the Dockerfile, which is sent whatever is left out.
    pub(super) fn look(folder: &Utf8Path, file: &str) -> Result<Self, Unreadable> {
        let ignore = ignore_of(folder, file)?;
        let mut context = Self {
            folder: folder.to_owned(),
            entries: Vec::new(),
        };
        let always = [IGNORE, file];
        let sent = |path: &str| always.contains(&path) || !ignore.leaves_out(path);
        let mut folders = vec![String::new()];
        while let Some(inside) = folders.pop() {
            let failed = |error: io::Error| Unreadable::new(inside.as_str(), error.to_string());
            for found in folder.join(&inside).read_dir_utf8().map_err(failed)? {
                let found = found.map_err(failed)?;
                let path = match inside.as_str() {
                    "" => found.file_name().to_owned(),
                    inside => format!("{inside}/{}", found.file_name()),
                };
                let failed = |error: io::Error| Unreadable::new(path.as_str(), error.to_string());
                let about = found.path().symlink_metadata().map_err(failed)?;
                let kind = if about.is_dir() {
                    let may_hold = |path: &str| {
                        let holds = |file: &&str| file.starts_with(&format!("{path}/"));
                        ignore.takes_back() || always.iter().any(holds)
                    };
                    if sent(&path) || may_hold(&path) {
                        folders.push(path.clone());
                    }
                    Kind::Folder
                } else if about.is_symlink() {
                    Kind::Link(fs::read_link(found.path()).map_err(failed)?)
                } else if about.is_file() {
                    Kind::File
                } else {
                    // Sockets and the like are nothing that could be in an image.
                    continue;
                };
                if sent(&path) {
                    let mode = about.permissions().mode() & 0o7777;
                    context.entries.push(Entry { path, kind, mode });
                }
            }
        }
        context
            .entries
            .sort_by(|one, other| one.path.cmp(&other.path));
        Ok(context)
    }

    /// Adds all that an image could be different for.
    pub(super) fn feed(&self, hasher: &mut blake3::Hasher) -> Result<(), Unreadable> {
        for entry in &self.entries {
            let Entry { path, kind, mode } = entry;
            hasher.update(format!("{path}\0{mode:o}\0").as_bytes());
            match kind {
                Kind::Folder => hasher.update(b"folder"),
                Kind::Link(to) => hasher
                    .update(b"link")
                    .update(to.as_os_str().as_encoded_bytes()),
                Kind::File => {
                    let failed =
                        |error: io::Error| Unreadable::new(path.as_str(), error.to_string());
                    let file = File::open(self.folder.join(path)).map_err(failed)?;
                    let mut own = blake3::Hasher::new();
                    own.update_reader(BufReader::with_capacity(PIECE, file))
                        .map_err(failed)?;
                    hasher.update(b"file").update(own.finalize().as_bytes())
                }
            };
            hasher.update(b"\0");
        }
        Ok(())
    }

    /// Sends it as an archive, piece by piece. What went wrong is told when the stream has ended.
    pub(super) fn send(
        self,
    ) -> (
        impl Stream<Item = io::Result<Bytes>> + use<>,
        JoinHandle<Result<(), Unreadable>>,
    ) {
        let (sender, receiver) = channel(ON_THEIR_WAY);
        let sending = tokio::task::spawn_blocking(move || {
            let result = self.pack(Pieces {
                sender: sender.clone(),
                piece: Vec::with_capacity(PIECE),
            });
            if let Err(error) = &result {
                // The engine must not take half of it for the whole.
                let _ = sender.blocking_send(Err(io::Error::other(error.to_string())));
            }
            result
        });
        let pieces = futures::stream::unfold(receiver, async |mut receiver| {
            Some((receiver.recv().await?, receiver))
        });
        (pieces, sending)
    }

    fn pack(&self, pieces: Pieces) -> Result<(), Unreadable> {
        let mut archive = tar::Builder::new(pieces);
        // All belongs to root, as whoever built it.
        archive.mode(tar::HeaderMode::Complete);
        archive.follow_symlinks(false);
        for Entry { path, kind, mode } in &self.entries {
            let failed = |error: io::Error| Unreadable::new(path.as_str(), error.to_string());
            let mut header = tar::Header::new_gnu();
            let full = self.folder.join(path);
            let about = full.symlink_metadata().map_err(failed)?;
            header.set_metadata(&about);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mode(*mode);
            let packed = match kind {
                Kind::Folder => archive.append_data(&mut header, format!("{path}/"), io::empty()),
                Kind::Link(to) => archive.append_link(&mut header, path, to),
                Kind::File => {
                    // Its length is written before it: one that grows meanwhile is cut there.
                    let file = File::open(&full).map_err(failed)?;
                    let length = about.len();
                    archive.append_data(&mut header, path, Exactly::new(file, length))
                }
            };
            packed.map_err(failed)?;
        }
        let pieces = archive.into_inner();
        pieces
            .and_then(|mut pieces| pieces.flush())
            .map_err(|error| Unreadable::new(".", error.to_string()))
    }
}

/// The patterns for a Dockerfile: its own, or the folder's.
fn ignore_of(folder: &Utf8Path, file: &str) -> Result<Ignore, Unreadable> {
    let own = format!("{file}{IGNORE}");
    for name in [own.as_str(), IGNORE] {
        match fs::read_to_string(folder.join(name)) {
            Ok(text) => {
                return Ignore::read(&text).map_err(|reason| Unreadable::new(name, reason));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Unreadable::new(name, error.to_string())),
        }
    }
    Ok(Ignore::default())
}

/// So many bytes of a file, whatever becomes of it while it is read.
struct Exactly {
    file: io::Take<BufReader<File>>,
}

impl Exactly {
    fn new(file: File, length: u64) -> Self {
        let file = BufReader::with_capacity(PIECE, file);
        Self {
            file: io::Read::take(file, length),
        }
    }
}

impl io::Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if read == 0 && self.file.limit() > 0 && !buffer.is_empty() {
            return Err(io::Error::other("it became shorter while it was read"));
        }
        Ok(read)
    }
}

/// Whoever writes here sends pieces.
struct Pieces {
    sender: Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        if piece.is_empty() {
            return Ok(());
        }
        let sent = self.sender.blocking_send(Ok(piece.into()));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests;
