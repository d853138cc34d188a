//! The one place that prints. Results go to standard output, everything else to standard error.
//!
//! A pipe whose reader has gone is no error: from then on nothing is written to it, and whoever
//! prints without end asks [`Output::is_closed`].

mod live;

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use live::Live;

use crate::cli::Format;
use crate::style::{Palette, Text};

/// About so much is printed at once.
const PIECE: usize = 64 << 10;

/// Where things are printed, and how.
#[derive(Debug)]
pub(crate) struct Output {
    /// What the user asked for.
    pub(crate) format: Format,
    /// Standard output.
    pub(crate) results: Stream,
    /// Standard error.
    pub(crate) notes: Stream,
}

/// One of the two streams.
#[derive(Debug)]
pub(crate) struct Stream {
    which: Which,
    /// Whether a person watches.
    pub(crate) terminal: bool,
    palette: Palette,
    closed: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
enum Which {
    Results,
    Notes,
}

impl Output {
    /// For this format, with what the environment says about colour.
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            results: Stream::new(Which::Results, io::stdout().is_terminal()),
            notes: Stream::new(Which::Notes, io::stderr().is_terminal()),
        }
    }

    /// Whether nobody reads the results any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.results.closed.load(Ordering::Relaxed)
    }

    /// Whether a program reads the results.
    pub(crate) fn is_for_programs(&self) -> bool {
        matches!(self.format, Format::Json | Format::Yaml)
    }
}

impl Stream {
    fn new(which: Which, terminal: bool) -> Self {
        Self {
            which,
            terminal,
            palette: Palette::for_stream(terminal),
            closed: AtomicBool::new(false),
        }
    }

    /// How many columns there are; none where nobody watches, and then nothing is cut.
    pub(crate) fn width(&self) -> Option<usize> {
        if !self.terminal {
            return None;
        }
        let size = match self.which {
            Which::Results => rustix::termios::tcgetwinsize(io::stdout()),
            Which::Notes => rustix::termios::tcgetwinsize(io::stderr()),
        };
        let columns = size.ok().map(|size| usize::from(size.ws_col));
        columns.filter(|columns| *columns >= 20)
    }

    /// Whether letters may be coloured.
    pub(crate) fn colour(&self) -> bool {
        self.palette.colour
    }

    /// Print lines.
    pub(crate) fn lines<'a>(&self, lines: impl IntoIterator<Item = &'a Text>) {
        self.lines_of(|put| lines.into_iter().for_each(put));
    }

    /// Print the lines that are put, some at a time.
    pub(crate) fn lines_of(&self, all: impl FnOnce(&mut dyn FnMut(&Text))) {
        let mut text = String::new();
        all(&mut |line| {
            line.write(self.palette, &mut text);
            text.push('\n');
            if text.len() >= PIECE {
                self.bytes(text.as_bytes());
                text.clear();
            }
        });
        self.bytes(text.as_bytes());
    }

    /// Print one line.
    pub(crate) fn line(&self, line: impl Into<Text>) {
        self.lines([&line.into()]);
    }

    /// A line as it would be printed, without its end.
    pub(crate) fn painted(&self, line: &Text) -> String {
        let mut text = String::new();
        line.write(self.palette, &mut text);
        text
    }

    /// Print bytes as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        let written = match self.which {
            Which::Results => {
                let mut out = io::stdout().lock();
                out.write_all(bytes).and_then(|()| out.flush())
            }
            Which::Notes => io::stderr().lock().write_all(bytes),
        };
        if written.is_err() {
            self.closed.store(true, Ordering::Relaxed);
        }
    }
}
