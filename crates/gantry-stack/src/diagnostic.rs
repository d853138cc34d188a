//! What is wrong with what a user wrote: all of it at once, each with its place.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::source::SourceMap;
use crate::span::Span;

mod plain;

#[cfg(test)]
mod tests;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing is done with this file.
    Error,
    /// It works, and is probably not what was meant.
    Warning,
}

/// A place with a few words that are printed beside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The words; may be empty.
    pub text: String,
}

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as one sentence without a full stop.
    pub message: String,
    /// Where.
    pub primary: Label,
    /// Other places that matter, such as the first of two definitions.
    pub secondary: Vec<Label>,
    /// What was expected instead, as a noun: "a whole number".
    pub expectation: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// A stable word to search for, such as `unknown-key`.
    pub code: &'static str,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            primary: Label {
                span,
                text: String::new(),
            },
            secondary: Vec::new(),
            expectation: None,
            hint: None,
            code,
        }
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    /// Says what is at the place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Says what was expected.
    #[must_use]
    pub fn expected(mut self, what: impl Into<String>) -> Self {
        self.expectation = Some(what.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says what to do, if there is something to say.
    #[must_use]
    pub fn hint_if(mut self, hint: Option<impl Into<String>>) -> Self {
        if let Some(hint) = hint {
            self.hint = Some(hint.into());
        }
        self
    }
}

/// Collects every complaint of one load.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    errors: usize,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one in.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        self.list.push(diagnostic);
    }

    /// Takes in all of another collector's.
    pub fn append(&mut self, other: Self) {
        self.errors += other.errors;
        self.list.extend(other.list);
    }

    /// Whether there is an error, not only warnings.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors there are so far. Two counts tell whether a step went well.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Whether one of the last `count` is about the syntax of a file, so that parts of it are missing.
    pub(crate) fn has_syntax_error(&self, count: usize) -> bool {
        let last = self.list.iter().rev().take(count);
        last.into_iter().any(|one| one.code.ends_with("-syntax"))
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// In the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Sorts by place, drops what was said twice, and joins them with the texts that they point at.
    pub fn finish(mut self, sources: Arc<SourceMap>) -> Report {
        let mut seen = HashSet::new();
        self.list.retain(|one| seen.insert(one.clone()));
        // What stands nowhere is about the whole and comes first; files come as they were read.
        self.list.sort_by_key(|one| {
            let span = one.primary.span;
            (!span.is_none(), span, one.severity)
        });
        Report {
            diagnostics: self.list,
            sources,
        }
    }
}

/// Every complaint of one load, sorted, with the texts that they point at.
#[derive(Clone, Debug)]
pub struct Report {
    /// Sorted by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts.
    pub sources: Arc<SourceMap>,
}

impl Report {
    /// Whether there is an error, not only warnings.
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|one| one.severity == Severity::Error)
    }

    /// As plain data, for JSON.
    pub fn plain(&self) -> Vec<PlainDiagnostic> {
        self.diagnostics
            .iter()
            .map(|one| PlainDiagnostic::new(one, &self.sources))
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostics
            .iter()
            .try_for_each(|one| plain::write(f, one, &self.sources))
    }
}

impl std::error::Error for Report {}

/// A complaint as plain data: a stable contract of `-o json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlainDiagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable word to search for.
    pub code: String,
    /// The file, or what else the text is called; none if it is about no text.
    pub file: Option<String>,
    /// Line, from 1.
    pub line: Option<usize>,
    /// Column, from 1, in characters.
    pub column: Option<usize>,
    /// What is wrong, with what was expected.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line that the place is on.
    pub excerpt: Option<String>,
    /// The other places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
}

/// Another place that matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is there.
    pub message: String,
}

impl PlainDiagnostic {
    /// Looks the places up.
    pub fn new(diagnostic: &Diagnostic, sources: &SourceMap) -> Self {
        let span = diagnostic.primary.span;
        let place = sources.place(span);
        let excerpt = sources
            .get(span.source)
            .zip(place)
            .and_then(|(text, place)| {
                let line = text.line(place.position.line)?;
                Some(line.trim_end().to_owned())
            });
        let message = match &diagnostic.expectation {
            Some(what) => format!("{}; expected {what}", diagnostic.message),
            None => diagnostic.message.clone(),
        };
        let related = diagnostic.secondary.iter().filter_map(|label| {
            let place = sources.place(label.span)?;
            Some(Related {
                file: place.name.to_owned(),
                line: place.position.line,
                column: place.position.column,
                message: label.text.clone(),
            })
        });
        Self {
            severity: diagnostic.severity,
            code: diagnostic.code.to_owned(),
            file: place.map(|place| place.name.to_owned()),
            line: place.map(|place| place.position.line),
            column: place.map(|place| place.position.column),
            message,
            hint: diagnostic.hint.clone(),
            excerpt,
            related: related.collect(),
        }
    }
}

impl fmt::Display for PlainDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        if let (Some(file), Some(line), Some(column)) = (&self.file, self.line, self.column) {
            write!(f, "{file}:{line}:{column}: ")?;
        }
        write!(f, "{word}: {}", self.message)?;
        for related in &self.related {
            let Related {
                file,
                line,
                column,
                message,
            } = related;
            write!(f, "\n  {file}:{line}:{column}: {message}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}
