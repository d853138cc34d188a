//! Text in tones. What a tone looks like is decided where it is printed, and a text must be
//! readable without any.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

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

/// One line of text in tones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text {
    parts: Vec<(Tone, String)>,
}

impl Text {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One tone.
    pub(crate) fn of(tone: Tone, text: impl Into<String>) -> Self {
        Self::new().and(tone, text)
    }

    /// The same with more at its end.
    #[must_use]
    pub(crate) fn and(mut self, tone: Tone, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.parts.push((tone, text));
        }
        self
    }

    /// The same with a plain piece at its end.
    #[must_use]
    pub(crate) fn plain(self, text: impl Into<String>) -> Self {
        self.and(Tone::Plain, text)
    }

    /// The same with another text at its end.
    #[must_use]
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// The same with blanks up to a width.
    #[must_use]
    pub(crate) fn padded(self, width: usize) -> Self {
        let blanks = width.saturating_sub(self.width());
        self.plain(" ".repeat(blanks))
    }

    /// How many columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.parts.iter().map(|(_, text)| text.width()).sum()
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
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
        'parts: for (tone, text) in self.parts {
            let mut kept = String::new();
            last = tone;
            for letter in text.chars() {
                let columns = letter.width().unwrap_or(0);
                if columns > left {
                    cut = cut.and(tone, kept);
                    break 'parts;
                }
                left -= columns;
                kept.push(letter);
            }
            cut = cut.and(tone, kept);
        }
        cut.and(last, "…")
    }

    /// Write it with the codes of its tones, without blanks at the end.
    pub(crate) fn write(&self, palette: Palette, to: &mut String) {
        let begin = to.len();
        for (tone, text) in &self.parts {
            match palette.code(*tone) {
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
