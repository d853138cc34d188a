//! An operation while it goes on: what has got there is told once, what has not is shown in place.

use std::time::Duration;

use gantry_api::{Event, EventKind, OperationKind, State};
use indexmap::IndexMap;
use jiff::Timestamp;

use super::state;
use crate::humane;
use crate::style::{Text, Tone, harmless};

/// How many services are shown in place.
const ROOM: usize = 12;

/// What is known of why a service falls is told when its stop has taken so long: most stops end sooner, and
/// their end tells the same.
const LINGERS: Duration = Duration::from_millis(400);

/// What is known of the services of an operation.
#[derive(Debug)]
pub(crate) struct Board {
    kind: OperationKind,
    rows: IndexMap<String, Row>,
    width: usize,
    turn: usize,
}

#[derive(Debug, Default)]
struct Row {
    state: Option<State>,
    message: String,
    /// When it began to start or stop.
    begun: Option<Timestamp>,
    /// Whether it has got where the operation wants it.
    done: bool,
    /// Whether it is being stopped for something that went wrong, which was not told yet.
    falls: bool,
}

impl Board {
    /// For the services that an operation is about; others are added when something happens to them.
    pub(crate) fn new(kind: OperationKind, services: &[String]) -> Self {
        let width = services.iter().map(String::len).max().unwrap_or(0);
        let rows = services.iter().map(|name| (name.clone(), Row::default()));
        Self {
            kind,
            rows: rows.collect(),
            width,
            turn: 0,
        }
    }

    /// The services that have got there.
    pub(crate) fn reached(&self) -> Vec<String> {
        let reached = self.rows.iter().filter(|(_, row)| {
            let state = row.state.unwrap_or_default();
            row.done && !matches!(state, State::Failed | State::Blocked)
        });
        reached.map(|(name, _)| name.clone()).collect()
    }

    /// Take note of an event. Returns the line to be told for good, if there is one.
    pub(crate) fn event(&mut self, event: &Event) -> Option<Text> {
        let name = event.service.as_deref()?;
        if event.kind == EventKind::Note {
            // Which one matters where there are several.
            let which = event.instance.as_deref().filter(|it| !it.ends_with(".1"));
            let name = which.unwrap_or(name);
            let mark = Text::of(Tone::Warn, "! ").join(Text::from(name).padded(self.width));
            return Some(mark.plain("  ").plain(harmless(&event.message)));
        }
        let to = event.to?;
        if event.kind != EventKind::Transition {
            return None;
        }
        self.width = self.width.max(name.len());
        let row = self.rows.entry(name.to_owned()).or_default();
        let again = row.state == Some(to);
        row.message = harmless(&event.message);
        let has_why = if again {
            row.falls
        } else {
            event.failure.is_some()
        };
        row.falls = to == State::Stopping && has_why;
        if matches!(to, State::Starting | State::Stopping) && !again {
            row.begun = Some(event.at);
        }
        row.state = Some(to);
        if again {
            return None;
        }
        let took = row.begun.map(|begun| {
            let took = Duration::try_from(event.at.duration_since(begun)).unwrap_or_default();
            format!(" in {}", humane::wait(took))
        });
        let took = took.unwrap_or_default();
        let stops = matches!(self.kind, OperationKind::Down | OperationKind::Stop);
        let (mark, tone, words) = match to {
            // A job runs and is never ready, and neither is what has not been yet.
            State::Running if stops || event.ready == Some(false) => return None,
            State::Running => ("✓", Tone::Good, format!("ready{took}")),
            State::Completed => ("✓", Tone::Good, format!("completed{took}")),
            // What did not run did not stop either.
            State::Stopped if row.begun.is_none() => {
                row.done = true;
                return None;
            }
            State::Stopped => ("–", Tone::Dim, format!("stopped{took}")),
            State::Failed => ("✗", Tone::Bad, "failed".to_owned()),
            State::Blocked => ("✗", Tone::Warn, "blocked".to_owned()),
            State::Backoff => ("↻", Tone::Warn, "will be started again".to_owned()),
            _ => {
                row.done = false;
                return None;
            }
        };
        row.done =
            to != State::Backoff && !(to == State::Stopped && self.kind == OperationKind::Restart);
        let mut line = Text::of(tone, format!("{mark} "))
            .join(Text::from(name).padded(self.width))
            .plain("  ")
            .and(tone, words);
        let telling = matches!(to, State::Failed | State::Blocked | State::Backoff);
        if telling && !row.message.is_empty() {
            line = line.plain(": ").plain(row.message.clone());
        }
        Some(line)
    }

