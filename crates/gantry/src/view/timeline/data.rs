//! A start for programs. Times are whole milliseconds from its beginning.

use std::time::Duration;

use gantry_api::{Awaited, ResultWord, State};
use jiff::Timestamp;
use serde::Serialize;

use super::Data;
use crate::timeline::{End, Link, Phase, PhaseKind, Row, Timeline};

#[derive(Serialize)]
struct Chart<'a> {
    operation: u64,
    kind: &'static str,
    begun_at: Timestamp,
    /// How it ended; none if it goes on, or nobody told.
    result: Option<ResultWord>,
    /// When it ended.
    ended_ms: Option<u64>,
    going_on: bool,
    /// How much time the whole chart covers.
    length_ms: u64,
    services: Vec<Service<'a>>,
    /// Services that were named and did not have to start.
    did_not_start: &'a [String],
    /// From the service that was ready last to the one that waited for nothing.
    critical_chain: Vec<ChainLink<'a>>,
    /// When the first of them was ready.
    critical_ms: u64,
}

#[derive(Serialize)]
struct Service<'a> {
    name: &'a str,
    /// `ready`, or the state in which it is.
    outcome: &'a str,
    state: State,
    message: &'a str,
    critical: bool,
    waited_for: &'a [Awaited],
    /// Which of them came last.
    released_by: Option<&'a str>,
    waited_ms: u64,
    waiting_since_ms: Option<u64>,
    started_ms: Option<u64>,
    /// When it was ready, or completed.
    ready_ms: Option<u64>,
    /// When it failed, completed or stopped.
    ended_ms: Option<u64>,
    /// From its start until it got there.
    own_ms: Option<u64>,
    restarts: u32,
    phases: Vec<Span>,
    /// What its backend told of its parts.
    events: Vec<Happened<'a>>,
}

#[derive(Serialize)]
struct Span {
    phase: PhaseKind,
    begin_ms: u64,
    /// None if it is at that still.
    end_ms: Option<u64>,
}

#[derive(Serialize)]
struct Happened<'a> {
    at_ms: u64,
    child: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct ChainLink<'a> {
    service: &'a str,
    started_ms: u64,
    /// When it was what the one before it waited for.
    reached_ms: u64,
    /// What that is.
    condition: &'a str,
    own_ms: u64,
}

pub(super) fn of(timeline: &Timeline) -> Data {
    let (result, ended) = match timeline.end {
        End::Ended(result, at) => (Some(result), Some(ms(at))),
        End::GoingOn | End::CutOff => (None, None),
    };
    Data::of(&Chart {
        operation: timeline.operation,
        kind: timeline.kind.as_str(),
        begun_at: timeline.begun_at,
        result,
        ended_ms: ended,
        going_on: timeline.end == End::GoingOn,
        length_ms: ms(timeline.length),
        services: timeline
            .rows
            .iter()
            .map(|row| service(row, timeline.length))
            .collect(),
        did_not_start: &timeline.absent,
        critical_chain: timeline.chain.iter().map(link).collect(),
        critical_ms: ms(timeline.critical()),
    })
}

fn service(row: &Row, length: Duration) -> Service<'_> {
    let waits = |phase: &&Phase| matches!(phase.kind, PhaseKind::Waiting | PhaseKind::Blocked);
    Service {
        name: &row.name,
        outcome: row.outcome(),
        state: row.state,
        message: &row.message,
        critical: row.critical,
        waited_for: &row.waited_for,
        released_by: row.released_by.as_deref(),
        waited_ms: ms(row.waited(length)),
        waiting_since_ms: row.phases.iter().find(waits).map(|phase| ms(phase.begin)),
        started_ms: row.started.map(ms),
        ready_ms: row.reached.map(ms),
        ended_ms: row.ended.map(ms),
        own_ms: row.own().map(ms),
        restarts: row.restarts,
        phases: row.phases.iter().map(span).collect(),
        events: row
            .told
            .iter()
            .map(|told| Happened {
                at_ms: ms(told.at),
                child: &told.child,
                message: &told.text,
            })
            .collect(),
    }
}

fn span(phase: &Phase) -> Span {
    Span {
        phase: phase.kind,
        begin_ms: ms(phase.begin),
        end_ms: phase.end.map(ms),
    }
}

fn link(link: &Link) -> ChainLink<'_> {
    ChainLink {
        service: &link.service,
        started_ms: ms(link.started),
        reached_ms: ms(link.reached),
        condition: &link.condition,
        own_ms: ms(link.own()),
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
