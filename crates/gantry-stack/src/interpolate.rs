//! `${NAME}` in scalars, the way Compose has it.
//!
//! | written | means |
//! |---|---|
//! | `$NAME`, `${NAME}` | the variable; it is an error if it is not set |
//! | `${NAME:-text}`, `${NAME-text}` | `text` if it is unset or empty; if it is unset |
//! | `${NAME:?text}`, `${NAME?text}` | an error saying `text` if it is unset or empty; if it is unset |
//! | `${NAME:+text}`, `${NAME+text}` | `text` if it is set and not empty; if it is set; else nothing |
//! | `$$` | one `$` |
//!
//! `text` may have all of these in it. What was put in is not looked at again.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layer::Layer;
use crate::node::{Node, Substituted, Value};
use crate::source::SourceMap;
use crate::span::Span;

pub use expand::{Expanded, Problem, ProblemKind, asked, expand};

mod expand;
#[cfg(test)]
mod tests;

/// Where the values of `${NAME}` come from: the environment of the process, over env-files.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    process: Arc<HashMap<String, String>>,
    files: HashMap<String, String>,
}

impl Variables {
    /// The variables of the process.
    pub fn new(process: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            process: Arc::new(process.into_iter().collect()),
            files: HashMap::new(),
        }
    }

    /// Adds a variable of an env-file; a later one wins, the process wins over both.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.files.insert(name.into(), value.into());
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.process.get(name).or_else(|| self.files.get(name))?;
        Some(value)
    }

    /// The variables of the process alone.
    pub fn process(&self) -> impl Iterator<Item = (&str, &str)> {
        self.process.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Every name that is set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.process
            .keys()
            .chain(self.files.keys())
            .map(String::as_str)
    }
}

/// Puts variables into every scalar below `node`. Keys stay as they are, and so does what came from
/// the environment or a flag: a shell has looked at it already.
pub fn interpolate(
    node: &mut Node,
    variables: &Variables,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) {
    match &mut node.value {
        Value::Str(text)
            if text.contains('$')
                && node.substituted.is_none()
                && node.layer < Layer::Environment =>
        {
            match expand(text, variables) {
                Ok(expanded) => {
                    *text = expanded.text.into();
                    if expanded.whole || !expanded.ranges.is_empty() {
                        node.substituted = Some(Box::new(Substituted {
                            ranges: expanded.ranges,
                            whole: expanded.whole,
                        }));
                    }
                }
                Err(problems) => {
                    let text = text.clone();
                    for problem in problems {
                        diagnostics.push(complain(&text, node.span, problem, variables, sources));
                    }
                    // `Node::is_unresolved`: it is not complained about again as something else.
                    node.substituted = Some(Box::default());
                }
            }
        }
        Value::Seq(items) => {
            for item in items {
                interpolate(item, variables, sources, diagnostics);
            }
        }
        Value::Map(map) => {
            for (_, value) in map.values_mut() {
                interpolate(value, variables, sources, diagnostics);
            }
        }
        _ => {}
    }
}

/// The complaint about a problem of `text`, which was written at `span`.
pub(crate) fn complain(
    text: &str,
    span: Span,
    problem: Problem,
    variables: &Variables,
    sources: &SourceMap,
) -> Diagnostic {
    let place = within(text, span, problem.range, sources);
    match problem.kind {
        ProblemKind::Unset { name } => {
            let near = crate::nearest::did_you_mean(&name, variables.names());
            let hint = near.unwrap_or_else(|| {
                format!("set it, or give a default: `${{{name}:-…}}`; a literal `$` is `$$`")
            });
            Diagnostic::error(
                "unset-variable",
                place,
                format!("the variable `{name}` is not set"),
            )
            .hint(hint)
        }
        ProblemKind::Required { name, message } => {
            let message = match message.as_str() {
                "" => format!("the variable `{name}` is required"),
                message => format!("the variable `{name}` is required: {message}"),
            };
            Diagnostic::error("required-variable", place, message)
        }
        ProblemKind::Syntax { message } => {
            Diagnostic::error("bad-substitution", place, message).hint("a literal `$` is `$$`")
        }
    }
}

/// The place of a part of a scalar's text, which escapes and folding may have moved.
///
/// The part is looked for in what was written: as the same occurrence of the same text. Where
/// it cannot be found (it was spelt with escapes), the place is the whole scalar.
pub fn within(text: &str, span: Span, part: Range<usize>, sources: &SourceMap) -> Span {
    let (Some(written), Some(needle)) = (sources.slice(span), text.get(part.clone())) else {
        return span;
    };
    if needle.is_empty() {
        return span;
    }
    let before = text[..part.start].matches(needle).count();
    written
        .match_indices(needle)
        .nth(before)
        .map_or(span, |(at, _)| span.part(at..at + needle.len()))
}
