//! What the keeper did, so that the next one knows.
//!
//! An append-only file that `cat` can read. The first line names the format; every other is a checksum
//! (CRC-32 of the rest, eight hexadecimal digits), a blank, and one [`Entry`] in JSON. A line is one
//! write, so only the last can be torn, and a torn one is as if it had never been begun: the entry
//! says what is about to be done, and the next keeper looks at what became of it.

mod entry;
mod line;
mod state;

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_log::with_rights;
use gantry_sys::ProcessRef;

pub(crate) use self::entry::{Entry, Key, Starting};
use self::line::line;
pub(crate) use self::line::{checked_line, parse};
use self::state::Mattering;
pub(crate) use self::state::{RunState, State};
use crate::layout::{FIRST_PAIR, Layout};
use crate::protocol::EventBody;

/// The first line. A ledger that begins otherwise is set aside.
const HEADER: &str = "gantry-ledger 1";

/// From this size on it is worth looking whether the ledger can be shortened.
const WORTH_SHORTENING: u64 = 1024 * 1024;

/// The file.
#[derive(Debug)]
pub(crate) struct Ledger {
    path: Utf8PathBuf,
    file: File,
    size: u64,
    size_when_short: u64,
    line: Vec<u8>,
}

impl Ledger {
    /// Open the ledger, read it, and shorten it to what still matters. The message says if something of it is lost;
    /// then [`Entry::Searched`] is to be written when that was looked for. `had_one` says that there must be one.
    pub(crate) fn open(
        path: &Utf8Path,
        had_one: bool,
    ) -> io::Result<(Self, State, Option<String>)> {
        let aside = aside(path);
        // One that was set aside in the moment before a kill has left nothing in its place.
        let is_gone = !path.exists() && (had_one || aside.exists());
        let (text, set_aside) = Text::read(path)?;
        let mut bad = 0;
        let entries = text.lines().map(parse);
        let mut state = State::of(
            entries
                .inspect(|entry| bad += usize::from(entry.is_none()))
                .flatten(),
        );
        let skipped = format!("{path}: {bad} torn or unreadable lines were skipped");
        let unfinished = format!("{path}: who looked for what runs did not come to an end");
        let message = set_aside
            .or_else(|| is_gone.then(|| format!("{path} is gone")))
            .or_else(|| (bad > 0).then_some(skipped))
            .or_else(|| state.searching.then_some(unfinished));
        state.searching = message.is_some();
        let (file, size) = write_whole(path, &state, &text)?;
        let ledger = Self {
            path: path.to_owned(),
            file,
            size,
            size_when_short: size,
            line: Vec::with_capacity(512),
        };
        Ok((ledger, state, message))
    }

    /// Append one entry. When this returns it survives the keeper.
    pub(crate) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        self.line.clear();
        line(entry, &mut self.line)?;
        match self.file.write_all(&self.line) {
            Ok(()) => {
                self.size += self.line.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a line would make the next one unreadable too.
                let _ = self.file.set_len(self.size);
                Err(error)
            }
        }
    }

    /// Shorten it if most of it is history.
    pub(crate) fn shorten(&mut self) -> io::Result<()> {
        if self.size < WORTH_SHORTENING.max(self.size_when_short * 4) {
            return Ok(());
        }
        let (text, _) = Text::read(&self.path)?;
        let state = State::of(text.entries());
        (self.file, self.size) = write_whole(&self.path, &state, &text)?;
        self.size_when_short = self.size;
        Ok(())
    }
}

impl std::os::fd::AsRawFd for Ledger {
    fn as_raw_fd(&self) -> i32 {
        self.file.as_raw_fd()
    }
}

/// A ledger as it is on disk. It is taken apart line by line: all entries of a long one at once take many times
/// the memory of the text.
#[derive(Default)]
pub(crate) struct Text(Vec<u8>);

impl Text {
    /// Read what can be read. What cannot be at all is set aside, and the message says where.
    fn read(path: &Utf8Path) -> io::Result<(Self, Option<String>)> {
        let set_aside = |why: &str| {
            let aside = aside(path);
            fs::rename(path, &aside)?;
            let message = format!("{path} {why}: set aside as {aside}");
            Ok((Self::default(), Some(message)))
        };
        let bytes = match with_rights(path, || fs::read(path)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((Self::default(), None));
            }
            Err(error) => return set_aside(&format!("cannot be read ({error})")),
        };
        let Some(text) = Self::of(bytes) else {
            return set_aside("is no ledger that this release knows");
        };
        Ok((text, None))
    }

    /// Nothing if it is no ledger that we know.
    pub(crate) fn of(bytes: Vec<u8>) -> Option<Self> {
        let known = bytes.split(|byte| *byte == b'\n').next() == Some(HEADER.as_bytes());
        known.then_some(Self(bytes))
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let lines = self.0.split(|byte| *byte == b'\n').skip(1);
        lines.filter(|line| !line.is_empty())
    }

    /// The entries, without the lines that are none.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.lines().filter_map(parse)
    }
}

/// Where one is put that cannot be read.
fn aside(path: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{path}.unreadable"))
}

/// The processes that lead what other pairs than this have started, as far as their ledgers tell.
pub(crate) fn leaders_of_others(layout: &Layout) -> HashSet<ProcessRef> {
    let pairs = [FIRST_PAIR].into_iter().chain(layout.further_pairs());
    let others = pairs.filter(|pair| *pair != layout.pair());
    others
        .flat_map(|pair| leaders(&layout.of_pair(pair).ledger()))
        .collect()
}

fn leaders(path: &Utf8Path) -> Vec<ProcessRef> {
    let text = fs::read(path).ok().and_then(Text::of).unwrap_or_default();
    let state = State::of(text.entries());
    let leader = |run: RunState| {
        let spawned = run.events.iter().find_map(|event| match &event.body {
            EventBody::Spawned { process, .. } => Some((process.pid, process.start_time)),
            _ => None,
        });
        let (pid, start_time) = spawned.or(run.started)?;
        Some(ProcessRef { pid, start_time })
    };
    state.runs.into_iter().filter_map(leader).collect()
}

/// Write the ledger anew, with what matters of its text.
fn write_whole(path: &Utf8Path, state: &State, text: &Text) -> io::Result<(File, u64)> {
    let mut bytes = format!("{HEADER}\n").into_bytes();
    for entry in state.outline() {
        line(&entry, &mut bytes)?;
    }
    let matter = Mattering::to(state);
    let entries = text.lines().filter_map(|line| Some((line, parse(line)?)));
    for (line, _) in entries.filter(|(_, entry)| matter.contains(entry)) {
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    }
    let temporary = Utf8PathBuf::from(format!("{path}.new"));
    let open = || {
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(0o600);
        options.open(&temporary)
    };
    let mut file = with_rights(&temporary, open)?;
    file.write_all(&bytes)?;
    fs::rename(&temporary, path)?;
    let file = OpenOptions::new().append(true).open(path)?;
    Ok((file, bytes.len() as u64))
}

#[cfg(test)]
mod tests;
