//! What `url` shows: an address a line; those of one service alone, to be used as they are.

use serde::Serialize;

use super::{Data, Page, View};
use crate::style::{Text, Tone, harmless};

/// Where services are reached.
#[derive(Debug, Serialize)]
pub(crate) struct UrlView {
    /// One for each endpoint.
    pub(crate) lines: Vec<UrlLine>,
    /// Whether one service was asked for.
    #[serde(skip)]
    pub(crate) alone: bool,
}

/// An endpoint.
#[derive(Debug, Serialize)]
pub(crate) struct UrlLine {
    /// Of which service.
    pub(crate) service: String,
    /// The port's name.
    pub(crate) name: String,
    /// The address.
    pub(crate) url: String,
}

impl View for UrlView {
    fn lines(&self, _: Page) -> Vec<Text> {
        let name = |line: &UrlLine| format!("{}:{}", line.service, line.name);
        let width = self.lines.iter().map(|line| name(line).len()).max();
        let line = |line: &UrlLine| {
            let url = harmless(&line.url);
            if self.alone {
                return Text::from(url);
            }
            let name = Text::of(Tone::Dim, harmless(&name(line)));
            name.padded(width.unwrap_or(0)).plain("  ").plain(url)
        };
        self.lines.iter().map(line).collect()
    }

    fn data(&self) -> Data {
        Data::of(&self.lines)
    }
}
