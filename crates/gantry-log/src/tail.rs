//! The last lines of a folder, without reading all of it.

use std::collections::VecDeque;
use std::fs;

use crate::query::Query;
use crate::reader::{Lines, Trouble, is_whole};
use crate::record::Line;
use crate::snapshot::{Snapshot, Span};

/// How many bytes from the end are read at first.
const WINDOW: u64 = 64 * 1024;

/// So many lines may lack their beginning where reading starts in the middle: one of each stream.
const STREAMS: usize = 3;

/// What a query wants of a folder, at most `tail` lines; and what could not be read.
///
/// It is read forwards from some place near the end, and again from four times as far if that was not
/// enough: all in all a third more than reading everything, at worst.
pub(crate) fn read_tail(
    snapshot: Snapshot,
    query: &Query,
    tail: usize,
) -> (Vec<Line>, Vec<Trouble>) {
    let spans = snapshot.spans(query.since);
    let mut troubles = snapshot.troubles;
    let mut window = WINDOW;
    loop {
        let (files, all) = from_the_end(&spans, window);
        let mut lines = Lines::of_files(snapshot.folder.clone(), files).until(query.until);
        let mut kept: VecDeque<Line> = VecDeque::new();
        let mut count = 0;
        for line in lines.by_ref().filter(|line| query.matches(line)) {
            if kept.len() == tail {
                kept.pop_front();
            }
            kept.push_back(line);
            count += 1;
        }
        if all || count >= tail.saturating_add(STREAMS) {
            troubles.extend(lines.troubles());
            return (kept.into(), troubles);
        }
        window = window.saturating_mul(4);
    }
}

/// The spans that contain the last bytes, and whether these are all.
fn from_the_end(spans: &[Span], mut bytes: u64) -> (Vec<Span>, bool) {
    let mut files = VecDeque::new();
    for span in spans.iter().rev() {
        if bytes == 0 {
            return (files.into(), false);
        }
        let mut span = span.clone();
        let on_disk = || fs::metadata(&span.path).map_or(0, |file| file.len());
        if is_whole(&span) {
            // How long it is when it is unpacked is not known. Logs become a tenth, as a rule.
            bytes = bytes.saturating_sub(on_disk().saturating_mul(10));
        } else {
            let end = if span.id.is_some() {
                span.end
            } else {
                on_disk()
            };
            let length = end.saturating_sub(span.start);
            if length > bytes {
                span.start = end - bytes;
                files.push_front(span);
                return (files.into(), false);
            }
            bytes -= length;
        }
        files.push_front(span);
    }
    (files.into(), true)
}