    /// Why services fall whose stop takes a while, each once: for where nothing can be shown in place.
    pub(crate) fn fallen(&mut self, now: Timestamp) -> Vec<Text> {
        let width = self.width;
        let lingers = |row: &Row| {
            let since = row.begun.map(|begun| now.duration_since(begun));
            let took = since.and_then(|took| Duration::try_from(took).ok());
            row.falls && !row.message.is_empty() && took.is_some_and(|took| took >= LINGERS)
        };
        let fallen = self.rows.iter_mut().filter(|(_, row)| lingers(row));
        let lines = fallen.map(|(name, row)| {
            row.falls = false;
            Text::of(Tone::Bad, "✗ ")
                .join(Text::from(name.as_str()).padded(width))
                .plain("  ")
                .and(Tone::Bad, "is being stopped")
                .plain(format!(": {}", row.message))
        });
        lines.collect()
    }

    /// What has not got there yet, in place. Each call turns the wheel by one.
    pub(crate) fn live(&mut self) -> Vec<Text> {
        const WHEEL: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
        self.turn += 1;
        let wheel = WHEEL[self.turn % WHEEL.len()];
        let open: Vec<_> = self.rows.iter().filter(|(_, row)| !row.done).collect();
        // What moves is of more interest than what waits for it.
        let (moving, waiting): (Vec<_>, Vec<_>) = open
            .iter()
            .partition(|(_, row)| row.state.is_some_and(|state| state != State::Waiting));
        let shown = moving.into_iter().chain(waiting).take(ROOM);
        let mut lines: Vec<Text> = shown
            .map(|(name, row)| self.row(wheel, name, row))
            .collect();
        if open.len() > ROOM {
            let more = open.len() - ROOM;
            lines.push(Text::of(Tone::Dim, format!("  and {more} more")));
        }
        lines
    }

    /// The same in one line, for where nothing can be shown in place.
    pub(crate) fn waiting(&self) -> Option<String> {
        let open = self.rows.iter().filter(|(_, row)| !row.done);
        let words: Vec<String> = open
            .map(|(name, row)| {
                let state = row.state.unwrap_or(State::Waiting);
                match row.message.as_str() {
                    "" => format!("{name} ({state})"),
                    message => format!("{name} ({state}: {message})"),
                }
            })
            .collect();
        (!words.is_empty()).then(|| format!("still waiting for {}", humane::list(&words)))
    }

    fn row(&self, wheel: &str, name: &str, row: &Row) -> Text {
        let of = row.state.unwrap_or(State::Waiting);
        let moving = of != State::Waiting;
        let (mark, tone) = if moving {
            (wheel, state::tone(of))
        } else {
            ("·", Tone::Dim)
        };
        let took = row.begun.filter(|_| moving).map(|begun| {
            let took = Timestamp::now().duration_since(begun);
            humane::wait(Duration::try_from(took).unwrap_or_default())
        });
        Text::of(tone, format!("{mark} "))
            .join(Text::from(name).padded(self.width))
            .plain("  ")
            .join(Text::of(tone, of.as_str()).padded(8))
            .plain("  ")
            .join(Text::of(Tone::Dim, took.unwrap_or_default()).padded(6))
            .plain("  ")
            .and(Tone::Dim, row.message.clone())
    }
}
