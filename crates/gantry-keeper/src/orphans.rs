//! Exit statuses that the guard waited for because a keeper had died.
//!
//! The guard appends, keepers read. A status is in the file before the process is taken away, so it is
//! in there for everyone who finds the process gone.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use camino::Utf8Path;
use gantry_log::with_rights;
use gantry_sys::{Ended, ProcessRef};
use serde::{Deserialize, Serialize};

use crate::ledger::{checked_line, parse};
use crate::protocol::Exit;

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Orphan {
    pub(crate) pid: u32,
    pub(crate) start_time: u64,
    pub(crate) at_us: i64,
    pub(crate) exit: Exit,
}

impl Orphan {
    pub(crate) fn process(&self) -> ProcessRef {
        ProcessRef {
            pid: self.pid,
            start_time: self.start_time,
        }
    }
}

pub(crate) fn exit_of(ended: Ended) -> Exit {
    match ended {
        Ended::Code(code) => Exit::Code(code),
        Ended::Signal { signal, core } => Exit::Signal { signal, core },
    }
}

/// The guard's side.
#[derive(Debug)]
pub(crate) struct OrphanWriter {
    file: File,
}

impl OrphanWriter {
    pub(crate) fn open(path: &Utf8Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600);
        let file = with_rights(path, || options.open(path))?;
        Ok(Self { file })
    }

    pub(crate) fn write(&mut self, orphan: &Orphan) -> io::Result<()> {
        // A newline first ends what a killed guard may have torn; empty lines are skipped.
        let mut line = b"\n".to_vec();
        line.extend(checked_line(orphan)?);
        self.file.write_all(&line)
    }
}

/// The keeper's side.
#[derive(Debug)]
pub(crate) struct OrphanReader {
    file: File,
    offset: u64,
    rest: Vec<u8>,
}

impl OrphanReader {
    pub(crate) fn open(path: &Utf8Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.mode(0o600);
        let file = with_rights(path, || options.open(path))?;
        Ok(Self {
            file,
            offset: 0,
            rest: Vec::new(),
        })
    }

    /// What was appended since the last call.
    pub(crate) fn read(&mut self) -> io::Result<Vec<Orphan>> {
        let mut buffer = [0; 8192];
        loop {
            let length = self.file.read_at(&mut buffer, self.offset)?;
            if length == 0 {
                break;
            }
            self.offset += length as u64;
            self.rest.extend_from_slice(&buffer[..length]);
        }
        let whole = self
            .rest
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let orphans = self.rest[..whole]
            .split(|byte| *byte == b'\n')
            .filter_map(parse)
            .collect();
        self.rest.drain(..whole);
        Ok(orphans)
    }

    /// Begin the file anew. Only right when nobody can have appended since the last [`Self::read`].
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.offset = 0;
        self.rest.clear();
        Ok(())
    }
}

impl std::os::fd::AsRawFd for OrphanWriter {
    fn as_raw_fd(&self) -> i32 {
        self.file.as_raw_fd()
    }
}

impl std::os::fd::AsRawFd for OrphanReader {
    fn as_raw_fd(&self) -> i32 {
        self.file.as_raw_fd()
    }
}
