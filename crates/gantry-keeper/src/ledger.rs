//! What the keeper did, so that the next one knows.
//!
//! An append-only file that `cat` can read. The first line names the format; every other is a checksum
//! (CRC-32 of the rest, eight hexadecimal digits), a blank, and one [`Entry`] in JSON. A line is one
//! write, so only the last can be torn, and a torn one is as if it had never been begun: the entry
//! says what is about to be done, and the next keeper looks at what became of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::protocol::{
    Event, EventBody, Generation, InstanceName, JobName, LogPolicy, Socket, Voice,
};

/// The first line. A ledger that begins otherwise is set aside.
const HEADER: &str = "gantry-ledger 1";

/// From this size on it is worth looking whether the ledger can be shortened.
const WORTH_SHORTENING: u64 = 4 * 1024 * 1024;

/// Whose entry it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Key {
    /// One start of an instance.
    Instance(InstanceName, Generation),
    /// A job.
    Job(JobName),
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// A keeper began.
    Keeper {
        /// It.
        pid: u32,
        /// Which boot of the machine.
        boot_id: String,
    },
    /// A program is about to be started.
    Starting(Starting),
    /// A job's program runs. (For instances the event says so.)
    Started {
        /// Whose.
        key: Key,
        /// Its process.
        pid: u32,
        /// When that started.
        start_time: u64,
    },
    /// A stop was asked for.
    Stopping {
        /// Whose.
        key: Key,
        /// The signal.
        signal: i32,
        /// When the tree is killed, in milliseconds since boot.
        deadline_ms: u64,
    },
    /// Something happened. What a job printed is not in it.
    Event {
        /// What.
        event: Event,
    },
    /// A socket was opened for a service.
    Socket {
        /// Whose.
        service: String,
        /// What it is.
        socket: Socket,
        /// Its descriptor and inode.
        fd: (i32, u64),
    },
    /// The sockets of a service were closed.
    Released {
        /// Whose.
        service: String,
    },
    /// Events up to this number have been seen.
    Ack {
        /// The number.
        sequence: u64,
    },
    /// An instance may be forgotten.
    Forget {
        /// Which.
        key: Key,
    },
}

/// What a keeper needs to know of a program that its predecessor started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Starting {
    /// Whose.
    pub(crate) key: Key,
    /// When, in microseconds of Unix time.
    pub(crate) at_us: i64,
    /// Its output pipes: descriptor and inode of each.
    pub(crate) pipes: [(i32, u64); 2],
    /// Its control group.
    pub(crate) group: Option<Utf8PathBuf>,
    /// Further groups, which limit it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) limits: Vec<Utf8PathBuf>,
    /// What becomes of its output.
    pub(crate) log: LogPolicy,
    /// For a job: when its time is up, in milliseconds since boot, and how much output is kept.
    pub(crate) job: Option<(u64, u64)>,
    /// Pipes of earlier starts of the instance that could not be emptied into its log yet: stream,
    /// descriptor, inode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) behind: Vec<(u8, i32, u64)>,
    /// The guard under which it was started: pid and start time. Older releases did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) guard: Option<(u32, u64)>,
    /// How it can say how it is doing.
    #[serde(default, skip_serializing_if = "Voice::is_none")]
    pub(crate) voice: Voice,
    /// Our end of the pipe for the line that means ready: descriptor and inode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ready: Option<(i32, u64)>,
    /// The sockets that it is passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sockets: Vec<Socket>,
}

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
    /// Open the ledger, read it, and shorten it to what still matters. The message says if an
    /// unreadable one was set aside.
    pub(crate) fn open(path: &Utf8Path) -> io::Result<(Self, State, Option<String>)> {
        let (entries, message) = read(path)?;
        let state = State::of(&entries);
        let kept = state.filter(entries);
        let (file, size) = write_whole(path, &kept)?;
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
        let (entries, _) = read(&self.path)?;
        let kept = State::of(&entries).filter(entries);
        (self.file, self.size) = write_whole(&self.path, &kept)?;
        self.size_when_short = self.size;
        Ok(())
    }
}

impl std::os::fd::AsRawFd for Ledger {
    fn as_raw_fd(&self) -> i32 {
        self.file.as_raw_fd()
    }
}

