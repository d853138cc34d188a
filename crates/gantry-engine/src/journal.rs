//! Which start of an instance was made from which specification, its driver's handle, and how its
//! restarts stood.
//!
//! A line is appended before each start, so that the next supervisor knows what an instance that it
//! finds was started from; and one when an instance is given up, so that it is not tried again. The
//! counts are those from before the start: the end of what runs now is counted by whoever sees it. Written to survive this process, not a loss of power: no instance does.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_core::{Failure, Generation, Hook, InstanceId, Memory, Millis, Revision};
use gantry_driver::Handle;
use gantry_log::with_rights;
use serde::{Deserialize, Serialize};

use crate::files::{self, Durability};

/// What is known of the last start of one instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) instance: InstanceId,
    pub(crate) generation: Generation,
    pub(crate) revision: Revision,
    /// How often it was started again by then after it ended by itself.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) restarts: u32,
    /// Bad ends since it was last stable.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) attempts: u32,
    /// When it was started again, as far as that counts for the ceiling: milliseconds of Unix time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) recent: Vec<Millis>,
    /// Why it was given up after this start. The next start is one that somebody asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gave_up: Option<Box<Failure>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) handle: Option<Handle>,
    /// The hooks of it that have ended well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hooks: Vec<Hook>,
    /// Its probes that passed once for all, from 1: what they waited for may be gone from the log since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) passed: Vec<usize>,
}

impl Start {
    /// A start by the policy that this memory is the state of. What had failed before is tried again.
    pub(crate) fn new(
        instance: InstanceId,
        generation: Generation,
        revision: Revision,
        restarts: u32,
        memory: Memory,
    ) -> Self {
        Self {
            instance,
            generation,
            revision,
            restarts,
            attempts: memory.attempts,
            recent: memory.recent,
            gave_up: None,
            handle: None,
            hooks: Vec::new(),
            passed: Vec::new(),
        }
    }

