//! What happened in one operation, service by service.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use gantry_api::{Awaited, Event, EventKind, ResultWord};
use indexmap::IndexMap;
use jiff::Timestamp;

use super::find::Belongs;
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
    belongs: Belongs<'a>,
    /// What each service waited for last, before the operation began.
    awaited: HashMap<&'a str, &'a [Awaited]>,
}

impl<'a> Collected<'a> {
    /// From all events, and the place of the one with which the operation began.
    pub(super) fn of(number: u64, events: &'a [Event], place: usize) -> Self {
        let waits = events[..place]
            .iter()
            .filter(|event| !event.waits_for.is_empty());
        let awaited =
            waits.filter_map(|event| Some((event.service.as_deref()?, &*event.waits_for)));
        let mut collected = Self {
            end: None,
            replaced: false,
            number,
            steady: Steady::new(events[place].at),
            rows: IndexMap::new(),
            own: HashSet::new(),
            belongs: Belongs::default(),
            awaited: awaited.collect(),
        };
        for event in &events[place + 1..] {
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
                self.belongs.take(event);
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
        let belongs = self.belongs.take(event);
        let is_later = event.operation.is_some_and(|it| it > self.number);
        let known = self.rows.get_mut(service);
        let is_done = match &known {
            Some(row) => row.closed || row.settled(),
            None => !(is_own && belongs),
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
        let awaited = &self.awaited;
        let row = self.rows.entry(service).or_insert_with(|| {
            let awaited = awaited.get(service).copied().unwrap_or_default();
            Row::begun_before(service, event.from.unwrap_or_default(), awaited)
        });
        row.take(event, at);
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
