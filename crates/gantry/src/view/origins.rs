//! What `config show` shows.

use serde_json::Value;

use super::{Column, Data, Page, Table, View, to_yaml};
use crate::style::{Text, Tone, harmless};

/// The stack as it is after everything.
#[derive(Debug)]
pub(crate) struct ConfigView {
    /// The resolved model, without anything secret.
    pub(crate) model: Value,
}

impl View for ConfigView {
    fn lines(&self, _: Page) -> Vec<Text> {
        to_yaml(&self.model).lines().map(Text::from).collect()
    }

    fn data(&self) -> Data {
        Data::Value(self.model.clone())
    }
}

/// Each value with the place it came from.
#[derive(Debug)]
pub(crate) struct OriginsView {
    /// In the order of the file.
    pub(crate) values: Vec<OriginLine>,
}

/// One value.
#[derive(Debug, serde::Serialize)]
pub(crate) struct OriginLine {
    /// Its path: `services.db.ports.sql`.
    pub(crate) path: String,
    /// The value, in one line.
    pub(crate) value: String,
    /// Where it came from: `gantry.toml:12:9`, `environment GANTRY_MODE`, `default`.
    pub(crate) origin: String,
    /// The layer: `default`, `import`, `file`, `override`, `environment`, `flag`.
    pub(crate) layer: String,
}

/// Each in its line.
pub(super) fn table(values: &[OriginLine], page: Page) -> Vec<Text> {
    let mut table = Table::new([
        Column::left("PATH"),
        Column::left("ORIGIN"),
        Column::left("VALUE"),
    ]);
    for line in values {
        let tone = if line.layer == "default" {
            Tone::Dim
        } else {
            Tone::Plain
        };
        table.row([
            Text::from(harmless(&line.path)),
            Text::of(tone, harmless(&line.origin)),
            Text::of(tone, harmless(&line.value)),
        ]);
    }
    table.lines(page.width)
}

impl View for OriginsView {
    fn lines(&self, page: Page) -> Vec<Text> {
        table(&self.values, page)
    }

    fn data(&self) -> Data {
        Data::Value(serde_json::json!({ "values": self.values }))
    }
}
