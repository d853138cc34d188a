//! What `ls` shows.

use camino::Utf8PathBuf;
use serde::Serialize;

use super::{Column, Data, Page, Table, View};
use crate::style::{Text, Tone};

/// The stacks of a user.
#[derive(Debug)]
pub(crate) struct LsView {
    /// By name.
    pub(crate) stacks: Vec<StackLine>,
}

/// One stack.
#[derive(Debug, Serialize)]
pub(crate) struct StackLine {
    /// Its name.
    pub(crate) stack: String,
    /// `up`, `down`, or `lost` when its supervisor should run and does not answer.
    pub(crate) state: &'static str,
    /// How many of its services are ready or completed.
    pub(crate) ready: usize,
    /// How many services it has.
    pub(crate) services: usize,
    /// Its stack file.
    pub(crate) file: Option<Utf8PathBuf>,
    /// Where gantry keeps its state and logs.
    pub(crate) folder: Utf8PathBuf,
}

impl View for LsView {
    fn lines(&self, page: Page) -> Vec<Text> {
        if self.stacks.is_empty() {
            return vec![Text::from("No stacks")];
        }
        let mut table = Table::new([
            Column::left("STACK"),
            Column::left("STATE"),
            Column::left("READY"),
            Column::left("FILE"),
            Column::left(if page.wide { "FOLDER" } else { "" }),
        ]);
        for stack in &self.stacks {
            let up = stack.state == "up";
            let well = stack.ready == stack.services;
            table.row([
                Text::from(&*stack.stack),
                Text::of(
                    match stack.state {
                        "up" => Tone::Good,
                        "down" => Tone::Dim,
                        _ => Tone::Bad,
                    },
                    stack.state,
                ),
                if up {
                    let tone = if well { Tone::Plain } else { Tone::Warn };
                    Text::of(tone, format!("{}/{}", stack.ready, stack.services))
                } else {
                    Text::new()
                },
                Text::from(stack.file.as_ref().map_or("?", |file| file.as_str())),
                if page.wide {
                    Text::from(stack.folder.as_str())
                } else {
                    Text::new()
                },
            ]);
        }
        table.lines(page.width)
    }

    fn data(&self) -> Data {
        Data::Value(serde_json::json!({ "stacks": self.stacks }))
    }
}
