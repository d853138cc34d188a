//! Several instances' logs as one, in time order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use jiff::Timestamp;

use crate::folder::LogFolder;
use crate::query::Query;
use crate::record::Line;

/// A line, and which of the sources it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The index of the source.
    pub source: usize,
    /// The line.
    pub line: Line,
}

/// The lines of several folders that a query asks for, in time order; those of one folder stay in
/// theirs even if the clock was set back. `tail` counts over all of them together.
pub fn merge(folders: &[LogFolder], query: &Query) -> io::Result<Vec<Merged>> {
    let mut sources = Vec::with_capacity(folders.len());
    for folder in folders {
        sources.push(folder.read(query)?.into_iter());
    }
    let mut heads: Vec<Option<Line>> = sources.iter_mut().map(Iterator::next).collect();
    let mut order: BinaryHeap<Reverse<(Timestamp, usize)>> = heads
        .iter()
        .enumerate()
        .filter_map(|(source, head)| Some(Reverse((head.as_ref()?.at, source))))
        .collect();
    let mut merged = Vec::new();
    while let Some(Reverse((_, source))) = order.pop() {
        let next = sources[source].next();
        if let Some(next) = &next {
            order.push(Reverse((next.at, source)));
        }
        if let Some(line) = std::mem::replace(&mut heads[source], next) {
            merged.push(Merged { source, line });
        }
    }
    if let Some(tail) = query.tail {
        merged.drain(..merged.len().saturating_sub(tail));
    }
    Ok(merged)
}
