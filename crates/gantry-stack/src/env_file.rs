//! `.env` files.
//!
//! `NAME=value` a line, `export` before it if one likes, `#` comments. Without quotes, the value ends
//! at the line's end or before ` #`; in single quotes nothing is special; in double quotes
//! `\n`, `\t`, `\r`, `\"`, `\\`, `\$` are escapes and the value may have several lines. `${NAME}` is put
//! in except in single quotes, from lines above and from the environment, which wins.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::interpolate::{Variables, complain, expand};
use crate::source::SourceMap;
use crate::span::{SourceId, Span};

mod parse;
#[cfg(test)]
mod tests;

pub use parse::{EnvFileError, Line, Quotes, parse};

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
    let Some(source) = sources.get(id) else {
        return Vec::new();
    };
    let (lines, errors) = parse(source.text());
    for error in errors {
        let span = Span::new(id, error.range);
        let wrong = Diagnostic::error("env-file-syntax", span, error.message);
        diagnostics.push(wrong.hint_if(error.hint));
    }
    let mut known = variables.clone();
    let mut found = Vec::with_capacity(lines.len());
    for line in lines {
        let value = match line.quotes {
            Quotes::Single => line.text,
            Quotes::None | Quotes::Double => match expand(&line.text, &known) {
                Ok(expanded) => expanded.text,
                Err(problems) => {
                    let span = Span::new(id, line.value);
                    for problem in problems {
                        let wrong = complain(&line.text, span, problem, &known, sources);
                        let hint = wrong
                            .hint
                            .clone()
                            .filter(|hint| hint.starts_with("did you"));
                        let hint = hint.unwrap_or_else(|| QUOTES.to_owned());
                        diagnostics.push(wrong.hint(hint));
                    }
                    continue;
                }
            },
        };
        known.add(line.name.clone(), value.clone());
        found.push(Variable {
            span: Span::new(id, line.at),
            name: line.name,
            value,
        });
    }
    found
}

const QUOTES: &str = "a value in single quotes keeps its `$`";
