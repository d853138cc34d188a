//! TOML, with the place of every value.

use smol_str::SmolStr;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layer::Layer;
use crate::node::{Key, Map, Node, Value};
use crate::span::{SourceId, Span};

/// Reads a whole file.
pub(super) fn read(text: &str, id: SourceId, layer: Layer, diagnostics: &mut Diagnostics) -> Node {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        id,
        layer,
        offset: 0,
        diagnostics,
    };
    for error in errors {
        reader.complain(&error, text);
    }
    // The table's own span ends at its last key, the file's is what a message about the whole means.
    reader.table(table.into_inner(), Span::new(id, 0..text.len()))
}

/// Reads one value; nothing if it is none.
pub(super) fn value(
    text: &str,
    id: SourceId,
    offset: usize,
    layer: Layer,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    let mut reader = Reader {
        id,
        layer,
        offset,
        diagnostics,
    };
    Some(reader.value(value))
}

struct Reader<'a> {
    id: SourceId,
    layer: Layer,
    offset: usize,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn span(&self, range: std::ops::Range<usize>) -> Span {
        Span::new(self.id, self.offset + range.start..self.offset + range.end)
    }

    fn complain(&mut self, error: &toml::de::Error, text: &str) {
        let range = error.span().unwrap_or(text.len()..text.len());
        let message = error.message().trim();
        // "invalid x\nexpected y": two lines, of which the second is our expectation.
        let (message, expectation) = match message.split_once("\nexpected ") {
            Some((message, expected)) => (message, Some(expected)),
            None => (message, None),
        };
        let mut wrong =
            Diagnostic::error("toml-syntax", self.span(range), message.replace('\n', ", "));
        wrong.expectation = expectation.map(str::to_owned);
        self.diagnostics.push(wrong);
    }

    fn value(&mut self, value: Spanned<DeValue<'_>>) -> Node {
        let span = self.span(value.span());
        let value = match value.into_inner() {
            DeValue::String(text) => Value::Str(SmolStr::from(text)),
            DeValue::Integer(number) => {
                let digits = number.as_str();
                if let Ok(number) = i64::from_str_radix(digits, number.radix()) {
                    Value::Int(number)
                } else {
                    let message = format!("`{number}` is too large a whole number");
                    self.diagnostics
                        .push(Diagnostic::error("number-range", span, message));
                    Value::Int(0)
                }
            }
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(value) => Value::Bool(value),
            DeValue::Datetime(time) => Value::Str(smol_str::format_smolstr!("{time}")),
            DeValue::Array(items) => {
                Value::Seq(items.into_iter().map(|item| self.value(item)).collect())
            }
            DeValue::Table(table) => return self.table(table, span),
        };
        Node::new(value, span, self.layer)
    }

    fn table(&mut self, table: DeTable<'_>, span: Span) -> Node {
        let mut entries: Vec<(Spanned<DeString<'_>>, Spanned<DeValue<'_>>)> =
            table.into_iter().collect();
        // Whatever order the parser keeps them in, a user sees the one in which they were written.
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut map = Map::with_capacity(entries.len());
        for (key, value) in entries {
            let span = self.span(key.span());
            let name = SmolStr::from(key.into_inner());
            let value = self.value(value);
            map.insert(Key { name, span }, value);
        }
        Node::new(Value::Map(map), span, self.layer)
    }
}
