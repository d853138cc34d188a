//! A start as a chart: who waited for whom, and which chain of services to make faster.
//!
//! Everything here comes from the events that were told; nothing is asked, and nothing is read. So it is the same
//! with a supervisor, without one, and years later.

mod chain;
mod collect;
mod find;
mod row;
mod steady;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::time::Duration;

use gantry_api::{Event, OperationKind, ResultWord};
use jiff::Timestamp;

pub(crate) use chain::Link;
pub(crate) use find::NotFound;
pub(crate) use row::{Phase, PhaseKind, Row};

use collect::Collected;

/// Which start is wanted.
#[derive(Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// The services; none: all.
    pub(crate) services: &'a [String],
    /// The number of the operation; else the last one in which one of the services had to start.
    pub(crate) operation: Option<u64>,
    /// The time, if a supervisor is there: what has not ended goes on.
    pub(crate) now: Option<Timestamp>,
}

/// A start. All times in it are counted from its beginning.
#[derive(Debug, PartialEq)]
pub(crate) struct Timeline {
    /// The operation's number.
    pub(crate) operation: u64,
    /// What was asked for.
    pub(crate) kind: OperationKind,
    /// The same, with the services that were named: `start api`.
    pub(crate) asked: String,
    /// When it began.
    pub(crate) begun_at: Timestamp,
    /// How it ended.
    pub(crate) end: End,
    /// From its beginning to the last thing in the chart.
    pub(crate) length: Duration,
    /// The services, in the order in which they were started; those that were not come last.
    pub(crate) rows: Vec<Row>,
    /// Who made it take so long: the service that was ready last, then who released it, and so on.
    pub(crate) chain: Vec<Link>,
    /// Those of the services that were asked for which did not have to start.
    pub(crate) absent: Vec<String>,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With this result, after so long.
    Ended(ResultWord, Duration),
    /// It goes on, or what it has begun does.
    GoingOn,
    /// Nobody told its end: its supervisor was killed before.
    CutOff,
}

impl Timeline {
    /// The start that is wanted, if the events have it. They are in the order in which they were told.
    ///
    /// # Errors
    ///
    /// What is wanted is not in these events.
    pub(crate) fn of(events: &[Event], wanted: &Wanted<'_>) -> Result<Self, NotFound> {
        let (number, place) = find::begin(events, wanted)?;
        let begin = &events[place];
        let collected = Collected::of(number, events, place);
        let (told, replaced) = (collected.end, collected.replaced);
        let now = wanted.now.map(|now| collected.place(now));
        let mut rows = collected.rows();
        chain::release(&mut rows);
        let end = match (told, now) {
            // Nobody waits for what was begun, and it goes on all the same.
            (Some((ResultWord::Done, _)), Some(_)) if rows.iter().any(Row::is_open) => End::GoingOn,
            (Some((result, at)), _) => End::Ended(result, at),
            (None, Some(_)) if !replaced => End::GoingOn,
            (None, _) => End::CutOff,
        };
        let until = match (end, now) {
            (End::Ended(_, at), _) => at,
            (End::GoingOn, Some(now)) => now,
            _ => Duration::ZERO,
        };
        let last = rows.iter().map(Row::last).max().unwrap_or_default();
        // An operation ends a little after its last service, or when the time is over for one that has not got there.
        let length = if rows.iter().all(Row::settled) {
            last
        } else {
            last.max(until)
        };
        let chain = chain::of(&rows, wanted.services);
        let critical: HashSet<&str> = chain.iter().map(|link| &*link.service).collect();
        for row in &mut rows {
            row.critical = critical.contains(&*row.name);
            row.told.retain(|told| told.at <= length);
        }
        let asked_for = wanted.services;
        let is_there = |name: &&String| rows.iter().any(|row| row.name == **name);
        let absent: Vec<String> = asked_for
            .iter()
            .filter(|it| !is_there(it))
            .cloned()
            .collect();
        if !asked_for.is_empty() {
            rows.retain(|row| row.critical || asked_for.contains(&row.name));
        }
        Ok(Self {
            operation: number,
            kind: begin.operation_kind.unwrap_or(OperationKind::Up),
            asked: begin.message.clone(),
            begun_at: begin.at,
            end,
            length,
            rows,
            chain,
            absent,
        })
    }

    /// From the beginning of the operation to the end of the chain.
    pub(crate) fn critical(&self) -> Duration {
        let last = self.chain.first();
        last.map(|link| link.reached).unwrap_or_default()
    }

    /// What of that no service of the chain needed for itself: checks before the start, and the way from one to the
    /// next.
    pub(crate) fn between(&self) -> Duration {
        let own = self.chain.iter().map(Link::own).sum();
        self.critical().saturating_sub(own)
    }
}
