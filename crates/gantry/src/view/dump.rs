//! What `dump` shows: where it is, and what is missing.

use camino::Utf8PathBuf;
use serde::Serialize;

use super::{Data, Page, View};
use crate::humane;
use crate::style::{Text, Tone, harmless};

/// What was written.
#[derive(Debug, Serialize)]
pub(crate) struct DumpView {
    /// Where.
    pub(crate) folder: Utf8PathBuf,
    /// How many files.
    pub(crate) files: usize,
    /// What could not be had, and why.
    pub(crate) lacking: Vec<String>,
}

impl View for DumpView {
    fn lines(&self, _: Page) -> Vec<Text> {
        let mut lines = vec![
            Text::of(Tone::Good, "wrote ")
                .plain(humane::count(self.files, "file"))
                .plain(format!(" into {}", harmless(self.folder.as_str()))),
        ];
        let lacks = self.lacking.iter();
        lines.extend(lacks.map(|what| Text::of(Tone::Warn, "without ").plain(harmless(what))));
        lines
    }

    fn data(&self) -> Data {
        Data::of(self)
    }
}
