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
use gantry_log::with_rights;
use gantry_sys::ProcessRef;
use serde::{Deserialize, Serialize};

use crate::layout::{FIRST_PAIR, Layout};
use crate::protocol::{
    Event, EventBody, Generation, InstanceName, JobLog, JobName, LogPolicy, Socket, Voice,
};

/// The first line. A ledger that begins otherwise is set aside.
const HEADER: &str = "gantry-ledger 1";

/// From this size on it is worth looking whether the ledger can be shortened.
const WORTH_SHORTENING: u64 = 1024 * 1024;

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
    /// Lines were lost, and what runs is being looked for. Who is killed in the middle of that leaves a ledger that looks
    /// whole and is not, unless this stands in it.
    Searching,
    /// What was found stands above.
    Searched,
    /// A program is about to be started.
    Starting(Box<Starting>),
    /// A job's program runs. (For instances the event says so.)
    Started {
        /// Whose.
        key: Key,
        /// Its process.
        pid: u32,
        /// When that started.
        start_time: u64,
    },
    /// The pipes of a start were opened again by a keeper under another guard, whose descriptors are others.
    Reopened {
        /// Whose.
        key: Key,
        /// Its output pipes: descriptor and inode of each.
        pipes: [(i32, u64); 2],
        /// Our end of the pipe for the line that means ready.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ready: Option<(i32, u64)>,
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
    /// For a job: milliseconds that it has to end when it is asked to.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) job_grace_ms: u32,
    /// For a job: into which log its output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) job_log: Option<Box<JobLog>>,
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
    /// Its terminal: descriptor and inode of both ends, and of the end of its pipe that is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) terminal: Option<[(i32, u64); 3]>,
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
    /// Whether what runs was looked for, and that did not come to an end.
    pub(crate) searching: bool,
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
    pub(crate) fn of(entries: impl Iterator<Item = Entry>) -> Self {
        let mut state = Self::default();
        let mut runs: BTreeMap<usize, RunState> = BTreeMap::new();
        let mut at: HashMap<Key, usize> = HashMap::new();
        let mut latest: HashMap<InstanceName, Key> = HashMap::new();
        for (number, entry) in entries.enumerate() {
            match entry {
                Entry::Keeper { boot_id, .. } => state.boot_id = Some(boot_id),
                Entry::Searching => state.searching = true,
                Entry::Searched => state.searching = false,
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
                            starting: *starting,
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
                    if let Some(run) = at.get(&key).and_then(|at| runs.get_mut(at)) {
                        run.started = Some((pid, start_time));
                    }
                }
                Entry::Reopened { key, pipes, ready } => {
                    if let Some(run) = at.get(&key).and_then(|at| runs.get_mut(at)) {
                        run.starting.pipes = pipes;
                        run.starting.ready = ready;
                    }
                }
                Entry::Stopping {
                    key,
                    signal,
                    deadline_ms,
                } => {
                    if let Some(run) = at.get(&key).and_then(|at| runs.get_mut(at)) {
                        run.stopping = Some((signal, deadline_ms));
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
                    state.events.push(event);
                }
                Entry::Socket {
                    service,
                    socket,
                    fd,
                } => {
                    let same = |known: &(String, Socket, (i32, u64))| {
                        known.0 == service && known.1 == socket
                    };
                    state.sockets.retain(|known| !same(known));
                    state.sockets.push((service, socket, fd));
                }
                Entry::Released { service } => {
                    state.sockets.retain(|(known, _, _)| *known != service);
                }
                Entry::Ack { sequence } => {
                    state.acknowledged = state.acknowledged.max(sequence);
                }
                Entry::Forget { key } => {
                    if let Some(at) = at.remove(&key) {
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

    /// The entries that give the same state together with those of the text that matter: what is not
    /// about one start.
    fn outline(&self) -> impl Iterator<Item = Entry> {
        let boot = self.boot_id.iter().map(|boot_id| Entry::Keeper {
            pid: 0,
            boot_id: boot_id.clone(),
        });
        let sockets = self.sockets.iter();
        let sockets = sockets.map(|(service, socket, fd)| Entry::Socket {
            service: service.clone(),
            socket: socket.clone(),
            fd: *fd,
        });
        let sequence = self.acknowledged;
        [Entry::Ack { sequence }]
            .into_iter()
            .chain(self.searching.then_some(Entry::Searching))
            .chain(boot)
            .chain(sockets)
    }
}

/// Which entries of a text still matter.
struct Mattering<'a> {
    live: HashSet<&'a Key>,
    events: HashSet<u64>,
    acknowledged: u64,
}

impl<'a> Mattering<'a> {
    fn to(state: &'a State) -> Self {
        let events = state.runs.iter().flat_map(|run| &run.events);
        Self {
            live: state.runs.iter().map(|run| &run.starting.key).collect(),
            events: events.map(|event| event.sequence).collect(),
            acknowledged: state.acknowledged,
        }
    }

    fn contains(&self, entry: &Entry) -> bool {
        match entry {
            Entry::Keeper { .. }
            | Entry::Searching
            | Entry::Searched
            | Entry::Ack { .. }
            | Entry::Forget { .. }
            | Entry::Socket { .. }
            | Entry::Released { .. } => false,
            Entry::Starting(starting) => self.live.contains(&starting.key),
            Entry::Started { key, .. }
            | Entry::Reopened { key, .. }
            | Entry::Stopping { key, .. } => self.live.contains(key),
            Entry::Event { event } => {
                event.sequence > self.acknowledged || self.events.contains(&event.sequence)
            }
        }
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests;