    /// What the next supervisor's world is to know.
    pub(crate) fn memory(&self) -> Memory {
        Memory {
            attempts: self.attempts,
            recent: self.recent.clone(),
            failed: self.gave_up.clone(),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The starts of a stack.
#[derive(Debug)]
pub(crate) struct Journal {
    path: Utf8PathBuf,
    file: Option<File>,
    last: HashMap<InstanceId, Box<Start>>,
    pending: Vec<u8>,
    /// Lines in the file; many more than instances, and it is written anew.
    lines: usize,
}

impl Journal {
    /// Read what there is. If some of it could not be read, the file is set aside, and the message says
    /// so: what is known goes into a new one.
    pub(crate) fn open(path: &Utf8Path) -> (Self, Option<String>) {
        let mut last = HashMap::new();
        let mut lines = 0;
        let mut bad = 0;
        let read = match with_rights(path, || std::fs::read(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        };
        let mut rest = read
            .iter()
            .flat_map(|bytes| bytes.split(|byte| *byte == b'\n'))
            .peekable();
        while let Some(line) = rest.next() {
            if let Ok(start) = serde_json::from_slice::<Start>(line) {
                lines += 1;
                last.insert(start.instance.clone(), Box::new(start));
            } else {
                // What is behind the last newline may be torn, and nothing else.
                bad += usize::from(rest.peek().is_some());
            }
        }
        let why = match &read {
            Err(error) => Some(error.to_string()),
            Ok(_) => (bad > 0).then(|| format!("{bad} lines of it mean nothing")),
        };
        let message = why.map(|why| match files::set_aside(path) {
            Ok(aside) => {
                format!("what was started could not be read in full, and was set aside as {aside}: {why}")
            }
            Err(error) => format!("failed to read {path}: {why}; failed to set it aside: {error}"),
        });
        let mut journal = Self {
            path: path.to_owned(),
            file: None,
            last,
            pending: Vec::new(),
            lines,
        };
        journal.compact();
        (journal, message)
    }

    pub(crate) fn get(&self, instance: &InstanceId) -> Option<&Start> {
        self.last.get(instance).map(AsRef::as_ref)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Start> {
        self.last.values().map(AsRef::as_ref)
    }

    pub(crate) fn handles(&self) -> BTreeMap<InstanceId, Handle> {
        let handle = |start: &Start| Some((start.instance.clone(), start.handle.clone()?));
        self.all().filter_map(handle).collect()
    }

    pub(crate) fn note(&mut self, mut start: Start) {
        // A start that is noted again has the hooks that it had.
        if start.hooks.is_empty() {
            start.hooks = self.hooks(&start.instance, start.generation);
        }
        serde_json::to_writer(&mut self.pending, &start).expect("a start is JSON");
        self.pending.push(b'\n');
        self.lines += 1;
        self.last.insert(start.instance.clone(), Box::new(start));
    }

    pub(crate) fn note_handle(&mut self, instance: &InstanceId, at: Generation, handle: Handle) {
        let Some(start) = self.last.get(instance) else {
            return;
        };
        if start.generation == at && start.handle.as_ref() != Some(&handle) {
            let mut start = Start::clone(start);
            start.handle = Some(handle);
            self.note(start);
        }
    }

    /// It failed for good: the next supervisor must not try it again.
    pub(crate) fn note_gave_up(&mut self, instance: &InstanceId, failure: &Failure) {
        let Some(start) = self.last.get(instance) else {
            return;
        };
        if start.gave_up.is_none() {
            let mut start = Start::clone(start);
            start.gave_up = Some(Box::new(failure.clone()));
            self.note(start);
        }
    }

    /// A hook of that start has ended well.
    pub(crate) fn note_hook(&mut self, instance: &InstanceId, at: Generation, hook: Hook) {
        let start = self.last.get(instance);
        if let Some(start) = start.filter(|start| start.generation == at) {
            let mut start = Start::clone(start);
            start.hooks.push(hook);
            self.note(start);
        }
    }

    /// A probe of this start has passed once for all.
    pub(crate) fn note_passed(&mut self, instance: &InstanceId, at: Generation, probe: usize) {
        let known = self
            .last
            .get(instance)
            .filter(|start| start.generation == at);
        if let Some(start) = known.filter(|start| !start.passed.contains(&probe)) {
            let mut start = Start::clone(start);
            start.passed.push(probe);
            self.note(start);
        }
    }

    /// The hooks of that start that have ended well.
    fn hooks(&self, instance: &InstanceId, at: Generation) -> Vec<Hook> {
        let start = self.last.get(instance);
        let start = start.filter(|start| start.generation == at);
        start.map(|start| start.hooks.clone()).unwrap_or_default()
    }

    /// Bring together in memory what is kept of instances.
    pub(crate) fn gather(&mut self) {
        for start in self.last.values_mut() {
            let mut copy = start.clone();
            if let Some(handle) = &mut copy.handle {
                handle.payload = handle.payload.apart();
            }
            *start = copy;
        }
    }

    pub(crate) fn forget(&mut self, which: impl Fn(&InstanceId) -> bool) {
        let before = self.last.len();
        self.last.retain(|instance, _| !which(instance));
        if self.last.len() != before {
            self.pending.clear();
            self.compact();
        }
    }

    /// Bring what was noted to the file.
    pub(crate) fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        if self.lines > 1000 + 4 * self.last.len() {
            self.compact();
            return;
        }
        let written = self.append();
        if let Err(error) = written {
            tracing::warn!(path = %self.path, %error, "failed to note what was started");
        }
        self.pending.clear();
    }

    fn append(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(
                OpenOptions::new()
                    .append(true)
                    .create(true)
                    .mode(0o600)
                    .open(&self.path)?,
            ),
        };
        file.write_all(&self.pending)
    }

    /// Write the file anew, with one line an instance.
    fn compact(&mut self) {
        let mut text = Vec::new();
        let mut starts: Vec<_> = self.last.values().collect();
        starts.sort_unstable_by_key(|start| &start.instance);
        for start in starts {
            serde_json::to_writer(&mut text, start).expect("a start is JSON");
            text.push(b'\n');
        }
        self.file = None;
        self.lines = self.last.len();
        self.pending.clear();
        if let Err(error) = files::write_whole(&self.path, &text, Durability::Process) {
            tracing::warn!(%error, "failed to note what was started");
        }
    }
}
