//! What `history` shows: a line for each revision, oldest first.

use gantry_api::HistoryReport;

use super::{Column, Data, Page, Table, View};
use crate::style::{Text, Tone, harmless};

/// What a service has been.
#[derive(Debug)]
pub(crate) struct HistoryView {
    /// What the supervisor says.
    pub(crate) report: HistoryReport,
}

impl View for HistoryView {
    fn lines(&self, page: Page) -> Vec<Text> {
        let mut table = Table::new([
            Column::left(""),
            Column::right("REVISION"),
            Column::left("STATE"),
            Column::left("OF"),
            Column::left("APP"),
            Column::left("AT"),
            Column::left("DESCRIPTION"),
        ]);
        for one in &self.report.revisions {
            let tone = match (one.current, one.worked) {
                (true, _) => Tone::Good,
                (false, true) => Tone::Plain,
                (false, false) => Tone::Bad,
            };
            let at = one
                .at
                .map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
            table.row([
                Text::of(Tone::Good, if one.current { "*" } else { " " }),
                Text::from(one.number.to_string()),
                Text::of(tone, harmless(&one.state)),
                Text::from(harmless(&one.of)),
                Text::from(harmless(one.app_version.as_deref().unwrap_or_default())),
                Text::from(at.unwrap_or_default()),
                Text::of(
                    Tone::Dim,
                    harmless(one.description.as_deref().unwrap_or_default()),
                ),
            ]);
        }
        if self.report.revisions.is_empty() {
            let none = format!("Service {} has no revision", self.report.service);
            return vec![Text::of(Tone::Dim, none)];
        }
        table.lines(page.width)
    }

    fn data(&self) -> Data {
        Data::of(&self.report)
    }
}
