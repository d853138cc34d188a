//! One service of a start.

use std::time::Duration;

use gantry_api::{Awaited, Event, State};
use serde::Serialize;

/// What happened to one service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// Its name.
    pub(crate) name: String,
    /// What it was at, one after the other, without gaps.
    pub(crate) phases: Vec<Phase>,
    /// What it waited for before it was started, all of it.
    pub(crate) waited_for: Vec<Awaited>,
    /// Which of them came last, if that is known.
    pub(crate) released_by: Option<String>,
    /// When it was started for the first time; zero if that was before.
    pub(crate) started: Option<Duration>,
    /// When it last became ready, or completed; none if it is neither at the end.
    pub(crate) reached: Option<Duration>,
    /// When it ended and stayed so: failed, completed or stopped.
    pub(crate) ended: Option<Duration>,
    /// The last that was told of its state.
    pub(crate) state: State,
    /// The same of its readiness.
    pub(crate) ready: bool,
    /// The reason for that state, in one line; may be empty.
    pub(crate) message: String,
    /// How often it ended and was to be started again.
    pub(crate) restarts: u32,
    /// Whether it is in the critical chain.
    pub(crate) critical: bool,
    /// What its backend told of its parts, in the order of time.
    pub(crate) told: Vec<Told>,
    /// All that others may have waited for, in order.
    pub(super) marks: Vec<(Mark, Duration)>,
    /// Whether what follows belongs to something else.
    pub(super) closed: bool,
}

/// What a service was at for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Phase {
    /// What.
    pub(crate) kind: PhaseKind,
    /// From when.
    pub(crate) begin: Duration,
    /// Until when; none if it is at that still.
    pub(crate) end: Option<Duration>,
}

/// What a service may be at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PhaseKind {
    /// It waits for others.
    Waiting,
    /// What it waits for cannot come.
    Blocked,
    /// It starts, or works and is not ready.
    Starting,
    /// It is ready.
    Ready,
    /// It ended, and is to be started again.
    Backoff,
    /// It is being stopped.
    Stopping,
    /// Nothing of it runs.
    Over,
}

/// What a backend told of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// When.
    pub(crate) at: Duration,
    /// Of which part.
    pub(crate) child: String,
    /// What.
    pub(crate) text: String,
}

/// What others may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Started,
    Ready,
    Completed,
    Stopped,
}

impl Mark {
    /// That of a condition, by its word.
    pub(super) fn of(condition: &str) -> Self {
        match condition {
            "started" => Self::Started,
            "completed" => Self::Completed,
            "stopped" => Self::Stopped,
            _ => Self::Ready,
        }
    }
}

impl Row {
    /// One of which nothing is known yet but in which state it is at the beginning, and what it waits for if it waits.
    pub(super) fn begun_before(name: &str, state: State, awaited: &[Awaited]) -> Self {
        let mut row = Self {
            name: name.to_owned(),
            phases: Vec::new(),
            waited_for: Vec::new(),
            released_by: None,
            started: None,
            reached: None,
            ended: None,
            state: State::Stopped,
            ready: false,
            message: String::new(),
            restarts: 0,
            critical: false,
            told: Vec::new(),
            marks: Vec::new(),
            closed: false,
        };
        let kind = kind(state, false);
        match kind {
            PhaseKind::Waiting | PhaseKind::Blocked => row.waits(awaited),
            PhaseKind::Starting if state != State::Running => {
                row.started = Some(Duration::ZERO);
                row.marks.push((Mark::Started, Duration::ZERO));
            }
            PhaseKind::Backoff => {}
            // It was at rest, or ran.
            _ => return row,
        }
        row.phases.push(Phase {
            kind,
            begin: Duration::ZERO,
            end: None,
        });
        row
    }

