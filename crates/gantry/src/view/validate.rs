//! What `validate` shows when nothing is wrong.

use camino::Utf8PathBuf;
use serde_json::Value;

use super::{Data, Page, View};
use crate::humane;
use crate::style::{Text, Tone};

/// A stack file without errors.
#[derive(Debug)]
pub(crate) struct ValidView {
    /// The stack's name.
    pub(crate) stack: String,
    /// The file.
    pub(crate) file: Utf8PathBuf,
    /// How many services there are.
    pub(crate) services: usize,
    /// What is odd, as data.
    pub(crate) warnings: Vec<Value>,
}

impl View for ValidView {
    fn lines(&self, _: Page) -> Vec<Text> {
        let count = humane::count(self.services, "service");
        let line = Text::of(Tone::Good, "valid").plain(format!("  {}: {count}", self.stack));
        vec![line.and(Tone::Dim, format!("  {}", self.file))]
    }

    fn data(&self) -> Data {
        Data::Value(serde_json::json!({
            "stack": self.stack, "file": self.file, "services": self.services,
            "errors": [], "warnings": self.warnings,
        }))
    }
}
