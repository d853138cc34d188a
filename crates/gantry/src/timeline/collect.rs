//! What happened in one operation, service by service.

use std::collections::HashSet;
use std::time::Duration;

use gantry_api::{Event, EventKind, ResultWord};
use indexmap::IndexMap;
use jiff::Timestamp;

use super::row::{Row, Told};
use super::steady::Steady;

/// What happened from the beginning of an operation.
///
/// A service is followed until it has got somewhere: to the end of the operation, and beyond it if the operation did
/// not wait, or not for long enough, and nobody has asked for anything else since.
pub(super) struct Collected<'a> {
    /// Its end, if that was told.
    pub(super) end: Option<(ResultWord, Duration)>,
    /// Whether another supervisor began before it.
    pub(super) replaced: bool,
    number: u64,
    steady: Steady,
    /// All that something happened to meanwhile, in the order in which it did.
    rows: IndexMap<&'a str, Row>,
    /// Who was asked for by this operation.
    own: HashSet<&'a str>,
}

impl<'a> Collected<'a> {
    pub(super) fn of(number: u64, begun_at: Timestamp, events: &'a [Event]) -> Self {
        let mut collected = Self {
            end: None,
            replaced: false,
            number,
            steady: Steady::new(begun_at),
            rows: IndexMap::new(),
            own: HashSet::new(),
        };
        for event in events {
            collected.take(event);
        }
        collected
    }

    /// A time, counted from the beginning.
    pub(super) fn place(&self, at: Timestamp) -> Duration {
        self.steady.place(at)
    }

    fn take(&mut self, event: &'a Event) {
        if event.kind == EventKind::Backend {
            return self.happened(event);
        }
        let at = self.steady.next(event.at);
        let is_own = event.operation == Some(self.number);
        match event.kind {
            EventKind::OperationEnded if is_own => {
                self.end = event.result.map(|result| (result, at));
            }
            EventKind::SupervisorBegun => self.replaced |= self.end.is_none(),
            EventKind::Transition => self.transition(event, at, is_own),
            _ => {}
        }
    }

    fn transition(&mut self, event: &'a Event, at: Duration, is_own: bool) {
        let Some(service) = event.service.as_deref() else {
            return;
        };
        let is_over = self.end.is_some() || self.replaced;
        let is_later = event.operation.is_some_and(|it| it > self.number);
        let known = self.rows.get_mut(service);
        let is_done = match &known {
            Some(row) => row.closed || row.settled(),
            None => !is_own,
        };
        if is_over && (is_done || is_later) {
            if let Some(row) = known {
                row.closed = true;
            }
            return;
        }
        if is_own {
            self.own.insert(service);
        }
        let row = self.rows.entry(service);
        row.or_insert_with(|| Row::new(service)).take(event, at);
    }

    fn happened(&mut self, event: &'a Event) {
        let row = event
            .service
            .as_deref()
            .and_then(|it| self.rows.get_mut(it));
        if let Some(row) = row.filter(|row| !row.closed) {
            row.told.push(Told {
                at: self.steady.place(event.at),
                child: event.child.clone().unwrap_or_default(),
                text: event.message.clone(),
            });
        }
    }

    /// Those that the operation was about, and those that they waited for, in the order of their starts.
    pub(super) fn rows(self) -> Vec<Row> {
        let mut wanted: HashSet<&str> = HashSet::new();
        let mut open: Vec<&str> = self.own.into_iter().collect();
        while let Some(name) = open.pop() {
            let Some(row) = self.rows.get(name) else {
                continue;
            };
            if wanted.insert(&row.name) {
                open.extend(row.waited_for.iter().map(|awaited| &*awaited.service));
            }
        }
        let wanted: HashSet<String> = wanted.into_iter().map(str::to_owned).collect();
        let rows = self.rows.into_values();
        let mut rows: Vec<Row> = rows.filter(|row| wanted.contains(&row.name)).collect();
        for row in &mut rows {
            row.told.sort_by_key(|told| told.at);
        }
        // Those that began at once stay in the order in which that was told.
        rows.sort_by_key(|row| (row.started.is_none(), row.started));
        rows
    }
}
