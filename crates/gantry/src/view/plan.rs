//! What `plan` and `--dry-run` show.

use gantry_api::Plan;

use super::{Column, Data, Page, Table, View};
use crate::style::{Text, Tone};

/// What would be done.
#[derive(Debug)]
pub(crate) struct PlanView {
    /// The steps, in order.
    pub(crate) plan: Plan,
}

impl View for PlanView {
    fn lines(&self, page: Page) -> Vec<Text> {
        if self.plan.steps.is_empty() {
            return vec![Text::from("Nothing to do: everything is as it should be")];
        }
        let mut table = Table::new([
            Column::right("STEP"),
            Column::left("ACTION"),
            Column::left("SERVICE"),
            Column::left("REASON"),
        ]);
        for (position, step) in self.plan.steps.iter().enumerate() {
            table.row([
                Text::of(Tone::Dim, (position + 1).to_string()),
                Text::of(tone(&step.action), &step.action),
                Text::from(&*step.service),
                Text::from(&*step.reason),
            ]);
        }
        table.lines(page.width)
    }

    fn data(&self) -> Data {
        Data::of(&self.plan)
    }
}

fn tone(action: &str) -> Tone {
    match action {
        "start" | "scale" => Tone::Good,
        "stop" | "remove" => Tone::Bad,
        "restart" | "recreate" | "update" => Tone::Warn,
        _ => Tone::Dim,
    }
}
