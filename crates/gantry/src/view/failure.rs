//! A failure as a block: the service, what was tried, what was seen, since when, the last lines,
//! what to do.

use gantry_api::{Failure, State};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::state;
use crate::humane;
use crate::style::{Text, Tone, harmless};

/// How many of the last lines are shown.
const TAIL: usize = 12;

/// Its lines; what a service's own output says is set apart by a bar.
pub(crate) fn block(service: &str, of: State, failure: &Failure) -> Vec<Text> {
    let mut lines = vec![headline(service, of, failure)];
    lines.extend(facts(failure).into_iter().map(indented));
    lines.extend(hint(service, failure).map(|what| indented(fact("next", what))));
    lines
}

/// One line: who, how, why.
fn headline(service: &str, of: State, failure: &Failure) -> Text {
    Text::of(Tone::Strong, service)
        .plain(" ")
        .and(
            match state::tone(of) {
                Tone::Good | Tone::Dim | Tone::Plain | Tone::Strong => Tone::Bad,
                other => other,
            },
            match of {
                State::Failed | State::Blocked | State::Stopping | State::Backoff => of.as_str(),
                _ => "failed",
            },
        )
        .plain(": ")
        .plain(harmless(&failure.reason))
}

/// What is known, a line each.
pub(crate) fn facts(failure: &Failure) -> Vec<Text> {
    let mut lines = Vec::new();
    if let Some(step) = &failure.step {
        lines.push(fact("step", harmless(step)));
    }
    if let Some(tried) = &failure.tried {
        lines.push(fact("tried", harmless(tried)));
    }
    if let Some(evidence) = &failure.evidence
        && !failure.reason.contains(evidence.as_str())
    {
        for (position, line) in evidence.lines().enumerate() {
            lines.push(fact(
                if position == 0 { "seen" } else { "" },
                harmless(line),
            ));
        }
    }
    if let Some(exit) = &failure.exit {
        let words = exit.to_string();
        // `exited with code 3` says it already.
        let known = words.strip_prefix("exit ").unwrap_or(&words);
        if !failure.reason.contains(known) {
            lines.push(fact("exit", words));
        }
    }
    if let Some(since) = failure.since {
        lines.push(fact("since", moment(since)));
    }
    lines.extend(tail(&failure.tail));
    lines
}

/// The last lines of output.
pub(crate) fn tail(tail: &[String]) -> Vec<Text> {
    let skipped = tail.len().saturating_sub(TAIL);
    let shown = tail.iter().skip(skipped);
    shown
        .enumerate()
        .map(|(position, line)| {
            let name = if position == 0 { "output" } else { "" };
            label(name).and(Tone::Dim, "| ").plain(harmless(line))
        })
        .collect()
}

/// When, and how long ago.
fn moment(moment: Timestamp) -> String {
    let ago = Timestamp::now().duration_since(moment);
    let ago = std::time::Duration::try_from(ago).unwrap_or_default();
    let time = moment.to_zoned(TimeZone::system()).strftime("%H:%M:%S");
    format!("{time}, {} ago", humane::wait(ago))
}

/// What to do about it.
fn hint(service: &str, failure: &Failure) -> Option<String> {
    if failure.hint.is_some() {
        return failure.hint.clone();
    }
    Some(match failure.stage.as_str() {
        "superseded" => return None,
        "dependency" => format!("gantry explain {service}"),
        "start" | "preflight" => {
            format!("correct the service in the stack file, then gantry start {service}")
        }
        "ready" if failure.tail.is_empty() => {
            format!("gantry explain {service}; is the probe right?")
        }
        "ready" => format!("gantry logs {service}; a longer start-timeout, if it only needs time"),
        "stop" => "gantry status -o wide, to see what resists".to_owned(),
        _ if failure.tail.is_empty() => format!("gantry explain {service}"),
        _ => format!("gantry logs {service}"),
    })
}

/// One fact with its name before it.
pub(crate) fn fact(name: &str, value: impl Into<String> + AsRef<str>) -> Text {
    label(name).plain(value)
}

fn label(name: &str) -> Text {
    Text::of(Tone::Dim, format!("{name:<8}"))
}

/// Two blanks further right.
pub(crate) fn indented(line: Text) -> Text {
    Text::from("  ").join(line)
}
