//! Several instances' logs as one, in time order.
//!
//! The lines of one instance stay in the order in which they were written, whatever their times say.
//! Between instances, the one whose next line has the earliest time goes first, and of equal ones the
//! first source. So where a clock was set back, lines that were written later may stand before lines
//! that others wrote earlier; none is missing, and none is there twice.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use jiff::Timestamp;

use crate::folder::LogFolder;
use crate::query::Query;
use crate::reader::{BLOCK, Lines, Trouble};
use crate::record::Line;
use crate::snapshot::Snapshot;
use crate::tail::read_tail;

/// How many files are open at once.
const OPEN: usize = 128;

/// How many bytes are read ahead for all sources together.
const AHEAD: usize = 32 << 20;

/// A line, and which of the sources it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The index of the source.
    pub source: usize,
    /// The line.
    pub line: Line,
}

/// The lines of several folders, as they come.
#[derive(Debug)]
pub struct Merge {
    query: Query,
    sources: Vec<Lines>,
    heads: Vec<Option<Line>>,
    order: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Which sources have a file open, the longest open first.
    open: VecDeque<usize>,
    /// The last ones, if that is what is wanted.
    tail: Option<std::vec::IntoIter<Merged>>,
    troubles: Vec<Trouble>,
}

/// The lines of several folders that a query asks for, in time order. `tail` counts over all of them
/// together. However many folders there are, few files are open at once.
pub fn merge(folders: &[LogFolder], query: &Query) -> Merge {
    Merge::of(folders.iter().map(Snapshot::take), query)
}

impl Merge {
    pub(crate) fn of(snapshots: impl ExactSizeIterator<Item = Snapshot>, query: &Query) -> Self {
        let mut merge = Self {
            query: query.clone(),
            sources: Vec::new(),
            heads: Vec::new(),
            order: BinaryHeap::new(),
            open: VecDeque::new(),
            tail: None,
            troubles: Vec::new(),
        };
        if let Some(tail) = query.tail {
            merge.tail = Some(merge.last_lines(snapshots.collect(), tail).into_iter());
            return merge;
        }
        let block = (AHEAD / snapshots.len().max(1)).clamp(4096, BLOCK);
        for (source, snapshot) in snapshots.enumerate() {
            let lines = Lines::of(snapshot, query.since);
            merge.sources.push(lines.until(query.until).block(block));
            merge.heads.push(None);
            merge.advance(source);
        }
        merge
    }

    /// What could not be read so far.
    pub fn troubles(&mut self) -> impl Iterator<Item = Trouble> {
        let sources = self.sources.iter_mut();
        let all = sources.flat_map(|source| source.troubles().collect::<Vec<_>>());
        self.troubles.drain(..).chain(all)
    }

    fn advance(&mut self, source: usize) {
        let lines = &mut self.sources[source];
        let was_open = lines.is_open();
        let next = lines.by_ref().find(|line| self.query.matches(line));
        let is_open = lines.is_open();
        if let Some(next) = &next {
            self.order.push(Reverse((next.at, source)));
        }
        self.heads[source] = next;
        if is_open && !was_open {
            self.open.push_back(source);
            if self.open.len() > OPEN
                && let Some(oldest) = self.open.pop_front()
            {
                self.sources[oldest].release();
            }
        }
    }

    /// The last lines of all. Those who wrote last are read first, so that most others need not be.
    fn last_lines(&mut self, snapshots: Vec<Snapshot>, tail: usize) -> Vec<Merged> {
        if tail == 0 {
            return Vec::new();
        }
        let mut snapshots: Vec<(usize, Snapshot)> = snapshots.into_iter().enumerate().collect();
        snapshots.sort_by_key(|(_, snapshot)| Reverse(snapshot.last()));
        let mut best: Vec<(Timestamp, usize, usize, Line)> = Vec::new();
        let mut oldest = None;
        for (source, snapshot) in snapshots {
            if oldest.is_some() && snapshot.last() < oldest && snapshot.last().is_some() {
                continue;
            }
            let (lines, troubles) = read_tail(snapshot, &self.query, tail);
            self.troubles.extend(troubles);
            best.extend(keyed(lines).map(|(at, place, line)| (at, source, place, line)));
            best.sort_by_key(|(at, source, place, _)| (*at, *source, *place));
            best.drain(..best.len().saturating_sub(tail));
            oldest = best
                .first()
                .filter(|_| best.len() == tail)
                .map(|first| first.0);
        }
        let lines = best.into_iter();
        lines
            .map(|(_, source, _, line)| Merged { source, line })
            .collect()
    }
}

impl Iterator for Merge {
    type Item = Merged;

    fn next(&mut self) -> Option<Merged> {
        if let Some(tail) = &mut self.tail {
            return tail.next();
        }
        let Reverse((_, source)) = self.order.pop()?;
        let line = self.heads[source].take()?;
        self.advance(source);
        Some(Merged { source, line })
    }
}

/// Put what several sources said into order.
pub(crate) fn in_order(said: Vec<(usize, Vec<Line>)>) -> Vec<Merged> {
    let mut all = Vec::new();
    for (source, lines) in said {
        all.extend(keyed(lines).map(|(at, place, line)| (at, source, place, line)));
    }
    all.sort_by_key(|(at, source, place, _)| (*at, *source, *place));
    let lines = all.into_iter();
    lines
        .map(|(_, source, _, line)| Merged { source, line })
        .collect()
}

/// One source's lines with the latest time so far, by which they stay in their order.
fn keyed(lines: Vec<Line>) -> impl Iterator<Item = (Timestamp, usize, Line)> {
    let mut latest = Timestamp::MIN;
    let lines = lines.into_iter().enumerate();
    lines.map(move |(place, line)| {
        latest = latest.max(line.at);
        (latest, place, line)
    })
}

#[cfg(test)]
mod tests;
