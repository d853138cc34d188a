//! What `explain` shows: the chain of causes, from the question down to the root.

use gantry_api::{Cause, ChildStatus, Explanation, ServiceStatus, State};
use jiff::tz::TimeZone;

use super::{Data, Page, View, events, failure, state};
use crate::humane;
use crate::style::{Text, Tone, harmless};

/// Why a service is as it is.
#[derive(Debug)]
pub(crate) struct ExplainView {
    /// What the supervisor says.
    pub(crate) explanation: Explanation,
}

impl View for ExplainView {
    fn lines(&self, page: Page) -> Vec<Text> {
        let Explanation {
            service,
            chain,
            events,
            tail,
            tail_of,
            part,
            ..
        } = &self.explanation;
        let mut lines = vec![match part {
            Some(part) => of_part(service, part),
            None => headline(service),
        }];
        if !service.description.is_empty() {
            lines.push(Text::of(Tone::Dim, harmless(&service.description)));
        }
        lines.push(Text::new());
        lines.extend(facts(service).into_iter().map(failure::indented));

        if chain.len() > 1 || chain.iter().any(|cause| cause.failure.is_some()) {
            section("Why", &mut lines);
            for cause in chain {
                lines.extend(link(cause));
            }
        }
        let told = chain.iter().any(|cause| {
            cause
                .failure
                .as_ref()
                .is_some_and(|failure| !failure.tail.is_empty())
        });
        if !tail.is_empty() && !told {
            let of = tail_of.as_deref().unwrap_or(&service.name);
            section(&format!("Last output of {of}"), &mut lines);
            let bar = |line: &String| Text::of(Tone::Dim, "  | ").plain(harmless(line));
            lines.extend(tail.iter().map(bar));
        }
        if !events.is_empty() {
            section("What happened", &mut lines);
            let zone = TimeZone::system();
            let names = events.iter().map(|event| {
                let name = event.instance.as_deref().or(event.service.as_deref());
                name.map_or(1, str::len)
            });
            let width = names.max().unwrap_or(0);
            for event in events {
                lines.push(failure::indented(events::line(event, width, &zone)));
            }
        }
        match page.width {
            Some(width) => lines.into_iter().map(|line| line.cut(width)).collect(),
            None => lines,
        }
    }

    fn data(&self) -> Data {
        Data::of(&self.explanation)
    }
}

fn section(title: &str, lines: &mut Vec<Text>) {
    lines.push(Text::new());
    lines.push(Text::of(Tone::Strong, title));
}

/// `api is running and ready`.
fn headline(service: &ServiceStatus) -> Text {
    let line = Text::of(Tone::Strong, &service.name)
        .plain(" is ")
        .join(state::of_service(service.state, service.ready));
    match (service.state, service.ready) {
        (State::Running, true) => line.plain(" and ready"),
        (State::Running, false) => line.plain(" but ").and(Tone::Warn, "not ready"),
        _ => line,
    }
}

/// `stack/db is healthy`.
fn of_part(service: &ServiceStatus, part: &ChildStatus) -> Text {
    let line = Text::of(Tone::Strong, format!("{}/{}", service.name, part.name))
        .plain(" is ")
        .join(state::of_child(part));
    let line = line.plain(", part of ").join(headline(service));
    match &part.message {
        Some(message) => line.plain(": ").plain(harmless(message)),
        None => line,
    }
}

fn facts(service: &ServiceStatus) -> Vec<Text> {
    let mut lines = Vec::new();
    if service.message.is_empty() && service.state == State::Stopped {
        let how = format!("nobody asked for it; gantry start {}", service.name);
        lines.push(failure::fact("because", how));
    }
    if !service.message.is_empty() {
        lines.push(failure::fact("because", harmless(&service.message)));
    }
    let job = if service.job { ", a job" } else { "" };
    lines.push(failure::fact("mode", format!("{}{job}", service.mode)));
    if let Some(uptime) = service.uptime_s {
        let pid = service
            .pid
            .map(|pid| format!(", pid {pid}"))
            .unwrap_or_default();
        lines.push(failure::fact(
            "up",
            format!("{}{pid}", humane::uptime(uptime)),
        ));
    }
    if service.restarts > 0 {
        let count = humane::count(service.restarts as usize, "time");
        lines.push(failure::fact("restart", format!("started again {count}")));
    }
    if !service.depends_on.is_empty() {
        lines.push(failure::fact("needs", service.depends_on.join(", ")));
    }
    for (position, endpoint) in service.endpoints.iter().enumerate() {
        let name = if position == 0 { "at" } else { "" };
        lines.push(failure::fact(
            name,
            format!("{} ({})", endpoint.url, endpoint.name),
        ));
    }
    for (position, child) in service.children.iter().enumerate() {
        let name = if position == 0 { "parts" } else { "" };
        let line = failure::fact(name, format!("{} ", child.name)).join(state::of_child(child));
        lines.push(match &child.message {
            Some(message) => line.plain(": ").plain(harmless(message)),
            None => line,
        });
    }
    if service.instances.len() > 1 {
        for (position, instance) in service.instances.iter().enumerate() {
            let name = if position == 0 { "copies" } else { "" };
            let words = match (&instance.exit, instance.ready) {
                (Some(exit), true) => format!(", ready; before that: {exit}"),
                (None, true) => ", ready".to_owned(),
                (_, false) if instance.message.is_empty() => String::new(),
                (_, false) => format!(": {}", harmless(&instance.message)),
            };
            let line = failure::fact(name, format!("{} ", instance.id))
                .join(state::word(instance.state))
                .plain(words);
            lines.push(line);
        }
    }
    lines
}

/// One link, as far in as it is far from the question.
fn link(cause: &Cause) -> Vec<Text> {
    let indent = "   ".repeat(cause.depth as usize);
    let arrow = if cause.depth == 0 { "" } else { "└─ " };
    let mut line = Text::from(format!("  {}{arrow}", indent.get(3..).unwrap_or("")))
        .and(Tone::Strong, &cause.service)
        .plain(" ")
        .join(state::word(cause.state));
    if cause.state == State::Running && !cause.ready {
        line = line.and(Tone::Warn, ", not ready");
    }
    if !cause.message.is_empty() {
        line = line.plain(": ").plain(harmless(&cause.message));
    }
    if let Some(needed) = &cause.needed_by {
        let what = needed
            .part
            .as_ref()
            .map_or_else(|| "it".to_owned(), |part| format!("its part {part}"));
        let how = format!("  ({} needs {what} {})", needed.service, needed.condition);
        line = line.and(Tone::Dim, how);
    }
    let mut lines = vec![line];
    if let Some(failed) = &cause.failure {
        let inside = |line: Text| Text::from(format!("    {indent}")).join(line);
        if !cause.message.contains(&failed.reason) {
            lines.push(inside(failure::fact("reason", harmless(&failed.reason))));
        }
        lines.extend(failure::facts(failed).into_iter().map(inside));
        if let Some(hint) = &failed.hint {
            lines.push(inside(failure::fact("next", hint)));
        }
    }
    lines
}
