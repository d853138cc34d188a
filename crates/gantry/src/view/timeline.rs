//! What `timeline` shows: a bar for each service along one axis, and the chain that decided.

mod bar;
mod data;
pub(crate) mod svg;
#[cfg(test)]
mod tests;

use std::time::Duration;

use gantry_api::{Awaited, ResultWord, State};
use jiff::tz::TimeZone;

use super::{Data, Page, View, state};
use crate::humane;
use crate::style::{Text, Tone, harmless};
use crate::timeline::{End, Link, Row, Timeline};
use bar::Bars;

/// Columns of the bars where nobody watches.
const USUAL: usize = 50;

/// Columns that are left for words at the end of a line.
const WORDS: usize = 24;

/// How many things that a backend told are shown of one service.
const TOLD: usize = 20;

/// How many services are named that another one waited for.
const NAMES: usize = 4;

/// A start, to be shown.
#[derive(Debug)]
pub(crate) struct TimelineView {
    /// It.
    pub(crate) timeline: Timeline,
}

impl View for TimelineView {
    fn lines(&self, page: Page) -> Vec<Text> {
        let timeline = &self.timeline;
        let mut lines = vec![headline(timeline)];
        if !timeline.absent.is_empty() {
            let words = format!("{} did not have to start", humane::list(&timeline.absent));
            lines.push(Text::of(Tone::Dim, words));
        }
        lines.push(Text::new());
        let numbers: Vec<[String; 3]> = timeline.rows.iter().map(|row| self.numbers(row)).collect();
        let mut widths = TITLES.map(str::len);
        for row in &numbers {
            for (width, number) in widths.iter_mut().zip(row) {
                *width = number.len().max(*width);
            }
        }
        let names = timeline
            .rows
            .iter()
            .map(|row| Text::from(&*row.name).width());
        let name = names.max().unwrap_or(0).max("SERVICE".len());
        let taken = 3 + name + 2 + widths.iter().map(|width| width + 2).sum::<usize>();
        let bars = Bars {
            columns: page.width.map_or(USUAL, |width| {
                width.saturating_sub(taken + WORDS).clamp(16, 100)
            }),
            length: timeline.length,
        };
        let mut title = Text::from("   ")
            .join(Text::of(Tone::Dim, "SERVICE").padded(name + 2))
            .join(Text::of(Tone::Dim, bars.axis()).padded(bars.columns));
        for (width, word) in widths.iter().zip(TITLES) {
            title = title.join(right(Text::of(Tone::Dim, word), *width));
        }
        let waits = timeline.rows.iter().any(|row| !row.waited_for.is_empty());
        let words = if waits { "  WAITED FOR" } else { "" };
        lines.push(title.and(Tone::Dim, words));
        for (row, numbers) in timeline.rows.iter().zip(numbers) {
            let mark = if row.critical { "*  " } else { "   " };
            let tone = if row.critical {
                Tone::Strong
            } else {
                Tone::Plain
            };
            let mut line = Text::of(Tone::Strong, mark)
                .join(Text::of(tone, &*row.name).padded(name + 2))
                .join(bars.draw(row).padded(bars.columns));
            for (width, number) in widths.iter().zip(numbers) {
                line = line.join(right(Text::from(number), *width));
            }
            lines.push(line.plain("  ").join(remark(row)));
            lines.extend(told(row, page.wide));
        }
        lines.extend(chain(timeline, page.width.unwrap_or(100)));
        match page.width {
            Some(width) => lines.into_iter().map(|line| line.cut(width)).collect(),
            None => lines,
        }
    }

    fn data(&self) -> Data {
        data::of(&self.timeline)
    }
}

/// How long it waited, how long it took by itself, and when it had got there.
const TITLES: [&str; 3] = ["WAITED", "TOOK", "AT"];

impl TimelineView {
    fn numbers(&self, row: &Row) -> [String; 3] {
        let length = self.timeline.length;
        let waits = !row.waited_for.is_empty() || row.waited(length) > Duration::ZERO;
        let waited = waits.then(|| humane::wait(row.waited(length)));
        let took = match (row.own(), row.started) {
            (Some(own), _) => Some(humane::wait(own)),
            (None, Some(started)) => {
                let so_far = length.saturating_sub(started);
                Some(format!(">{}", humane::wait(so_far)))
            }
            (None, None) => None,
        };
        let at = row.reached.or(row.ended).map(humane::wait);
        [waited, took, at].map(Option::unwrap_or_default)
    }
}

fn right(text: Text, width: usize) -> Text {
    let blanks = width.saturating_sub(text.width());
    Text::new().blanks(blanks + 2).join(text)
}

