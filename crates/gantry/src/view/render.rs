//! What `render` shows.

use camino::Utf8PathBuf;
use gantry_render::{Change, Changed};

use super::{Data, Page, View};
use crate::humane;
use crate::style::{Text, Tone};

/// What was written into a build folder.
#[derive(Debug)]
pub(crate) struct RenderedView {
    /// The stack's name.
    pub(crate) stack: String,
    /// What came of it.
    pub(crate) rendered: Rendered,
    /// Whether nothing was written.
    pub(crate) dry_run: bool,
}

/// What came of rendering.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// The build folder; nothing if the stack has no templates.
    pub(crate) folder: Option<Utf8PathBuf>,
    /// What was written and removed.
    pub(crate) changes: Vec<Changed>,
    /// How many files were right already.
    pub(crate) unchanged: usize,
}

impl View for RenderedView {
    fn lines(&self, _: Page) -> Vec<Text> {
        let Some(folder) = &self.rendered.folder else {
            return vec![
                Text::of(Tone::Dim, "nothing to render: ")
                    .plain(format!("{} has no templates", self.stack)),
            ];
        };
        let mut lines: Vec<Text> = self.rendered.changes.iter().map(line).collect();
        let count = humane::count(self.rendered.unchanged, "file");
        let what = if self.dry_run {
            "would stay"
        } else {
            "unchanged"
        };
        lines.push(Text::of(Tone::Dim, format!("{what}: {count} in {folder}")));
        lines
    }

    fn data(&self) -> Data {
        Data::Value(serde_json::json!({
            "stack": self.stack, "folder": self.rendered.folder, "changes": self.rendered.changes,
            "unchanged": self.rendered.unchanged, "dry-run": self.dry_run,
        }))
    }
}

fn line(changed: &Changed) -> Text {
    let (tone, word) = match changed.change {
        Change::Created => (Tone::Good, "created"),
        Change::Changed => (Tone::Warn, "changed"),
        Change::Removed => (Tone::Bad, "removed"),
    };
    Text::of(tone, word).plain(format!(
        "  {}",
        crate::style::harmless(changed.file.as_str())
    ))
}