/// What the entries say, taken together.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The latest start of each instance, and each job that is not over, in the order of their start.
    pub(crate) runs: Vec<RunState>,
    /// Events that were not acknowledged.
    pub(crate) events: Vec<Event>,
    /// The highest event number.
    pub(crate) sequence: u64,
    /// The highest acknowledged event number.
    pub(crate) acknowledged: u64,
    /// Sockets that are open: whose, what, and descriptor with inode.
    pub(crate) sockets: Vec<(String, Socket, (i32, u64))>,
    /// The boot in which the last keeper ran.
    pub(crate) boot_id: Option<String>,
}

/// One start, as far as its entries tell.
#[derive(Debug, Clone)]
pub(crate) struct RunState {
    /// What was to be started.
    pub(crate) starting: Starting,
    /// What happened to it, oldest first.
    pub(crate) events: Vec<Event>,
    /// A job's process: pid and start time.
    pub(crate) started: Option<(u32, u64)>,
    /// The stop that was asked for: signal and deadline.
    pub(crate) stopping: Option<(i32, u64)>,
}

impl State {
    /// Fold the entries.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let mut state = Self::default();
        let mut runs: BTreeMap<usize, RunState> = BTreeMap::new();
        let mut at: HashMap<Key, usize> = HashMap::new();
        let mut latest: HashMap<InstanceName, Key> = HashMap::new();
        for (number, entry) in entries.iter().enumerate() {
            match entry {
                Entry::Keeper { boot_id, .. } => state.boot_id = Some(boot_id.clone()),
                Entry::Starting(starting) => {
                    if let Key::Instance(name, _) = &starting.key
                        && let Some(before) = latest.insert(name.clone(), starting.key.clone())
                        && let Some(before) = at.remove(&before)
                    {
                        runs.remove(&before);
                    }
                    at.insert(starting.key.clone(), number);
                    runs.insert(
                        number,
                        RunState {
                            starting: starting.clone(),
                            events: Vec::new(),
                            started: None,
                            stopping: None,
                        },
                    );
                }
                Entry::Started {
                    key,
                    pid,
                    start_time,
                } => {
                    if let Some(run) = at.get(key).and_then(|at| runs.get_mut(at)) {
                        run.started = Some((*pid, *start_time));
                    }
                }
                Entry::Stopping {
                    key,
                    signal,
                    deadline_ms,
                } => {
                    if let Some(run) = at.get(key).and_then(|at| runs.get_mut(at)) {
                        run.stopping = Some((*signal, *deadline_ms));
                    }
                }
                Entry::Event { event } => {
                    state.sequence = state.sequence.max(event.sequence);
                    let key = key_of(&event.body);
                    if let EventBody::JobEnded { .. } = event.body {
                        if let Some(at) = at.remove(&key) {
                            runs.remove(&at);
                        }
                    } else if let Some(run) = at.get(&key).and_then(|at| runs.get_mut(at)) {
                        if let EventBody::Said { .. } = event.body {
                            // The last one says it all.
                            let said = |event: &Event| matches!(event.body, EventBody::Said { .. });
                            run.events.retain(|event| !said(event));
                        }
                        run.events.push(event.clone());
                    }
                    state.events.push(event.clone());
                }
                Entry::Socket {
                    service,
                    socket,
                    fd,
                } => {
                    let same = |known: &(String, Socket, (i32, u64))| {
                        known.0 == *service && known.1 == *socket
                    };
                    state.sockets.retain(|known| !same(known));
                    state.sockets.push((service.clone(), socket.clone(), *fd));
                }
                Entry::Released { service } => {
                    state.sockets.retain(|(known, _, _)| known != service);
                }
                Entry::Ack { sequence } => {
                    state.acknowledged = state.acknowledged.max(*sequence);
                }
                Entry::Forget { key } => {
                    if let Some(at) = at.remove(key) {
                        runs.remove(&at);
                    }
                }
            }
        }
        state.sequence = state.sequence.max(state.acknowledged);
        let seen = state.acknowledged;
        state.events.retain(|event| event.sequence > seen);
        state.runs = runs.into_values().collect();
        state
    }

    /// The entries that give the same state.
    fn filter(&self, entries: Vec<Entry>) -> Vec<Entry> {
        let live: HashSet<&Key> = self.runs.iter().map(|run| &run.starting.key).collect();
        let runs = self.runs.iter();
        let matters: HashSet<u64> = runs
            .flat_map(|run| run.events.iter().map(|event| event.sequence))
            .collect();
        let mut kept: Vec<Entry> = vec![Entry::Ack {
            sequence: self.acknowledged,
        }];
        kept.extend(self.boot_id.iter().map(|boot_id| Entry::Keeper {
            pid: 0,
            boot_id: boot_id.clone(),
        }));
        kept.extend(
            self.sockets
                .iter()
                .map(|(service, socket, fd)| Entry::Socket {
                    service: service.clone(),
                    socket: socket.clone(),
                    fd: *fd,
                }),
        );
        kept.extend(entries.into_iter().filter(|entry| match entry {
            Entry::Keeper { .. }
            | Entry::Ack { .. }
            | Entry::Forget { .. }
            | Entry::Socket { .. }
            | Entry::Released { .. } => false,
            Entry::Starting(starting) => live.contains(&starting.key),
            Entry::Started { key, .. } | Entry::Stopping { key, .. } => live.contains(key),
            Entry::Event { event } => {
                event.sequence > self.acknowledged || matters.contains(&event.sequence)
            }
        }));
        kept
    }
}

