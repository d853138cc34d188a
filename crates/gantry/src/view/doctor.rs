//! What `doctor` shows.

use camino::Utf8PathBuf;
use gantry_core::ServiceName;
use gantry_driver::{Offer, Standing};
use gantry_engine::preflight::{Finding, Lacking};
use serde::Serialize;
use serde_json::json;

use super::{Column, Data, Page, Table, View};
use crate::style::{Text, Tone};

/// What a machine offers, and what a stack lacks of it.
#[derive(Debug)]
pub(crate) struct DoctorView {
    /// What there is, mode by mode; the folder for gantry's own files first.
    pub(crate) offers: Vec<OfferLine>,
    /// The stack, if there is a stack file.
    pub(crate) stack: Option<StackLine>,
}

/// One thing that a mode is made with.
#[derive(Debug, Serialize)]
pub(crate) struct OfferLine {
    /// The mode; none for what all of them need.
    pub(crate) mode: Option<String>,
    /// What there is.
    #[serde(flatten)]
    pub(crate) offer: Offer,
}

/// What the stack lacks.
#[derive(Debug)]
pub(crate) struct StackLine {
    /// Its name.
    pub(crate) stack: String,
    /// Its file.
    pub(crate) file: Utf8PathBuf,
    /// What was found.
    pub(crate) lacking: Lacking,
    /// Whether gantry cannot keep its own files.
    pub(crate) home: bool,
}

impl DoctorView {
    /// Whether something is missing without which the stack cannot be brought up.
    pub(crate) fn lacks(&self) -> bool {
        let stack = self.stack.iter();
        let findings = |it: &StackLine| it.lacking.findings.iter().any(|one| !one.advisory);
        stack.into_iter().any(|it| it.home || findings(it))
    }
}

impl View for DoctorView {
    fn lines(&self, page: Page) -> Vec<Text> {
        let mut table = Table::new([
            Column::left("MODE"),
            Column::left("PART"),
            Column::left("STATE"),
            Column::left("FOUND"),
        ]);
        for OfferLine { mode, offer } in &self.offers {
            table.row([
                Text::from(mode.as_deref().unwrap_or("all")),
                Text::from(match &offer.choice {
                    Some(choice) => format!("{} ({choice})", offer.part),
                    None => offer.part.to_string(),
                }),
                Text::of(tone(offer.standing), offer.standing.as_str()),
                Text::from(&*offer.found),
            ]);
            let mut below = |word: &str, text: String| {
                table.row([
                    Text::new(),
                    Text::new(),
                    Text::of(Tone::Dim, word),
                    Text::of(Tone::Dim, text),
                ]);
            };
            if let Some(because) = &offer.because {
                below("because", because.clone());
            }
            for one in &offer.candidates {
                let word = match (offer.choice.is_some(), one.chosen) {
                    (true, true) => "taken",
                    (true, false) => "passed over",
                    (false, true) => "has",
                    (false, false) => "lacks",
                };
                below(word, format!("{}: {}", one.name, one.found));
            }
            if let Some(hint) = &offer.hint {
                below("hint", hint.clone());
            }
        }
        let mut lines = table.lines(page.width);
        if let Some(stack) = &self.stack {
            lines.push(Text::new());
            lines.extend(stack.lines());
        }
        lines
    }

    fn data(&self) -> Data {
        Data::Value(json!({
            "offers": self.offers,
            "stack": self.stack.as_ref().map(StackLine::data),
            "lacks": self.lacks(),
        }))
    }
}

impl StackLine {
    fn lines(&self) -> Vec<Text> {
        let findings = &self.lacking.findings;
        let title = Text::of(Tone::Strong, &*self.stack).and(Tone::Dim, format!("  {}", self.file));
        let mut lines = vec![title];
        if findings.is_empty() {
            lines.push(Text::of(Tone::Good, "  nothing that it needs is missing"));
        }
        for finding in findings {
            let (tone, word) = if finding.advisory {
                (Tone::Warn, "warning")
            } else {
                (Tone::Bad, "missing")
            };
            lines.push(Text::of(tone, format!("  {word}  ")).plain(finding.warning()));
            if let Some(hint) = &finding.missing.hint {
                lines.push(Text::of(Tone::Dim, format!("           {hint}")));
            }
        }
        if !self.lacking.unknown.is_empty() {
            let names = self.lacking.unknown.iter().map(ServiceName::as_str);
            let names = names.collect::<Vec<_>>().join(", ");
            let text = format!("  some of what these need is known only at their start: {names}");
            lines.push(Text::of(Tone::Dim, text));
        }
        lines
    }

    fn data(&self) -> serde_json::Value {
        let finding = |one: &Finding| {
            json!({
                "services": one.services, "check": one.check, "message": one.missing.reason,
                "hint": one.missing.hint, "advisory": one.advisory,
            })
        };
        let findings: Vec<_> = self.lacking.findings.iter().map(finding).collect();
        json!({
            "stack": self.stack, "file": self.file, "findings": findings,
            "unknown": self.lacking.unknown,
        })
    }
}

fn tone(standing: Standing) -> Tone {
    match standing {
        Standing::Good => Tone::Good,
        Standing::Partly => Tone::Warn,
        Standing::Missing => Tone::Dim,
    }
}