/// `start api, begun 2026-11-21 10:00:00, done in 269ms (operation 12)`.
fn headline(timeline: &Timeline) -> Text {
    let begun = timeline.begun_at.to_zoned(TimeZone::system());
    let line = Text::of(Tone::Strong, harmless(&timeline.asked))
        .plain(begun.strftime(", begun %Y-%m-%d %H:%M:%S, ").to_string());
    let line = match timeline.end {
        End::Ended(ResultWord::Done, took) => {
            line.and(Tone::Good, format!("done in {}", humane::wait(took)))
        }
        End::Ended(result, took) => {
            let word = match result {
                ResultWord::NotReady => "not ready in time",
                ResultWord::Cancelled => "cancelled",
                _ => "failed",
            };
            line.and(Tone::Bad, format!("{word} after {}", humane::wait(took)))
        }
        End::GoingOn => {
            let words = format!("goes on after {}", humane::wait(timeline.length));
            line.and(Tone::Busy, words)
        }
        End::CutOff => line.and(
            Tone::Warn,
            "and nobody knows how it ended: its supervisor was killed",
        ),
    };
    line.and(Tone::Dim, format!(" (operation {})", timeline.operation))
}

/// For whom it waited, the one that came last first; and what has become of it, where it is not as it should be.
fn remark(row: &Row) -> Text {
    let mut awaited: Vec<&Awaited> = row.waited_for.iter().collect();
    awaited.sort_by_key(|one| row.released_by.as_ref() != Some(&one.service));
    let mut text = Text::new();
    for (place, one) in awaited.iter().take(NAMES).enumerate() {
        let last = row.released_by.as_ref() == Some(&one.service);
        let between = if place == 0 { "" } else { ", " };
        let tone = if last { Tone::Plain } else { Tone::Dim };
        text = text.plain(between).and(tone, name(one));
    }
    if awaited.len() > NAMES {
        text = text.and(Tone::Dim, format!(" and {} more", awaited.len() - NAMES));
    }
    let mut facts = Vec::new();
    if row.restarts > 0 {
        let times = humane::count(row.restarts as usize, "time");
        facts.push(Text::of(Tone::Warn, format!("started again {times}")));
    }
    if !row.ready && row.state != State::Completed {
        let word = Text::of(state::tone(row.state), row.outcome());
        facts.push(match row.message.as_str() {
            "" => word,
            // It has been said for whom.
            _ if row.state == State::Waiting => word,
            message => word.plain(": ").plain(harmless(message)),
        });
    }
    for fact in facts {
        let between = if text.is_empty() { "" } else { "; " };
        text = text.plain(between).join(fact);
    }
    text
}

/// `db`, `shop/db`, `migrate (completed)`.
fn name(awaited: &Awaited) -> String {
    let whole = match &awaited.part {
        Some(part) => format!("{}/{part}", awaited.service),
        None => awaited.service.clone(),
    };
    match awaited.condition.as_str() {
        "ready" => whole,
        condition => format!("{whole} ({condition})"),
    }
}

/// What its backend told of its parts.
fn told(row: &Row, all: bool) -> Vec<Text> {
    let room = if all { row.told.len() } else { TOLD };
    let shown = row.told.iter().take(room).map(|told| {
        Text::of(Tone::Dim, format!("     +{}", humane::wait(told.at)))
            .plain("  ")
            .plain(harmless(&told.child))
            .plain("  ")
            .and(Tone::Dim, harmless(&told.text))
    });
    let mut lines: Vec<Text> = shown.collect();
    if row.told.len() > room {
        let more = format!("     and {} more: -o wide shows all", row.told.len() - room);
        lines.push(Text::of(Tone::Dim, more));
    }
    lines
}

/// The critical chain in lines of about this width: `gateway 51ms ← api 88ms ← store 60ms`.
fn chain(timeline: &Timeline, width: usize) -> Vec<Text> {
    if timeline.chain.is_empty() {
        return Vec::new();
    }
    let total = humane::wait(timeline.critical());
    let mut lines = vec![
        Text::new(),
        Text::of(Tone::Strong, format!("Critical chain: {total}")),
    ];
    let mut line = Text::from("  ");
    for (place, one) in timeline.chain.iter().enumerate() {
        let piece = link(one, place > 0);
        if place > 0 && line.width() + 1 + piece.width() > width {
            lines.push(std::mem::replace(&mut line, Text::from("    ")));
        } else if place > 0 {
            line = line.plain(" ");
        }
        line = line.join(piece);
    }
    lines.push(line);
    let between = timeline.between();
    if between.as_millis() > 0 {
        let place = match timeline.chain.len() {
            1 => "before it",
            _ => "before and between them",
        };
        let words = format!("  and {} {place}", humane::wait(between));
        lines.push(Text::of(Tone::Dim, words));
    }
    lines
}

fn link(link: &Link, arrow: bool) -> Text {
    let arrow = if arrow { "← " } else { "" };
    let text = Text::of(Tone::Dim, arrow)
        .and(Tone::Strong, &*link.service)
        .plain(format!(" {}", humane::wait(link.own())));
    match link.condition.as_str() {
        "ready" => text,
        condition => text.and(Tone::Dim, format!(" ({condition})")),
    }
}
