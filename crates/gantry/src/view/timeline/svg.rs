//! A start as a picture.

use std::fmt::Write as _;
use std::time::Duration;

use gantry_api::State;

use super::bar::step;
use crate::humane;
use crate::style::Palette;
use crate::timeline::{PhaseKind, Row, Timeline};

/// Pixels: of the bars from left to right, of a line, and above and below all of them.
const BARS: u32 = 800;
const LINE: u32 = 22;
const HEAD: u32 = 56;
const FOOT: u32 = 12;

/// What a line of words takes below them.
const WORDS_LINE: u32 = 16;

/// What a letter takes at most.
const LETTER: u32 = 8;

/// Room for the words behind a bar.
const WORDS: u32 = 110;

/// The whole of it.
pub(crate) fn draw(timeline: &Timeline) -> String {
    let names = timeline.rows.iter().map(|row| row.name.chars().count());
    let names = u32::try_from(names.max().unwrap_or(0)).unwrap_or(u32::MAX);
    let left = names.clamp(6, 60) * LETTER + 20;
    let letters = (left + BARS + WORDS) / LETTER;
    let picture = Picture {
        timeline,
        left,
        chain: super::chain(timeline, letters as usize)
            .iter()
            .map(said)
            .collect(),
    };
    picture.draw()
}

struct Picture<'a> {
    timeline: &'a Timeline,
    /// Where the bars begin.
    left: u32,
    /// The lines below them.
    chain: Vec<String>,
}

impl Picture<'_> {
    fn draw(&self) -> String {
        let lines = u32::try_from(self.timeline.rows.len()).unwrap_or(u32::MAX);
        let bottom = lines.saturating_mul(LINE).saturating_add(HEAD);
        let below = u32::try_from(self.chain.len()).unwrap_or(u32::MAX);
        let below = below.saturating_mul(WORDS_LINE).saturating_add(FOOT);
        let height = bottom.saturating_add(below);
        let width = self.left + BARS + WORDS;
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
        );
        let headline = said(&super::headline(self.timeline));
        _ = writeln!(
            text,
            "<text x=\"10\" y=\"20\" font-size=\"14\" font-weight=\"bold\">{headline}</text>"
        );
        self.axis(bottom, &mut text);
        let mut top = HEAD;
        for row in &self.timeline.rows {
            self.row(row, top, &mut text);
            top = top.saturating_add(LINE);
        }
        for line in &self.chain {
            _ = writeln!(text, "<text x=\"10\" y=\"{top}\">{line}</text>");
            top = top.saturating_add(WORDS_LINE);
        }
        text + "</svg>\n"
    }

    fn axis(&self, bottom: u32, text: &mut String) {
        let top = HEAD - 8;
        let step = step(self.timeline.length / 8);
        let mut at = Duration::ZERO;
        while at <= self.timeline.length {
            let (x, word) = (self.x(at), humane::wait(at));
            _ = writeln!(
                text,
                "<line x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\n\
                 <text x=\"{x:.1}\" y=\"{}\" fill=\"#666\" text-anchor=\"middle\">{word}</text>",
                top - 4
            );
            at += step;
        }
    }

    fn row(&self, row: &Row, top: u32, text: &mut String) {
        let weight = if row.critical { "bold" } else { "normal" };
        let name = entities(&row.name);
        let title = self.title(row);
        _ = writeln!(text, "<g><title>{title}</title>");
        _ = writeln!(
            text,
            "<text x=\"10\" y=\"{}\" font-weight=\"{weight}\">{name}</text>",
            top + 14
        );
        for phase in &row.phases {
            let Some(colour) = colour(phase.kind, row.critical) else {
                continue;
            };
            let x = self.x(phase.begin);
            let end = self.x(phase.end.unwrap_or(self.timeline.length));
            let (high, down) = match phase.kind {
                PhaseKind::Waiting | PhaseKind::Blocked | PhaseKind::Ready => (4, 7),
                _ => (14, 2),
            };
            _ = writeln!(
                text,
                "<rect x=\"{x:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{high}\" fill=\"{colour}\"/>",
                top + down,
                (end - x).max(1.0)
            );
        }
        let end = row.reached.or(row.ended);
        if let Some(at) = end {
            let colour = if row.state == State::Failed {
                "#c03030"
            } else {
                "#2f8f3f"
            };
            let x = self.x(at);
            _ = writeln!(
                text,
                "<circle cx=\"{x:.1}\" cy=\"{}\" r=\"4\" fill=\"{colour}\"/>",
                top + 9
            );
        }
        for told in &row.told {
            let words = format!("+{} {}: {}", humane::wait(told.at), told.child, told.text);
            _ = writeln!(
                text,
                "<circle cx=\"{:.1}\" cy=\"{}\" r=\"3\" fill=\"#7a4fb0\"><title>{}</title></circle>",
                self.x(told.at),
                top + 9,
                entities(&words)
            );
        }
        let words = match row.own() {
            Some(own) => humane::wait(own),
            None => row.outcome().to_owned(),
        };
        let x = self.x(end.unwrap_or(self.timeline.length)) + 8.0;
        _ = writeln!(
            text,
            "<text x=\"{x:.1}\" y=\"{}\" fill=\"#444\">{words}</text></g>",
            top + 14
        );
    }

    /// What is told of a service by whom the pointer rests on it.
    fn title(&self, row: &Row) -> String {
        let mut words = vec![format!("{}: {}", row.name, row.outcome())];
        if !row.waited_for.is_empty() {
            let names: Vec<String> = row.waited_for.iter().map(super::name).collect();
            let waited = humane::wait(row.waited(self.timeline.length));
            words.push(format!("waited {waited} for {}", names.join(", ")));
        }
        if let Some(by) = &row.released_by {
            words.push(format!("{by} came last"));
        }
        if let Some(own) = row.own() {
            words.push(format!("took {}", humane::wait(own)));
        }
        if row.restarts > 0 {
            let times = humane::count(row.restarts as usize, "time");
            words.push(format!("started again {times}"));
        }
        if !row.message.is_empty() {
            words.push(row.message.clone());
        }
        entities(&words.join("\n"))
    }

    fn x(&self, at: Duration) -> f64 {
        let length = self.timeline.length.as_secs_f64().max(1e-6);
        let share = (at.as_secs_f64() / length).min(1.0);
        f64::from(self.left) + share * f64::from(BARS)
    }
}

fn colour(kind: PhaseKind, critical: bool) -> Option<&'static str> {
    Some(match kind {
        PhaseKind::Waiting => "#d0d0d0",
        PhaseKind::Blocked => "#e6c66a",
        PhaseKind::Starting if critical => "#e07b39",
        PhaseKind::Starting => "#8fb8de",
        PhaseKind::Ready => "#d8f0d8",
        PhaseKind::Backoff => "#f0c0c0",
        PhaseKind::Stopping => "#b0b0b0",
        PhaseKind::Over => return None,
    })
}

/// A line for people without its tones.
fn said(line: &crate::style::Text) -> String {
    let mut text = String::new();
    line.write(Palette { colour: false }, &mut text);
    entities(&text)
}

/// As XML wants it.
fn entities(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push('\n'),
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}