fn key_of(body: &EventBody) -> Key {
    match (body.instance(), body) {
        (Some((instance, generation)), _) => Key::Instance(instance.clone(), generation),
        (None, EventBody::JobEnded { job, .. }) => Key::Job(job.clone()),
        (None, _) => Key::Job(JobName::new("")),
    }
}

fn line(entry: &Entry, out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(b"00000000 ");
    let start = out.len();
    serde_json::to_writer(&mut *out, entry)?;
    let sum = crc32(&out[start..]);
    out[start - 9..start - 1].copy_from_slice(format!("{sum:08x}").as_bytes());
    out.push(b'\n');
    Ok(())
}

/// Read one line without its newline.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(line: &[u8]) -> Option<T> {
    let (sum, rest) = line.split_at_checked(8)?;
    let json = rest.strip_prefix(b" ")?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (sum == crc32(json)).then(|| serde_json::from_slice(json).ok())?
}

/// Write any record as such a line.
pub(crate) fn checked_line<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(value)?;
    let mut out = format!("{:08x} ", crc32(&json)).into_bytes();
    out.extend_from_slice(&json);
    out.push(b'\n');
    Ok(out)
}

/// Read all that can be read. What cannot be at all is set aside, and the message says where.
fn read(path: &Utf8Path) -> io::Result<(Vec<Entry>, Option<String>)> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
        Err(error) => return Err(error),
    };
    let mut lines = bytes.split(|byte| *byte == b'\n');
    if lines.next() != Some(HEADER.as_bytes()) {
        let aside = Utf8PathBuf::from(format!("{path}.unreadable"));
        fs::rename(path, &aside)?;
        let message = format!("{path} is no ledger that this release knows: set aside as {aside}");
        return Ok((Vec::new(), Some(message)));
    }
    let mut bad = 0_usize;
    let mut entries = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        match parse(line) {
            Some(entry) => entries.push(entry),
            None => bad += 1,
        }
    }
    let message = (bad > 0).then(|| format!("{path}: {bad} torn or unreadable lines were skipped"));
    Ok((entries, message))
}

fn write_whole(path: &Utf8Path, entries: &[Entry]) -> io::Result<(File, u64)> {
    let mut bytes = format!("{HEADER}\n").into_bytes();
    for entry in entries {
        line(entry, &mut bytes)?;
    }
    let temporary = Utf8PathBuf::from(format!("{path}.new"));
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(&bytes)?;
    fs::rename(&temporary, path)?;
    let file = OpenOptions::new().append(true).open(path)?;
    Ok((file, bytes.len() as u64))
}

/// CRC-32 as in zip and Ethernet.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    !bytes.iter().fold(!0, |sum, byte| {
        TABLE[((sum ^ u32::from(*byte)) & 0xff) as usize] ^ (sum >> 8)
    })
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "it is below 256")]
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                (value >> 1) ^ 0xedb8_8320
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests;
