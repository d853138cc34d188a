//! What happened, numbered, for those who listen and for those who come later.
//!
//! Every event gets the next number, goes to the listeners, stays in a ring in memory, and is
//! appended to the stack's `events.log`, one JSON object a line. The numbers go on over restarts of
//! the supervisor, so that a client that was cut off can ask for what it missed.

mod file;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use camino::Utf8Path;
use gantry_api::Event;
use jiff::Timestamp;
use tokio::sync::broadcast;

use file::EventFile;

/// How many events are kept in memory.
const RING: usize = 10_000;

/// How many events a listener may lie behind before it must ask again.
const LAG: usize = 4_096;

/// The events of one stack.
#[derive(Debug)]
pub struct EventLog {
    file: Option<EventFile>,
    ring: VecDeque<Event>,
    next: u64,
    listeners: broadcast::Sender<Event>,
}

impl EventLog {
    /// Go on with the events at `path`. A file that cannot be opened or written is reported once and
    /// then done without: what keeps services must not die of its diary.
    pub fn open(path: &Utf8Path) -> Self {
        let (file, ring) = match EventFile::open(path, RING) {
            Ok((file, kept)) => (Some(file), kept),
            Err(error) => {
                tracing::warn!(%path, %error, "failed to open the event log");
                (None, VecDeque::new())
            }
        };
        Self::with(file, ring)
    }

    /// Events in memory only.
    pub fn in_memory() -> Self {
        Self::with(None, VecDeque::new())
    }

    fn with(file: Option<EventFile>, ring: VecDeque<Event>) -> Self {
        let next = ring.back().map_or(1, |last| last.sequence + 1);
        Self {
            file,
            ring,
            next,
            listeners: broadcast::Sender::new(LAG),
        }
    }

    /// Number this event and tell it to everyone. Returns its number. Call [`EventLog::flush`] once
    /// after a batch.
    pub fn append(&mut self, mut event: Event) -> u64 {
        let sequence = self.next;
        self.next += 1;
        event.sequence = sequence;
        if let Some(file) = &mut self.file {
            file.push(&event);
        }
        if self.ring.len() == RING {
            self.ring.pop_front();
        }
        // Nobody may be listening; that is no error.
        let _ = self.listeners.send(event.clone());
        self.ring.push_back(event);
        sequence
    }

    /// Bring what was appended to the file.
    pub fn flush(&mut self) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = file.flush() {
            tracing::warn!(%error, "failed to write the event log; events stay in memory only");
            self.file = None;
        }
    }

    /// Those that are kept and have a number above `since`, at most the last `tail`, and all that
    /// come after them: no event is missing between the two, and none is in both.
    pub fn listen(
        &self,
        since: Option<u64>,
        tail: Option<usize>,
    ) -> (Vec<Event>, broadcast::Receiver<Event>) {
        let since = since.unwrap_or(0);
        let first = self.ring.partition_point(|event| event.sequence <= since);
        let first = first.max(self.ring.len().saturating_sub(tail.unwrap_or(usize::MAX)));
        let kept = self.ring.iter().skip(first).cloned().collect();
        (kept, self.listeners.subscribe())
    }

    /// The number of the last event; 0 before the first.
    pub fn last(&self) -> u64 {
        self.next - 1
    }

    /// The last so many that `is` accepts, oldest first.
    pub fn last_of(&self, count: usize, is: impl Fn(&Event) -> bool) -> Vec<Event> {
        let found = self.ring.iter().rev().filter(|event| is(event));
        let mut found: Vec<_> = found.take(count).cloned().collect();
        found.reverse();
        found
    }

    /// When the last event that `is` accepts happened.
    pub fn last_where(&self, is: impl Fn(&Event) -> bool) -> Option<Timestamp> {
        let found = self.ring.iter().rev().find(|event| is(event));
        found.map(|event| event.at)
    }
}
