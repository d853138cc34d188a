//! What a verb returns, and one renderer for each format.
//!
//! A view says what there is as data, for programs, and as lines, for people. It prints nothing.

pub(crate) mod diagnostics;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod drawing;
pub(crate) mod dump;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod failure;
pub(crate) mod graph;
pub(crate) mod history;
pub(crate) mod ls;
pub(crate) mod notes;
pub(crate) mod objects;
pub(crate) mod origins;
pub(crate) mod outcome;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod reload;
pub(crate) mod render;
pub(crate) mod state;
pub(crate) mod status;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod timeline;
pub(crate) mod url;
mod usage;
pub(crate) mod validate;

use bytes::Bytes;
use serde_json::Value;

use crate::cli::Format;
use crate::output::Output;
use crate::style::Text;

pub(crate) use gantry_stack::write::to_yaml;
pub(crate) use table::{Column, Table};

/// Something to show.
pub(crate) trait View {
    /// For people: lines, in so many columns if that is limited.
    fn lines(&self, page: Page) -> Vec<Text>;

    /// The same, one at a time: what may have very many need not make all before the first is shown.
    fn each_line(&self, page: Page, put: &mut dyn FnMut(&Text)) {
        self.lines(page).iter().for_each(put);
    }

    /// For programs.
    fn data(&self) -> Data;
}

/// How there is room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    /// Columns; none if nothing need be cut.
    pub(crate) width: Option<usize>,
    /// Whether more than the usual is wanted.
    pub(crate) wide: bool,
}

/// What programs get.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// A value.
    Value(Value),
    /// JSON that is passed through as it came.
    Json(Bytes),
}

impl Data {
    /// Anything that can be serialised.
    pub(crate) fn of(value: &impl serde::Serialize) -> Self {
        Self::Value(serde_json::to_value(value).unwrap_or_default())
    }
}

/// Print a view in the format that the user asked for.
pub(crate) fn show(output: &Output, view: &impl View) {
    match output.format {
        Format::Table | Format::Wide => {
            let page = Page {
                width: output.results.width(),
                wide: output.format == Format::Wide,
            };
            output.results.lines_of(|put| view.each_line(page, put));
        }
        Format::Json => output.results.bytes(&json(view.data())),
        Format::Yaml => {
            let value = match view.data() {
                Data::Value(value) => value,
                Data::Json(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            };
            output.results.bytes(to_yaml(&value).as_bytes());
        }
    }
}

/// One record of a stream: an object on a line, or a document of YAML.
pub(crate) fn record(format: Format, value: &Value) -> String {
    match format {
        Format::Yaml => format!("---\n{}", to_yaml(value)),
        Format::Json | Format::Table | Format::Wide => format!("{value}\n"),
    }
}

fn json(data: Data) -> Vec<u8> {
    let mut text = match data {
        Data::Value(value) => serde_json::to_vec_pretty(&value).unwrap_or_default(),
        Data::Json(bytes) => bytes.to_vec(),
    };
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    text
}
