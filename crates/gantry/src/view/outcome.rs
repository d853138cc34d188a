//! How an operation ended.

use std::time::Duration;

use gantry_api::{
    OperationKind, Outcome, PreflightFailure, ResultWord, ServiceFailure, State, Unfinished,
};

use super::{failure, state};
use crate::humane;
use crate::style::{Text, Tone, harmless};

/// All that did not go well, for people, and one line at the end. `moved` is how many
/// services got somewhere by it; none if there was nothing to do.
pub(crate) fn lines(kind: OperationKind, outcome: &Outcome, moved: Option<usize>) -> Vec<Text> {
    let mut lines = Vec::new();
    let block = |block: Vec<Text>, lines: &mut Vec<Text>| {
        lines.push(Text::new());
        lines.extend(block);
    };
    for (missing, services) in by_message(&outcome.preflight) {
        block(preflight(missing, &services), &mut lines);
    }
    // A service that is blocked says so in one line below its cause.
    let (roots, blocked): (Vec<_>, Vec<_>) = outcome
        .failures
        .iter()
        .partition(|failed| failed.failure.stage != "dependency");
    let (superseded, roots): (Vec<_>, Vec<_>) = roots
        .into_iter()
        .partition(|failed| failed.failure.stage == "superseded");
    for failed in roots {
        block(
            failure::block(&failed.service, failed.state, &failed.failure),
            &mut lines,
        );
    }
    for late in &outcome.unfinished {
        block(unfinished(late), &mut lines);
    }
    if !blocked.is_empty() {
        lines.push(Text::new());
        for failed in blocked {
            let line = Text::of(Tone::Strong, &failed.service)
                .plain(" ")
                .and(Tone::Warn, "blocked")
                .plain(": ")
                .plain(harmless(&failed.failure.reason));
            lines.push(line);
        }
    }
    if !superseded.is_empty() {
        lines.push(Text::new());
        lines.extend(together(&superseded));
    }
    if !lines.is_empty() {
        lines.push(Text::new());
    }
    lines.push(last_line(kind, outcome, moved));
    if let Some(hint) = &outcome.hint {
        lines.push(Text::of(Tone::Dim, "hint: ").plain(hint));
    }
    lines
}

/// The end in one line.
fn last_line(kind: OperationKind, outcome: &Outcome, moved: Option<usize>) -> Text {
    let took = humane::wait(Duration::from_millis(outcome.duration_ms));
    let count = humane::count(moved.unwrap_or(0), "service");
    let word = kind.as_str();
    match outcome.result {
        ResultWord::Done => {
            let done = match (kind, moved) {
                (OperationKind::Down, _) => "Everything is down".to_owned(),
                (_, None) => {
                    return Text::of(Tone::Good, "Nothing to do: everything is as it should be");
                }
                // Nobody wanted to wait.
                (_, Some(0)) => return Text::of(Tone::Good, format!("{word} has begun")),
                (OperationKind::Up | OperationKind::Start, _) => format!("{count} up"),
                (OperationKind::Stop, _) => format!("{count} stopped"),
                (OperationKind::Restart, _) => format!("{count} restarted"),
                (OperationKind::Rollback, _) => format!("{count} back"),
            };
            Text::of(Tone::Good, done).and(Tone::Dim, format!(" in {took}"))
        }
        ResultWord::Failed => {
            let (blocked, failed): (Vec<_>, Vec<_>) = outcome
                .failures
                .iter()
                .partition(|one| one.failure.stage == "dependency");
            let failed: Vec<&str> = failed.into_iter().map(|one| &*one.service).collect();
            let who = match (failed.is_empty(), blocked.len()) {
                (true, 0) => String::new(),
                (true, count) => format!(": {}", humane::count(count, "service") + " blocked"),
                (false, 0) => format!(": {}", humane::some(&failed)),
                (false, count) => format!(": {}; {count} blocked by that", humane::some(&failed)),
            };
            Text::of(Tone::Bad, format!("error: {word} failed{who}"))
                .and(Tone::Dim, format!(" after {took}"))
        }
        ResultWord::NotReady => {
            let roots = outcome.failures.iter();
            let roots = roots.filter(|one| one.failure.stage != "dependency");
            let waiting = |one: &&Unfinished| one.state != State::Waiting;
            let late: Vec<&str> = roots
                .map(|one| &*one.service)
                .chain(
                    outcome
                        .unfinished
                        .iter()
                        .filter(waiting)
                        .map(|one| &*one.service),
                )
                .collect();
            Text::of(
                Tone::Bad,
                format!("error: not ready in time: {}", humane::some(&late)),
            )
            .and(Tone::Dim, format!(" after {took}"))
        }
        ResultWord::Preflight => Text::of(
            Tone::Bad,
            format!(
                "error: pre-flight found {}; nothing was started",
                humane::count(by_message(&outcome.preflight).len(), "problem")
            ),
        ),
        ResultWord::Refused => {
            let why = outcome
                .refusal
                .as_deref()
                .unwrap_or("it may not be done now");
            Text::of(Tone::Bad, "error: ").plain(why)
        }
        ResultWord::Cancelled => Text::of(Tone::Bad, format!("error: {word} was cancelled"))
            .and(Tone::Dim, format!(" after {took}")),
    }
}

/// Those of which the same is to be said: `db and api: stopped by another command`.
fn together(failures: &[&ServiceFailure]) -> Vec<Text> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for failed in failures {
        let reason = failed.failure.reason.as_str();
        match groups.iter_mut().find(|(same, _)| *same == reason) {
            Some((_, services)) => services.push(&failed.service),
            None => groups.push((reason, vec![&failed.service])),
        }
    }
    groups
        .into_iter()
        .map(|(reason, services)| {
            Text::of(Tone::Strong, humane::some(&services))
                .plain(": ")
                .plain(harmless(reason))
        })
        .collect()
}

/// What several services lack is told once.
fn by_message(missing: &[PreflightFailure]) -> Vec<(&PreflightFailure, Vec<&str>)> {
    let mut groups: Vec<(&PreflightFailure, Vec<&str>)> = Vec::new();
    for one in missing {
        let same = |(first, _): &&mut (&PreflightFailure, Vec<&str>)| {
            first.message == one.message && first.check == one.check
        };
        match groups.iter_mut().find(same) {
            Some((_, services)) => {
                let more = one.service.as_deref();
                services.extend(more.filter(|more| !services.contains(more)));
            }
            None => groups.push((one, one.service.as_deref().into_iter().collect())),
        }
    }
    groups
}

fn preflight(missing: &PreflightFailure, services: &[&str]) -> Vec<Text> {
    let who = match services {
        [] => "the stack".to_owned(),
        services => humane::list(services),
    };
    let headline = Text::of(Tone::Strong, who)
        .plain(" ")
        .and(Tone::Bad, "cannot start")
        .plain(": ")
        .plain(harmless(&missing.message));
    let mut lines = vec![headline];
    if let Some(hint) = &missing.hint {
        lines.push(failure::indented(failure::fact("next", hint)));
    }
    lines
}

fn unfinished(late: &Unfinished) -> Vec<Text> {
    let headline = Text::of(Tone::Strong, &late.service)
        .plain(" is still ")
        .join(state::word(late.state))
        .plain(if late.message.is_empty() { "" } else { ": " })
        .plain(harmless(&late.message));
    let mut lines = vec![headline];
    lines.extend(failure::tail(&late.tail).into_iter().map(failure::indented));
    let next = format!("gantry explain {}", late.service);
    lines.push(failure::indented(failure::fact("next", next)));
    lines
}
