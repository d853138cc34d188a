//! Text in tones. What a tone looks like is decided where it is printed, and a text must be
//! readable without any.

mod tame;

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

pub(crate) use tame::tame;

/// What a piece of text means to the eye.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// On its way.
    Busy,
    /// Not as it should be, and may still come right.
    Warn,
    /// Wrong.
    Bad,
    /// Beside the point.
    Dim,
    /// The point.
    Strong,
    /// One of several things that must be told apart.
    Name(u8),
}

/// How many tones there are to tell names apart.
pub(crate) const NAME_TONES: u8 = 6;

/// Whether tones are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    /// They are.
    pub(crate) colour: bool,
}

impl Palette {
    /// As the environment asks for: `NO_COLOR` and a dumb terminal have none.
    pub(crate) fn for_stream(terminal: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|force| force != "0");
        Self {
            colour: !set("NO_COLOR") && ((terminal && !dumb) || forced),
        }
    }

    fn code(self, tone: Tone) -> Option<&'static str> {
        if !self.colour {
            return None;
        }
        Some(match tone {
            Tone::Plain => return None,
            Tone::Good => "32",
            Tone::Busy => "36",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Dim => "2",
            Tone::Strong => "1",
            Tone::Name(number) => match number % NAME_TONES {
                0 => "36",
                1 => "35",
                2 => "34",
                3 => "33",
                4 => "32",
                _ => "96",
            },
        })
    }
}

/// One line of text in tones. One in one tone is one string and no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text {
    letters: String,
    /// The tone of its beginning.
    tone: Tone,
    /// Where others begin, and which.
    then: Vec<(usize, Tone)>,
}

impl Text {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Make it empty; its memory is kept for what comes next.
    pub(crate) fn clear(&mut self) {
        self.letters.clear();
        self.then.clear();
        self.tone = Tone::Plain;
    }

    /// One tone.
    pub(crate) fn of(tone: Tone, text: impl Into<String> + AsRef<str>) -> Self {
        Self::new().and(tone, text)
    }

    /// The same with more at its end.
    #[must_use]
    pub(crate) fn and(mut self, tone: Tone, text: impl Into<String> + AsRef<str>) -> Self {
        if text.as_ref().is_empty() {
            return self;
        }
        if self.is_empty() {
            self.letters = text.into();
            self.tone = tone;
        } else {
            self.push(tone, text.as_ref());
        }
        self
    }

    /// Put more at its end.
    pub(crate) fn push(&mut self, tone: Tone, text: &str) {
        if text.is_empty() {
            return;
        }
        let last = self.then.last().map_or(self.tone, |(_, tone)| *tone);
        if self.is_empty() {
            self.tone = tone;
        } else if last != tone {
            self.then.push((self.letters.len(), tone));
        }
        self.letters.push_str(text);
    }

    /// What is in one tone, piece by piece.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (Tone, &str)> {
        let begins = std::iter::once((0, self.tone)).chain(self.then.iter().copied());
        let ends = self.then.iter().map(|(begin, _)| *begin);
        let ends = ends.chain([self.letters.len()]);
        begins
            .zip(ends)
            .map(|((begin, tone), end)| (tone, &self.letters[begin..end]))
    }

    /// The same with a plain piece at its end.
    #[must_use]
    pub(crate) fn plain(self, text: impl Into<String> + AsRef<str>) -> Self {
        self.and(Tone::Plain, text)
    }

    /// The same with another text at its end.
    #[must_use]
    pub(crate) fn join(mut self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        for (tone, text) in other.pieces() {
            self.push(tone, text);
        }
        self
    }

    /// The same with so many blanks at its end.
    #[must_use]
    pub(crate) fn blanks(mut self, count: usize) -> Self {
        self.push_blanks(count);
        self
    }

    /// Put so many blanks at its end.
    pub(crate) fn push_blanks(&mut self, count: usize) {
        const BLANKS: &str = "                                                                ";
        let mut left = count;
        while left > 0 {
            let some = left.min(BLANKS.len());
            self.push(Tone::Plain, &BLANKS[..some]);
            left -= some;
        }
    }

    /// The same with blanks up to a width.
    #[must_use]
    pub(crate) fn padded(self, width: usize) -> Self {
        let blanks = width.saturating_sub(self.width());
        self.blanks(blanks)
    }

    /// How many columns it takes.
    pub(crate) fn width(&self) -> usize {
        // Most are, and are counted in a tenth of the time.
        if self.letters.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.letters.len()
        } else {
            self.pieces().map(|(_, text)| text.width()).sum()
        }
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// The same, cut to a width with a mark at the end.
    #[must_use]
    pub(crate) fn cut(self, width: usize) -> Self {
        if self.width() <= width {
            return self;
        }
        let mut left = width.saturating_sub(1);
        let mut cut = Self::new();
        let mut last = Tone::Plain;
        'pieces: for (tone, text) in self.pieces() {
            last = tone;
            for (place, letter) in text.char_indices() {
                let columns = letter.width().unwrap_or(0);
                if columns > left {
                    cut.push(tone, &text[..place]);
                    break 'pieces;
                }
                left -= columns;
            }
            cut.push(tone, text);
        }
        cut.and(last, "…")
    }

    /// Write it with the codes of its tones, without blanks at the end.
    pub(crate) fn write(&self, palette: Palette, to: &mut String) {
        let begin = to.len();
        for (tone, text) in self.pieces() {
            match palette.code(tone) {
                Some(code) if !text.trim().is_empty() => {
                    let _ = write!(to, "\x1b[{code}m{text}\x1b[0m");
                }
                _ => to.push_str(text),
            }
        }
        let kept = to.trim_end_matches(' ').len();
        to.truncate(kept.max(begin));
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new().plain(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::new().plain(text)
    }
}

/// Take out what could move a terminal's cursor or change its colours.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\t' => ' ',
            letter if letter.is_control() => '\u{fffd}',
            letter => letter,
        })
        .collect()
}

#[cfg(test)]
mod tests;
