//! Lines that change in place, below lines that stay.

use std::fmt::Write as _;

use super::Stream;
use crate::style::Text;

/// A block of lines at the end of a stream. Where the stream is no terminal there is no block, and
/// only the lines that stay are printed.
#[derive(Debug)]
pub(crate) struct Live<'a> {
    stream: &'a Stream,
    block: Vec<Text>,
}

impl<'a> Live<'a> {
    /// On this stream.
    pub(crate) fn on(stream: &'a Stream) -> Self {
        Self {
            stream,
            block: Vec::new(),
        }
    }

    /// Whether there is a block.
    pub(crate) fn is_shown(&self) -> bool {
        self.stream.terminal && self.stream.colour()
    }

    /// Print lines that stay, above the block.
    pub(crate) fn stay(&mut self, lines: &[Text]) {
        let mut text = self.up();
        for line in lines {
            text.push_str(&self.stream.painted(line));
            text.push('\n');
        }
        self.down(&mut text);
        self.stream.bytes(text.as_bytes());
    }

    /// Draw the block anew, if there is one.
    pub(crate) fn draw(&mut self, lines: impl FnOnce() -> Vec<Text>) {
        if !self.is_shown() {
            return;
        }
        let width = self.stream.width().unwrap_or(80).saturating_sub(1);
        let mut text = self.up();
        // A line that is broken by the terminal could not be drawn over.
        self.block = lines().into_iter().map(|line| line.cut(width)).collect();
        self.down(&mut text);
        self.stream.bytes(text.as_bytes());
    }

    /// Back to the block's first line, with everything below it gone.
    fn up(&self) -> String {
        let mut text = String::new();
        if !self.block.is_empty() {
            let _ = write!(text, "\x1b[{}A\x1b[J", self.block.len());
        }
        text
    }

    /// The block.
    fn down(&self, text: &mut String) {
        for line in &self.block {
            text.push_str(&self.stream.painted(line));
            text.push('\n');
        }
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        let text = self.up();
        self.stream.bytes(text.as_bytes());
    }
}
