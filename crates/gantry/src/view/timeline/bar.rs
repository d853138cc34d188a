//! Bars of letters.

use std::time::Duration;

use gantry_api::State;

use crate::humane;
use crate::style::{Text, Tone};
use crate::timeline::{PhaseKind, Row};

/// How bars are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bars {
    /// In so many columns.
    pub(super) columns: usize,
    /// All of them are so long.
    pub(super) length: Duration,
}

/// Between two words of the axis there are at least so many columns.
const APART: usize = 10;

impl Bars {
    fn column(&self, at: Duration) -> usize {
        let length = self.length.as_nanos().max(1);
        let column = at.as_nanos() * self.columns as u128 / length;
        let column = usize::try_from(column).unwrap_or(self.columns);
        column.min(self.columns.saturating_sub(1))
    }

    /// `0ms       100ms     200ms`: each begins where its time is.
    pub(super) fn axis(&self) -> String {
        let apart = self.length.as_nanos() * APART as u128 / self.columns.max(1) as u128;
        let step = step(Duration::from_nanos(
            u64::try_from(apart).unwrap_or(u64::MAX),
        ));
        let mut axis = String::new();
        let mut at = Duration::ZERO;
        while at <= self.length {
            let word = humane::wait(at);
            let column = self.column(at);
            let free = axis.is_empty() || axis.len() < column;
            if free && column + word.len() <= self.columns {
                axis.extend(std::iter::repeat_n(' ', column - axis.len()));
                axis.push_str(&word);
            }
            at += step;
        }
        axis
    }

    /// What a service was at.
    pub(super) fn draw(&self, row: &Row) -> Text {
        let mut cells = vec![(Tone::Plain, ' '); self.columns];
        for phase in &row.phases {
            let Some(look) = look(phase.kind, row.critical) else {
                continue;
            };
            let end = phase.end.unwrap_or(self.length);
            let (first, last) = (self.column(phase.begin), self.column(end));
            // What is too short to be seen is seen all the same. Where it ends, the next begins.
            let last = if end >= self.length { last + 1 } else { last };
            for cell in &mut cells[first..last.max(first + 1)] {
                *cell = look;
            }
        }
        let ready = row.phases.iter().filter(|it| it.kind == PhaseKind::Ready);
        for phase in ready {
            cells[self.column(phase.begin)] = (Tone::Good, '●');
        }
        match (row.state, row.ended) {
            (State::Completed, Some(at)) => cells[self.column(at)] = (Tone::Good, '✓'),
            (State::Failed, Some(at)) => cells[self.column(at)] = (Tone::Bad, '✗'),
            _ => {}
        }
        let mut text = Text::new();
        for (tone, letter) in cells {
            text.push(tone, letter.encode_utf8(&mut [0; 4]));
        }
        text
    }
}

fn look(kind: PhaseKind, critical: bool) -> Option<(Tone, char)> {
    Some(match kind {
        PhaseKind::Waiting => (Tone::Dim, '·'),
        PhaseKind::Blocked => (Tone::Warn, '·'),
        PhaseKind::Starting if critical => (Tone::Strong, '█'),
        PhaseKind::Starting => (Tone::Busy, '━'),
        PhaseKind::Backoff => (Tone::Warn, '~'),
        PhaseKind::Stopping => (Tone::Dim, '-'),
        PhaseKind::Ready | PhaseKind::Over => return None,
    })
}

/// A round length of time that is at least this: 1, 2 or 5 of something.
pub(super) fn step(least: Duration) -> Duration {
    const SECONDS: [u64; 13] = [
        60, 120, 300, 600, 1_200, 3_600, 7_200, 18_000, 36_000, 86_400, 172_800, 432_000, 864_000,
    ];
    let tens = (0..5).map(|power| 10_u64.pow(power));
    let short = tens.flat_map(|ten| [1, 2, 5].map(|it| Duration::from_millis(it * ten)));
    let short = short.filter(|step| step.as_secs() < 60);
    let long = SECONDS.into_iter().map(Duration::from_secs);
    let mut steps = short.chain(long);
    // What takes longer than months has one word, at its beginning.
    steps
        .find(|step| *step >= least)
        .unwrap_or(Duration::MAX / 2)
}
