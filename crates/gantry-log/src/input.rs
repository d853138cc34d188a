//! Reading one file that may be renamed and compressed meanwhile, with or without keeping it open.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;

use camino::{Utf8Path, Utf8PathBuf};
use flate2::bufread::GzDecoder;

use crate::file_id::FileId;
use crate::folder::LogFolder;
use crate::name;

/// How much of a compressed file is read at once.
const PACKED_BLOCK: usize = 8 * 1024;

/// A file that is read from some place to another. Places are those of the plain text.
#[derive(Debug)]
pub(crate) struct Input {
    folder: LogFolder,
    path: Utf8PathBuf,
    id: Option<FileId>,
    offset: u64,
    end: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Closed,
    Plain(File),
    Packed(Box<GzDecoder<BufReader<Packed>>>),
}

impl Input {
    /// Nothing is opened before something is read. Without an `id` the file is the one with this path,
    /// compressed or not.
    pub(crate) fn new(
        folder: LogFolder,
        path: Utf8PathBuf,
        id: Option<FileId>,
        offset: u64,
        end: u64,
    ) -> Self {
        Self {
            folder,
            path,
            id,
            offset,
            end,
            state: State::Closed,
        }
    }

    /// For a file that is open, from its beginning.
    pub(crate) fn of_file(folder: LogFolder, path: Utf8PathBuf, file: File) -> io::Result<Self> {
        let id = FileId::of(&file)?;
        Ok(Self {
            state: State::Plain(file),
            ..Self::new(folder, path, Some(id), 0, u64::MAX)
        })
    }

    pub(crate) fn path(&self) -> &Utf8Path {
        &self.path
    }

    pub(crate) fn id(&self) -> Option<&FileId> {
        self.id.as_ref()
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn is_open(&self) -> bool {
        match &self.state {
            State::Closed => false,
            State::Plain(_) => true,
            State::Packed(packed) => packed.get_ref().get_ref().file.is_some(),
        }
    }

    /// Whether the file itself is open, so that nobody else has its inode.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self.state, State::Plain(_))
    }

    /// Give its descriptor back until more is read.
    pub(crate) fn release(&mut self) {
        match &mut self.state {
            State::Closed => {}
            State::Plain(file) => {
                if let Some(id) = &mut self.id {
                    id.learn(file);
                }
                self.state = State::Closed;
            }
            // What was unpacked so far need not be unpacked again.
            State::Packed(packed) => packed.get_mut().get_mut().file = None,
        }
    }

    /// Read on. 0 at the end, which for the file that is written may be farther away later.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let room = buffer.len().min(left);
        if room == 0 {
            return Ok(0);
        }
        self.open()?;
        let length = loop {
            let read = match &mut self.state {
                State::Closed => Ok(0),
                State::Plain(file) => file.read_at(&mut buffer[..room], self.offset),
                State::Packed(packed) => packed.read(&mut buffer[..room]),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.offset += length as u64;
        if let (State::Plain(file), Some(id)) = (&self.state, &mut self.id) {
            id.learn(file);
        }
        Ok(length)
    }

    /// The length of the file if it is shorter than what was read of it; then reading goes on there.
    pub(crate) fn cut(&mut self) -> io::Result<Option<u64>> {
        let State::Plain(file) = &self.state else {
            return Ok(None);
        };
        let length = file.metadata()?.len();
        if length >= self.offset {
            return Ok(None);
        }
        self.offset = length;
        Ok(Some(length))
    }

    fn open(&mut self) -> io::Result<()> {
        if !matches!(self.state, State::Closed) {
            return Ok(());
        }
        let (path, state) = match &self.id {
            None => self.open_by_path(),
            Some(id) => {
                find(&self.folder, &self.path, id).map(|found| (found.0, State::Plain(found.1)))
            }
        }
        .or_else(|error| match (&self.id, error.kind()) {
            (Some(id), io::ErrorKind::NotFound) => {
                let (path, packed) = find_packed(&self.folder, id)?;
                Ok((path, State::Packed(Box::new(packed))))
            }
            _ => Err(error),
        })?;
        self.path = path;
        self.state = state;
        if let State::Packed(packed) = &mut self.state {
            io::copy(&mut packed.take(self.offset), &mut io::sink())?;
        }
        Ok(())
    }

    fn open_by_path(&self) -> io::Result<(Utf8PathBuf, State)> {
        if !name::is_packed(&self.path) {
            match File::open(&self.path) {
                Ok(file) => return Ok((self.path.clone(), State::Plain(file))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let path = match self.path.file_name() {
            Some(stem) if !name::is_packed(&self.path) => {
                self.folder.path().join(name::packed(stem))
            }
            _ => self.path.clone(),
        };
        let packed = open_packed(&path)?;
        Ok((path, State::Packed(Box::new(packed))))
    }
}

/// The file of this name, which was last seen at this path.
fn find(folder: &LogFolder, path: &Utf8Path, id: &FileId) -> io::Result<(Utf8PathBuf, File)> {
    let candidates = [Ok(path.to_owned())].into_iter().chain(
        // The one that was written is among the newest.
        std::iter::once_with(|| folder.rotated()).flat_map(|paths| match paths {
            Ok(paths) => paths.into_iter().rev().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }),
    );
    for candidate in candidates {
        let candidate = candidate?;
        if name::is_packed(&candidate) {
            continue;
        }
        match File::open(&candidate) {
            Ok(file) if id.is(&file) => return Ok((candidate, file)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

fn find_packed(
    folder: &LogFolder,
    id: &FileId,
) -> io::Result<(Utf8PathBuf, GzDecoder<BufReader<Packed>>)> {
    for path in folder.rotated()?.into_iter().rev() {
        if name::is_packed(&path)
            && let Ok(mut packed) = open_packed(&path)
            && id.is_content(&mut packed)
        {
            return Ok((path.clone(), open_packed(&path)?));
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Whether this rotated file, compressed or not, is the one of this name.
pub(crate) fn is_file(path: &Utf8Path, id: &FileId) -> bool {
    if name::is_packed(path) {
        open_packed(path).is_ok_and(|mut packed| id.is_content(&mut packed))
    } else {
        File::open(path).is_ok_and(|file| id.is(&file))
    }
}

fn open_packed(path: &Utf8Path) -> io::Result<GzDecoder<BufReader<Packed>>> {
    let mut packed = Packed {
        path: path.to_owned(),
        file: None,
        offset: 0,
    };
    packed.open()?;
    Ok(GzDecoder::new(BufReader::with_capacity(
        PACKED_BLOCK,
        packed,
    )))
}

/// The bytes of a compressed file, whose name never changes.
#[derive(Debug)]
struct Packed {
    path: Utf8PathBuf,
    file: Option<File>,
    offset: u64,
}

impl Packed {
    fn open(&mut self) -> io::Result<&File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&self.path)?,
        };
        Ok(self.file.insert(file))
    }
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let offset = self.offset;
        let length = self.open()?.read_at(buffer, offset)?;
        self.offset += length as u64;
        Ok(length)
    }
}
