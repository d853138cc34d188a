//! `${NAME}`, as this dialect has it.
//!
//! `$NAME`, `${NAME}` and `${NAME:-default}`, whose default holds for what is not set at all and may have the same
//! in it. The other operators are those of stack files. Any other `$` is a letter.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::interpolate::{Problem, ProblemKind, Variables, complain, expand, within};
use crate::nearest::did_you_mean;
use crate::node::{Node, Substituted, Value};
use crate::source::SourceMap;

/// Puts variables into every text below `node`. A text with one that is not set stays as it is.
pub(super) fn put_in(
    node: &mut Node,
    variables: &Variables,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) {
    match &mut node.value {
        Value::Str(text) if text.contains('$') => {
            let written = text.clone();
            let mut unset = Vec::new();
            let expanded = expanded(&written, variables, &mut unset, 0);
            if unset.is_empty() {
                if expanded != *written {
                    *text = expanded.into();
                    let whole = written.starts_with("${");
                    node.substituted = Some(Box::new(Substituted::all_of(text, whole)));
                }
                return;
            }
            for problem in unset {
                let said = match &problem.kind {
                    ProblemKind::Unset { name } => {
                        let range = problem.range.clone();
                        let place = within(&written, node.span, range, sources);
                        let message = format!("the variable `{name}` is not set");
                        Diagnostic::warning("unset-variable", place, message).hint(
                            did_you_mean(name, variables.names()).unwrap_or_else(|| {
                                "the text stays as it is; it is an error where a template, a path or a port uses it".to_owned()
                            }),
                        )
                    }
                    _ => complain(&written, node.span, problem, variables, sources),
                };
                diagnostics.push(said);
            }
            node.substituted = Some(Box::default());
        }
        Value::Seq(items) => {
            for item in items {
                put_in(item, variables, sources, diagnostics);
            }
        }
        Value::Map(map) => {
            for (_, value) in map.values_mut() {
                put_in(value, variables, sources, diagnostics);
            }
        }
        _ => {}
    }
}

/// A text with variables put in. Those that are not set are noted with their places.
fn expanded(text: &str, variables: &Variables, unset: &mut Vec<Problem>, offset: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = text[at..].find('$') {
        let start = at + found;
        out.push_str(&text[at..start]);
        let rest = &text[start..];
        let end = match rest.as_bytes().get(1) {
            Some(b'{') => closing(rest),
            _ => Some(1 + name(&rest[1..]).len()).filter(|length| *length > 1),
        };
        let Some(length) = end else {
            out.push('$');
            at = start + 1;
            continue;
        };
        at = start + length;
        let piece = &text[start..at];
        one(piece, variables, unset, offset + start, &mut out);
    }
    out.push_str(&text[at..]);
    out
}

/// One `${…}` or `$NAME`.
fn one(
    piece: &str,
    variables: &Variables,
    unset: &mut Vec<Problem>,
    offset: usize,
    out: &mut String,
) {
    let inner = piece
        .strip_prefix("${")
        .and_then(|piece| piece.strip_suffix('}'));
    if let Some((variable, default)) = inner.and_then(|inner| inner.split_once(":-"))
        && name(variable) == variable
        && !variable.is_empty()
    {
        // Set and empty is set here.
        if let Some(value) = variables.get(variable) {
            out.push_str(value);
        } else {
            let offset = offset + variable.len() + 4;
            out.push_str(&expanded(default, variables, unset, offset));
        }
        return;
    }
    match expand(piece, variables) {
        Ok(expanded) => out.push_str(&expanded.text),
        Err(problems) => {
            for problem in problems {
                match problem.kind {
                    // It is not meant for us.
                    ProblemKind::Syntax { .. } => out.push_str(piece),
                    kind => unset.push(Problem {
                        range: problem.range.start + offset..problem.range.end + offset,
                        kind,
                    }),
                }
            }
        }
    }
}

fn name(text: &str) -> &str {
    let starts = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    let end = text
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .unwrap_or(text.len());
    if starts { &text[..end] } else { "" }
}

/// The length of a `${…}` with all that is inside.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                depth += 1;
                at += 1;
                if depth > 32 {
                    return None;
                }
            }
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}
