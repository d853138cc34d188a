//! Complaints as plain text: for files, for tests, for terminals without colours.

use std::fmt::{self, Write};

use super::{Diagnostic, PlainDiagnostic, Severity};
use crate::source::SourceMap;
use crate::span::Span;

/// No more of a line is shown than this.
const WIDTH: usize = 110;

/// The place, what is wrong, the line with the place marked, other places, and what to do.
pub(super) fn write(
    f: &mut impl Write,
    diagnostic: &Diagnostic,
    sources: &SourceMap,
) -> fmt::Result {
    let plain = PlainDiagnostic::new(diagnostic, sources);
    if let (Some(file), Some(line), Some(column)) = (&plain.file, plain.line, plain.column) {
        write!(f, "{file}:{line}:{column}: ")?;
    }
    let word = match plain.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    writeln!(f, "{word}: {}", plain.message)?;
    excerpt(
        f,
        diagnostic.primary.span,
        &diagnostic.primary.text,
        sources,
    )?;
    for label in &diagnostic.secondary {
        if let Some(place) = sources.place(label.span) {
            writeln!(f, "  {place}: {}", label.text)?;
            excerpt(f, label.span, "", sources)?;
        }
    }
    match &plain.hint {
        Some(hint) => writeln!(f, "  hint: {hint}"),
        None => Ok(()),
    }
}

/// The line, and below it a mark.
fn excerpt(f: &mut impl Write, span: Span, label: &str, sources: &SourceMap) -> fmt::Result {
    let Some((source, place)) = sources.get(span.source).zip(sources.place(span)) else {
        return Ok(());
    };
    let Some(line) = source
        .line(place.position.line)
        .filter(|line| !line.trim().is_empty())
    else {
        return Ok(());
    };
    let before = place.position.column - 1;
    let from = before
        .saturating_sub(WIDTH / 2)
        .min(line.chars().count().saturating_sub(WIDTH));
    let shown: String = line.chars().skip(from).take(WIDTH).collect();
    let (start, end) = (
        if from > 0 { "…" } else { "" },
        shown.len() + from < line.len(),
    );
    let number = place.position.line.to_string();
    let shown = shown.trim_end();
    writeln!(
        f,
        "  {number} | {start}{shown}{}",
        if end { "…" } else { "" }
    )?;
    // A tab stays a tab, so that the mark stands below what it means.
    let pad: String = line
        .chars()
        .skip(from)
        .take(before - from)
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let pad = if from > 0 { format!(" {pad}") } else { pad };
    let marked = sources.slice(span).unwrap_or_default();
    let marked = marked.lines().next().unwrap_or_default().chars().count();
    let room = shown.chars().count().saturating_sub(before - from);
    let marks = "^".repeat(marked.min(room).max(1));
    let line = format!(
        "  {:width$} | {pad}{marks} {label}",
        "",
        width = number.len()
    );
    writeln!(f, "{}", line.trim_end())
}
