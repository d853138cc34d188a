//! What `notes` shows: the texts, each below its service.

use gantry_api::NotesReport;

use super::{Data, Page, View};
use crate::style::{Text, Tone, harmless};

/// What services tell their users.
#[derive(Debug)]
pub(crate) struct NotesView {
    /// What the supervisor says.
    pub(crate) report: NotesReport,
}

impl View for NotesView {
    fn lines(&self, _: Page) -> Vec<Text> {
        let mut lines = Vec::new();
        for one in &self.report.notes {
            if !lines.is_empty() {
                lines.push(Text::new());
            }
            let head = Text::of(Tone::Strong, harmless(&one.service));
            lines.push(head.and(Tone::Dim, format!("  {}", harmless(&one.of))));
            lines.extend(
                one.text
                    .lines()
                    .map(|line| Text::from(format!("  {}", harmless(line)))),
            );
        }
        if lines.is_empty() {
            lines.push(Text::of(Tone::Dim, "No service has anything to tell"));
        }
        lines
    }

    fn data(&self) -> Data {
        Data::of(&self.report)
    }
}
