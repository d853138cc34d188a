//! `.env` files.
//!
//! `NAME=value` a line, `export` before it if one likes, `#` comments. Without quotes, the value ends
//! at the line's end or before ` #`; in single quotes nothing is special; in double quotes
//! `\n`, `\t`, `\r`, `\"`, `\\`, `\$` are escapes and the value may have several lines. `${NAME}` is put
//! in except in single quotes, from lines above and from the environment, which wins.

use crate::diagnostic::Diagnostics;
use crate::interpolate::Variables;
use crate::source::SourceMap;
use crate::span::{SourceId, Span};

mod parse;
#[cfg(test)]
mod tests;

pub use parse::{Line, parse};

/// A variable of an env-file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, with `${}` put in.
    pub value: String,
    /// Where its name stands.
    pub span: Span,
}

/// Reads the text of source `id`, and puts in `variables` and the file's own earlier lines.
///
/// The variables come in the order of the file; they are not added to `variables`.
pub fn read(
    id: SourceId,
    variables: &Variables,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Vec<Variable> {
    parse::read(id, variables, sources, diagnostics)
}
