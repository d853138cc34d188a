//! What `reload` shows: a line for each instance that was told.

use std::time::Duration;

use gantry_api::ReloadReport;

use super::{Data, Page, View};
use crate::humane;
use crate::style::{Text, Tone, harmless};

/// What came of a reload.
#[derive(Debug)]
pub(crate) struct ReloadView {
    /// What the supervisor says.
    pub(crate) report: ReloadReport,
}

impl View for ReloadView {
    fn lines(&self, page: Page) -> Vec<Text> {
        let instances = &self.report.instances;
        let copies = |service: &str| {
            instances
                .iter()
                .filter(|one| one.service == service)
                .count()
        };
        let name = |one: &gantry_api::Reloaded| match copies(&one.service) {
            1 => one.service.clone(),
            _ => one.id.clone(),
        };
        let width = instances.iter().map(|one| name(one).len()).max();
        let lines = instances.iter().map(|one| {
            let (mark, tone) = match one.error {
                None => ("✓", Tone::Good),
                Some(_) => ("✗", Tone::Bad),
            };
            let line = Text::of(tone, format!("{mark} "))
                .join(Text::from(name(one)).padded(width.unwrap_or(0)))
                .plain("  ");
            let how = harmless(&one.how);
            match &one.error {
                None => {
                    let took = humane::wait(Duration::from_millis(one.duration_ms));
                    line.plain(format!("reloaded by {how}"))
                        .and(Tone::Dim, format!(" in {took}"))
                }
                Some(error) => line
                    .and(Tone::Bad, format!("not reloaded by {how}"))
                    .plain(format!(": {}", harmless(error))),
            }
        });
        match page.width {
            Some(width) => lines.map(|line| line.cut(width)).collect(),
            None => lines.collect(),
        }
    }

    fn data(&self) -> Data {
        Data::of(&self.report)
    }
}