    /// It went from one state to another.
    pub(super) fn take(&mut self, event: &Event, at: Duration) {
        let Some(to) = event.to else { return };
        let was_ready = self.ready;
        self.state = to;
        // Of a job that works it is said that it is not ready; older words say nothing of it.
        self.ready = to == State::Running && event.ready != Some(false);
        self.message.clone_from(&event.message);
        let kind = kind(to, self.ready);
        let is_new = self.phases.last().is_none_or(|phase| phase.kind != kind);
        if is_new {
            if let Some(before) = self.phases.last_mut() {
                before.end = Some(at);
            }
            self.phases.push(Phase {
                kind,
                begin: at,
                end: None,
            });
        }
        match kind {
            PhaseKind::Waiting | PhaseKind::Blocked if self.started.is_none() => {
                self.waits(&event.waits_for);
            }
            PhaseKind::Starting if is_new => {
                self.started.get_or_insert(at);
                self.marks.push((Mark::Started, at));
            }
            PhaseKind::Backoff if is_new => self.restarts += 1,
            PhaseKind::Over if to == State::Completed => self.marks.push((Mark::Completed, at)),
            PhaseKind::Over => self.marks.push((Mark::Stopped, at)),
            _ => {}
        }
        if self.ready && !was_ready {
            // One that was never seen to start was started and ready at once.
            self.started.get_or_insert(at);
            self.marks.push((Mark::Ready, at));
        }
        let last = |mark| self.marks.iter().rev().find(|(it, _)| *it == mark);
        let last = |mark| last(mark).map(|(_, at)| *at);
        self.reached = match to {
            State::Completed => Some(at),
            _ if self.ready => last(Mark::Ready),
            _ => None,
        };
        self.ended = (kind == PhaseKind::Over).then_some(at);
    }

    fn waits(&mut self, awaited: &[Awaited]) {
        if self.waited_for.is_empty() {
            return self.waited_for.extend_from_slice(awaited);
        }
        for one in awaited {
            if !self.waited_for.contains(one) {
                self.waited_for.push(one.clone());
            }
        }
    }

    /// Whether it has got somewhere.
    pub(super) fn settled(&self) -> bool {
        self.ready
            || matches!(
                self.state,
                State::Completed | State::Failed | State::Stopped | State::Blocked
            )
    }

    /// Whether it may still get somewhere, and nobody has asked for anything else.
    pub(super) fn is_open(&self) -> bool {
        !self.closed && !self.settled()
    }

    /// How long it waited before it was started, or waits; up to `now` if it does.
    pub(crate) fn waited(&self, now: Duration) -> Duration {
        let limit = self.started.unwrap_or(now);
        let waits = self.phases.iter().filter(|phase| {
            matches!(phase.kind, PhaseKind::Waiting | PhaseKind::Blocked) && phase.begin <= limit
        });
        let lengths = waits.map(|phase| {
            let end = phase.end.unwrap_or(now).min(limit);
            end.saturating_sub(phase.begin)
        });
        lengths.sum()
    }

    /// How long it took from its start until it was ready, or completed, or failed; none if it has not got there.
    pub(crate) fn own(&self) -> Option<Duration> {
        let end = self.reached.or(self.ended)?;
        Some(end.saturating_sub(self.started?))
    }

    /// The last instant of which anything is known.
    pub(super) fn last(&self) -> Duration {
        let last = self.phases.last();
        last.map(|phase| phase.end.unwrap_or(phase.begin))
            .unwrap_or_default()
    }

    /// In one word where it has got to: `ready`, or its state.
    pub(crate) fn outcome(&self) -> &'static str {
        if self.ready {
            "ready"
        } else {
            self.state.as_str()
        }
    }
}

fn kind(state: State, ready: bool) -> PhaseKind {
    match state {
        State::Waiting => PhaseKind::Waiting,
        State::Blocked => PhaseKind::Blocked,
        State::Running if ready => PhaseKind::Ready,
        State::Starting | State::Running | State::Updating | State::Degraded | State::Unknown => {
            PhaseKind::Starting
        }
        State::Backoff => PhaseKind::Backoff,
        State::Stopping => PhaseKind::Stopping,
        State::Stopped | State::Failed | State::Completed => PhaseKind::Over,
    }
}
