//! What is wrong with a stack file.

use std::sync::Arc;

use gantry_stack::diagnostic::{Diagnostic, Report, Severity};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource,
    Severity as Weight,
};

use super::Data;
use crate::humane;
use crate::output::Stream;
use crate::style::{Text, Tone};

/// The same for programs: `errors`, and `warnings` if there are any.
pub(crate) fn data(report: &Report) -> Data {
    let mut value = serde_json::json!({ "errors": of(report, Severity::Error) });
    let warnings = warnings(report);
    if !warnings.is_empty() {
        value["warnings"] = warnings.into();
    }
    Data::Value(value)
}

/// What is odd, but not wrong.
pub(crate) fn warnings(report: &Report) -> Vec<serde_json::Value> {
    of(report, Severity::Warning)
}

fn of(report: &Report, severity: Severity) -> Vec<serde_json::Value> {
    let all = report.plain().into_iter();
    all.filter(|one| one.severity == severity)
        .map(|one| {
            serde_json::json!({
                "file": one.file, "line": one.line, "column": one.column, "code": one.code,
                "message": one.message, "hint": one.hint, "excerpt": one.excerpt,
                "related": one.related,
            })
        })
        .collect()
}

/// For people: each with its place in the file, and how many there are.
pub(crate) fn show(report: &Report, stream: &Stream) {
    let handler = GraphicalReportHandler::new_themed(if stream.colour() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    })
    .with_width(stream.width().unwrap_or(100))
    .with_links(false);
    for diagnostic in &report.diagnostics {
        let mut text = String::new();
        if handler
            .render_report(&mut text, &*pictured(diagnostic, report))
            .is_err()
        {
            text.clone_from(&diagnostic.message);
        }
        let lines = text.lines().skip_while(|line| line.trim().is_empty());
        for line in lines {
            stream.bytes(line.trim_end().as_bytes());
            stream.bytes(b"\n");
        }
        stream.bytes(b"\n");
    }
    let errors = count(report, Severity::Error);
    let warnings = count(report, Severity::Warning);
    let mut words = Vec::new();
    if errors > 0 {
        words.push(humane::count(errors, "error"));
    }
    if warnings > 0 {
        words.push(humane::count(warnings, "warning"));
    }
    let words = humane::list(&words);
    stream.line(if errors > 0 {
        Text::of(Tone::Bad, "error: ").plain(format!("the stack file has {words}"))
    } else {
        Text::of(Tone::Warn, "warning: ").plain(format!("the stack file has {words}"))
    });
}

fn count(report: &Report, severity: Severity) -> usize {
    let all = report.diagnostics.iter();
    all.filter(|one| one.severity == severity).count()
}

/// One complaint with the text around its places. Places in other files are named below.
fn pictured(diagnostic: &Diagnostic, report: &Report) -> miette::Report {
    let message = match &diagnostic.expectation {
        Some(what) => format!("{}; expected {what}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let mut shown = MietteDiagnostic::new(message).with_severity(match diagnostic.severity {
        Severity::Error => Weight::Error,
        Severity::Warning => Weight::Warning,
    });
    let primary = &diagnostic.primary;
    let source = report.sources.get(primary.span.source);
    let mut help: Vec<String> = diagnostic.hint.iter().cloned().collect();
    if source.is_some() {
        let place = |label: &gantry_stack::diagnostic::Label| {
            let words = (!label.text.is_empty()).then(|| label.text.clone());
            let range = label.span.range();
            LabeledSpan::new(words, range.start, range.len())
        };
        shown = shown.and_label(LabeledSpan::new_primary_with_span(
            place(primary).label().map(ToOwned::to_owned),
            primary.span.range(),
        ));
        for label in &diagnostic.secondary {
            if label.span.source == primary.span.source {
                shown = shown.and_label(place(label));
            } else if let Some(at) = report.sources.place(label.span) {
                help.push(format!("{at}: {}", label.text));
            }
        }
    }
    if !help.is_empty() {
        shown = shown.with_help(help.join("\n"));
    }
    let report = miette::Report::new(shown);
    match source {
        Some(source) => {
            let text: Arc<str> = source.text().clone();
            report.with_source_code(NamedSource::new(source.name(), text))
        }
        None => report,
    }
}
