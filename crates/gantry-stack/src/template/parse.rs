//! The grammar of `{{ … }}`.

use std::ops::Range;

use serde_json::Value;
use smol_str::SmolStr;

use super::reference::is_name_character;
use super::{Part, Reference, Template};

/// What is wrong in a template, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// The bytes of the text that are wrong.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write in its place.
    pub hint: Option<String>,
}

impl TemplateError {
    fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Reads a whole text. In the ranges `put_in`, which came from variables, braces are literal.
pub(super) fn parse(text: &str, put_in: &[Range<u32>]) -> Result<Template, TemplateError> {
    let mut parts = Vec::new();
    let mut from = 0;
    let mut literal = String::new();
    while let Some(found) = text[from..].find("{{") {
        let open = from + found;
        literal.push_str(&text[from..open]);
        if let Some(end) = put_in_at(open, put_in) {
            literal.push_str(&text[open..end]);
            from = end;
            continue;
        }
        if text[open..].starts_with("{{{{") {
            literal.push_str("{{");
            from = open + 4;
            continue;
        }
        if text[open..].starts_with("{{{") {
            // Of three, the first is text: a mapping of JSON around a reference.
            literal.push('{');
            from = open + 1;
            continue;
        }
        let mut cursor = Cursor { text, at: open + 2 };
        let reference = cursor.reference(open)?;
        parts.push(Part::Literal(std::mem::take(&mut literal)));
        parts.push(Part::Reference(reference));
        from = cursor.at;
    }
    literal.push_str(&text[from..]);
    parts.push(Part::Literal(literal));
    Ok(Template::from_parts(parts))
}

/// The end of the part that a variable put in, if one of the two braces at `open` is in it.
fn put_in_at(open: usize, put_in: &[Range<u32>]) -> Option<usize> {
    let found = put_in
        .iter()
        .find(|range| (range.start as usize) < open + 2 && open < range.end as usize)?;
    Some((found.end as usize).max(open + 1))
}

/// Reads a path alone.
pub(super) fn path(text: &str) -> Result<Vec<SmolStr>, TemplateError> {
    let mut cursor = Cursor { text, at: 0 };
    let path = cursor.path()?;
    if cursor.at < text.len() {
        return Err(TemplateError::new(
            cursor.at..text.len(),
            "a path is names with dots between them",
        ));
    }
    Ok(path)
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// The span of the character here, for a message.
    fn here(&self) -> Range<usize> {
        self.at..self.at + self.rest().chars().next().map_or(0, char::len_utf8)
    }

    fn reference(&mut self, open: usize) -> Result<Reference, TemplateError> {
        self.blanks();
        let path = self.path()?;
        self.blanks();
        let mut default = None;
        if self.take("|") {
            self.blanks();
            let from = self.at;
            if !self.take("default") {
                let word = self
                    .rest()
                    .find(|c: char| !is_name_character(c))
                    .unwrap_or(self.rest().len());
                return Err(TemplateError::new(
                    from..from + word,
                    "the only filter of a reference is default(…)",
                ));
            }
            self.blanks();
            default = Some(self.default(from)?);
            self.blanks();
        }
        if self.take("}}") {
            return Ok(Reference { path, default });
        }
        if !self.rest().contains("}}") {
            return Err(
                TemplateError::new(open..open + 2, "this {{ is never closed")
                    .hint("write }} after the reference, or {{{{ for a literal {{"),
            );
        }
        Err(TemplateError::new(
            self.here(),
            "expected }} or | default(…) after the path of a reference",
        ))
    }

    fn path(&mut self) -> Result<Vec<SmolStr>, TemplateError> {
        let mut names = vec![self.name()?];
        while self.take(".") {
            names.push(self.name()?);
        }
        Ok(names)
    }

    fn name(&mut self) -> Result<SmolStr, TemplateError> {
        let from = self.at;
        if self.take("\"") {
            let Some(length) = self.rest().find('"') else {
                return Err(TemplateError::new(
                    from..from + 1,
                    "this quote is never closed",
                ));
            };
            let name = SmolStr::new(&self.rest()[..length]);
            self.at += length + 1;
            return Ok(name);
        }
        let length = self
            .rest()
            .find(|c: char| !is_name_character(c))
            .unwrap_or(self.rest().len());
        if length == 0 {
            let error = TemplateError::new(
                self.here(),
                "expected a name, such as vars.tag or services.db.host",
            );
            return Err(if self.rest().is_empty() || self.rest().starts_with("}}") {
                error
            } else {
                error.hint("names have letters, digits, hyphens and underscores; others go into double quotes")
            });
        }
        let name = SmolStr::new(&self.rest()[..length]);
        self.at += length;
        Ok(name)
    }

    fn default(&mut self, from: usize) -> Result<Value, TemplateError> {
        if !self.take("(") {
            return Err(TemplateError::new(from..self.at, "default needs a value")
                .hint("write default(5432) or default(\"text\")"));
        }
        self.blanks();
        let value = self.literal()?;
        self.blanks();
        if self.take(")") {
            Ok(value)
        } else {
            Err(TemplateError::new(
                self.here(),
                "expected ) after the default",
            ))
        }
    }

    fn literal(&mut self) -> Result<Value, TemplateError> {
        let from = self.at;
        for quote in ['"', '\''] {
            if !self.rest().starts_with(quote) {
                continue;
            }
            let mut text = String::new();
            let mut escaped = false;
            for (offset, c) in self.rest().char_indices().skip(1) {
                match c {
                    c if escaped => {
                        text.push(match c {
                            'n' => '\n',
                            't' => '\t',
                            other => other,
                        });
                        escaped = false;
                    }
                    '\\' => escaped = true,
                    c if c == quote => {
                        self.at += offset + 1;
                        return Ok(Value::String(text));
                    }
                    c => text.push(c),
                }
            }
            return Err(TemplateError::new(
                from..from + 1,
                "this quote is never closed",
            ));
        }
        let length = self
            .rest()
            .find(|c: char| c == ')' || c.is_whitespace())
            .unwrap_or(self.rest().len());
        let word = &self.rest()[..length];
        let value = match word {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            _ => word.parse::<serde_json::Number>().ok().map(Value::Number),
        };
        self.at += length;
        value.ok_or_else(|| {
            TemplateError::new(
                from..from + length.max(1).min(self.text.len() - from),
                "a default is a number, true, false, null or a quoted text",
            )
            .hint(format!("write default(\"{word}\")"))
        })
    }
}
