//! Jinja2's language, so far as templates of configuration files use it.
//!
//! A template gives here what Python's Jinja2 3.1 gives with its default settings, to the byte, or it is an
//! error. So there are Python's own rules where they show in the result: of comparing and
//! adding, of printing numbers and lists, of which names are methods. What is not there is an error and never
//! something similar: including, inheriting and macros; filters and tests that nobody listed;
//! text that Python escapes by tables of its own.
//!
//! Stricter than Jinja2's defaults: a missing value cannot be printed, compared or looked into, and `None` cannot
//! be printed.

use std::ops::Range;

mod ast;
mod check;
mod evaluate;
mod expression;
mod filter;
mod lexer;
mod method;
mod operate;
mod parser;
mod repr;
mod scope;
#[cfg(test)]
mod tests;
mod token;
mod value;

pub use value::{Dict, Key, Value};

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// The place, in bytes of [`Template::source`].
    pub range: Range<usize>,
    /// What kind of mistake it is.
    pub kind: ProblemKind,
    /// What is wrong, as one sentence without a full stop.
    pub message: String,
}

/// The kinds of mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// It is no template.
    Syntax,
    /// A value is not there.
    Missing,
    /// A value is there and says that it has none.
    Refused,
    /// Python's Jinja2 fails here too.
    Failed,
    /// Jinja2 can do this; gantry cannot, or not with certainty to the same text.
    Unsupported,
}

/// A template that was read.
#[derive(Debug)]
pub struct Template {
    source: String,
    body: Vec<ast::Statement>,
}

impl Template {
    /// The text of a file, as the problems' places refer to it: with `\n` alone at the ends of lines.
    pub fn normal(text: &str) -> String {
        text.replace("\r\n", "\n").replace('\r', "\n")
    }

    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let source = Self::normal(text);
        let whole = source.strip_suffix('\n').unwrap_or(&source);
        let tokens = lexer::tokens(whole)?;
        let body = parser::parse(whole, &tokens)?;
        Ok(Self { source, body })
    }

    /// The text that places refer to.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Renders it with these names.
    pub fn render(&self, context: &Dict) -> Result<String, Problem> {
        evaluate::render(&self.source, &self.body, context)
    }
}

impl Problem {
    fn new(range: Range<usize>, kind: ProblemKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            range,
            kind,
            message,
        }
    }
}
