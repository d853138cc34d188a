//! Who released whom, and the chain that decided how long it took.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use gantry_api::Awaited;

use super::row::{Mark, Row};

/// A service of the critical chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// Which.
    pub(crate) service: String,
    /// When it was started.
    pub(crate) started: Duration,
    /// When it was what the one before it in the chain waited for; of the first: when it was ready, or completed.
    pub(crate) reached: Duration,
    /// What that was: `ready`, `completed`, `started` or `stopped`.
    pub(crate) condition: String,
}

impl Link {
    /// How long it took by itself.
    pub(crate) fn own(&self) -> Duration {
        self.reached.saturating_sub(self.started)
    }
}

/// Notes in each row who released it.
pub(super) fn release(rows: &mut [Row]) {
    let by_name = by_name(rows);
    let released: Vec<Option<String>> = rows
        .iter()
        .map(|row| Some(releaser(row, &by_name)?.0.service.clone()))
        .collect();
    for (row, by) in rows.iter_mut().zip(released) {
        row.released_by = by;
    }
}

/// From the service that was ready last, of these or of all, back to one that waited for nothing.
pub(super) fn of(rows: &[Row], services: &[String]) -> Vec<Link> {
    let by_name = by_name(rows);
    let ends = rows.iter().filter(|row| row.started.is_some());
    let ends = ends.filter(|row| services.is_empty() || services.contains(&row.name));
    let Some(last) = ends
        .filter(|row| row.reached.is_some())
        .max_by_key(|row| row.reached)
    else {
        return Vec::new();
    };
    let condition = if last.ready { "ready" } else { "completed" };
    let mut next = last.reached.map(|at| (last, at, condition));
    let mut chain: Vec<Link> = Vec::new();
    let mut seen = HashSet::new();
    while let Some((row, reached, condition)) = next {
        if !seen.insert(&row.name) {
            break;
        }
        chain.push(Link {
            service: row.name.clone(),
            started: row.started.unwrap_or(reached).min(reached),
            reached,
            condition: condition.to_owned(),
        });
        next = releaser(row, &by_name).and_then(|(awaited, at)| {
            let row = by_name.get(&*awaited.service)?;
            Some((*row, at, &*awaited.condition))
        });
    }
    chain
}

fn by_name(rows: &[Row]) -> HashMap<&str, &Row> {
    rows.iter().map(|row| (&*row.name, row)).collect()
}

/// What a service waited for that came last, and when. What is told of no part has no time of its own: it came when the
/// service was started, if nothing else is known to have come last.
fn releaser<'a>(row: &'a Row, rows: &HashMap<&str, &Row>) -> Option<(&'a Awaited, Duration)> {
    let started = row.started?;
    let came = row.waited_for.iter().filter_map(|awaited| {
        let other = rows.get(&*awaited.service)?;
        if awaited.part.is_some() {
            return None;
        }
        let mark = Mark::of(&awaited.condition);
        let marks = other.marks.iter().rev();
        let mut marks = marks.filter(|(it, at)| *it == mark && *at <= started);
        marks.next().map(|(_, at)| (awaited, *at))
    });
    let came = came.max_by_key(|(_, at)| *at);
    came.or_else(|| {
        let mut parts = row.waited_for.iter();
        let part = parts.find(|awaited| awaited.part.is_some())?;
        Some((part, started))
    })
}
