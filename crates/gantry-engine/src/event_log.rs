//! What happened, numbered, for those who listen and for those who come later.
//!
//! Every event gets the next number, goes to the listeners, stays in a ring in memory, and is
//! appended to the stack's `events.log`, one JSON object a line. The numbers go on over restarts of
//! the supervisor, so that a client that was cut off can ask for what it missed. What is not in the ring any
//! more is read from the file: few ask for it, and all of it in memory was a fifth of what a supervisor of a
//! thousand services needs.

mod file;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use camino::Utf8Path;
use gantry_api::Event;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::broadcast;

use file::EventFile;

/// How many of the last events can be asked for.
const KEPT: usize = 10_000;

/// How many of them are in memory too, as long as there is a file that has the others.
const RING: usize = 1_000;

/// How many events a listener may lie behind before it must ask again.
const LAG: usize = 4_096;

/// An event as it is kept, told and written: its JSON on a line, a third of the size of the value.
#[derive(Debug, Clone)]
pub struct EventLine {
    /// Its number.
    pub sequence: u64,
    /// The JSON, with the newline.
    pub text: Arc<[u8]>,
}

impl EventLine {
    fn new(event: &Event) -> Self {
        let mut text = serde_json::to_vec(event).expect("an event is JSON");
        text.push(b'\n');
        Self {
            sequence: event.sequence,
            text: text.into(),
        }
    }

    /// A line that somebody wrote; nothing if it is torn.
    fn read(line: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Number {
            sequence: u64,
        }
        let Number { sequence } = serde_json::from_slice(line).ok()?;
        let text = [line, b"\n"].concat().into();
        Some(Self { sequence, text })
    }

    /// The event, unless another release wrote it in words that mean nothing here.
    pub fn event(&self) -> Option<Event> {
        serde_json::from_slice(&self.text).ok()
    }

    /// Which service it is about, without the cost of the rest.
    fn service(&self) -> Option<Cow<'_, str>> {
        #[derive(Deserialize)]
        struct About<'a> {
            #[serde(borrow, default)]
            service: Option<Cow<'a, str>>,
        }
        let about = serde_json::from_slice::<About<'_>>(&self.text);
        about.ok().and_then(|about| about.service)
    }
}

/// The events of one stack.
#[derive(Debug)]
pub struct EventLog {
    file: Option<EventFile>,
    ring: VecDeque<EventLine>,
    next: u64,
    listeners: broadcast::Sender<EventLine>,
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

    fn with(file: Option<EventFile>, ring: VecDeque<EventLine>) -> Self {
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
        let line = EventLine::new(&event);
        if let Some(file) = &mut self.file {
            file.push(&line);
        }
        let room = if self.file.is_some() { RING } else { KEPT };
        while self.ring.len() >= room {
            self.ring.pop_front();
        }
        // Nobody may be listening; that is no error.
        let _ = self.listeners.send(line.clone());
        self.ring.push_back(line);
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
        &mut self,
        since: Option<u64>,
        tail: Option<usize>,
    ) -> (Vec<EventLine>, broadcast::Receiver<EventLine>) {
        let since = since.unwrap_or(0);
        let missed = usize::try_from(self.last().saturating_sub(since)).unwrap_or(usize::MAX);
        let mut kept = self.newest(missed.min(tail.unwrap_or(usize::MAX)));
        kept.retain(|event| event.sequence > since);
        (kept, self.listeners.subscribe())
    }

    /// The last so many that are kept, oldest first.
    fn newest(&mut self, count: usize) -> Vec<EventLine> {
        let count = count.min(KEPT);
        let older = self.ring.front().is_some_and(|first| first.sequence > 1);
        if older && count > self.ring.len() {
            self.flush();
            let read = self.file.as_ref().map(|file| file.last(count));
            match read {
                // Somebody may have taken the file away.
                Some(Ok(lines)) if lines.len() >= self.ring.len() => return lines.into(),
                Some(Err(error)) => tracing::warn!(%error, "failed to read the event log"),
                _ => {}
            }
        }
        let first = self.ring.len().saturating_sub(count);
        self.ring.iter().skip(first).cloned().collect()
    }

    /// The number of the last event; 0 before the first.
    pub fn last(&self) -> u64 {
        self.next - 1
    }

    /// What is in memory: enough to say of something that just happened what came before.
    pub fn recent(&self) -> History {
        History(self.ring.iter().cloned().collect())
    }

    /// All that is kept, for the price of reading a file.
    pub fn history(&mut self) -> History {
        History(self.newest(KEPT))
    }
}

/// Events of the past.
#[derive(Debug)]
pub struct History(Vec<EventLine>);

impl History {
    /// The last so many about services that `is` accepts, oldest first.
    pub fn last_about(&self, count: usize, is: impl Fn(&str) -> bool) -> Vec<Event> {
        let mut found: Vec<_> = self.about(is).take(count).collect();
        found.reverse();
        found
    }

    /// When a service last went from one state to another.
    pub fn last_change(&self, service: &str) -> Option<Timestamp> {
        let mut events = self.about(|name| name == service);
        let change = events.find(|event| event.from != event.to);
        change.map(|event| event.at)
    }

    /// The newest first.
    fn about(&self, is: impl Fn(&str) -> bool) -> impl Iterator<Item = Event> {
        let lines = self.0.iter().rev();
        let found = lines.filter(move |line| line.service().is_some_and(|name| is(&name)));
        found.filter_map(EventLine::event)
    }
}
