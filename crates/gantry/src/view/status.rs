//! What `status` shows.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use gantry_api::{
    BriefService, BriefStatus, Endpoint, InstanceStatus, ServiceStatus, State, Status, Usage,
};
use jiff::Timestamp;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Column, Data, Page, Table, View, state, usage};
use crate::humane;
use crate::style::{Text, Tone, harmless};

/// The state of a stack.
#[derive(Debug)]
pub(crate) enum StatusView {
    /// As the supervisor sent it, for programs.
    Sent(Bytes),
    /// What the usual table shows, and no more: as it was sent, and in rows.
    Usual(Bytes, BriefStatus<'static, Rows>),
    /// As it was read.
    Read(Status),
}

impl View for StatusView {
    fn lines(&self, page: Page) -> Vec<Text> {
        let mut lines = Vec::new();
        self.each_line(page, &mut |line| lines.push(line.clone()));
        lines
    }

    fn each_line(&self, page: Page, put: &mut dyn FnMut(&Text)) {
        match self {
            Self::Sent(_) => {}
            Self::Usual(_, status) => each_line(status, page, put),
            Self::Read(status) if page.wide => {
                each_line(&with(status.into(), wide(status)), page, put);
            }
            Self::Read(status) => each_line(&in_rows(status.into()), page, put),
        }
    }

    fn data(&self) -> Data {
        match self {
            Self::Sent(sent) | Self::Usual(sent, _) => Data::Json(sent.clone()),
            Self::Read(status) => Data::of(status),
        }
    }
}

/// The stack in a line, and its services below.
fn each_line(status: &BriefStatus<'_, Rows>, page: Page, put: &mut dyn FnMut(&Text)) {
    put(&summary(status));
    if let Some(strays) = strays(status) {
        put(&strays);
    }
    if !status.services.is_empty() {
        put(&Text::new());
        status.services.table.each_line(page.width, put);
    }
}

/// One line: the stack, how many services are how, since when.
fn summary(status: &BriefStatus<'_, Rows>) -> Text {
    let line = Text::of(Tone::Strong, &*status.stack).plain("  ");
    let Some(supervisor) = &status.supervisor else {
        return line.and(Tone::Dim, "not up");
    };
    if status.services.is_empty() {
        let word = match status.strays.len() {
            0 => "nothing has been started",
            _ => "its plan was lost",
        };
        return line.and(Tone::Dim, word);
    }
    // What needs someone comes first, then what is well, then what is meant to be down.
    let counts = State::ALL.into_iter().zip(status.services.counts);
    let mut counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
    counts.sort_by_key(|(state, _)| match state::tone(*state) {
        Tone::Bad => 0,
        Tone::Warn => 1,
        Tone::Busy => 2,
        Tone::Dim => 4,
        _ => 3,
    });
    let mut line = line;
    for (position, (state, count)) in counts.into_iter().enumerate() {
        let comma = if position == 0 { "" } else { ", " };
        line = line
            .plain(comma)
            .and(state::tone(state), format!("{count} {state}"));
    }
    let up = seconds_since(supervisor.since);
    line.and(Tone::Dim, format!("  up {}", humane::uptime(up)))
}

/// What runs and is not in the table.
fn strays(status: &BriefStatus<'_, Rows>) -> Option<Text> {
    if status.strays.is_empty() {
        return None;
    }
    let names = humane::list(&status.strays);
    let verb = if status.strays.len() == 1 {
        "runs"
    } else {
        "run"
    };
    Some(Text::of(Tone::Warn, "warning: ").plain(format!(
        "{names} still {verb}: gantry up takes over what the stack file names, gantry down stops all"
    )))
}

/// The rows of the usual table, and how many services are in each state. Made of services one at a time, as they are
/// read: of ten thousand, nobody has all at once.
#[derive(Debug)]
pub(crate) struct Rows {
    table: Table,
    /// In the order of [`State::ALL`].
    counts: [usize; State::ALL.len()],
}

impl Rows {
    fn under(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            table: Table::new(columns),
            counts: [0; State::ALL.len()],
        }
    }

    fn usual() -> Self {
        Self::under([
            Column::left("SERVICE"),
            Column::left("STATE"),
            Column::left("READY"),
            Column::left("UPTIME"),
            Column::right("RESTARTS"),
            Column::left("ENDPOINT"),
            Column::left("MESSAGE"),
        ])
    }

    fn count(&mut self, state: State) {
        if let Some(at) = State::ALL.iter().position(|it| *it == state) {
            self.counts[at] += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    fn add(&mut self, service: &BriefService<'_>) {
        self.count(service.state);
        self.table.row([
            Text::from(&*service.name),
            state::of_service(service.state, service.ready),
            state::readiness(service),
            uptime(service.uptime_s),
            restarts(service.state, service.restarts),
            endpoint(&service.endpoints),
            message(service),
        ]);
        for child in service.children.iter() {
            self.table.row([
                Text::of(Tone::Dim, format!("  {}", child.name)),
                state::of_child(child),
                Text::new(),
                Text::new(),
                Text::new(),
                Text::new(),
                Text::from(harmless(child.message.as_deref().unwrap_or_default())),
            ]);
        }
    }
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Services)
    }
}

struct Services;

impl<'de> Visitor<'de> for Services {
    type Value = Rows;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("services")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut services: A) -> Result<Rows, A::Error> {
        let mut rows = Rows::usual();
        while let Some(service) = services.next_element::<BriefService<'de>>()? {
            rows.add(&service);
        }
        Ok(rows)
    }
}

/// The same, with its services in rows.
pub(crate) fn in_rows(status: BriefStatus<'_>) -> BriefStatus<'_, Rows> {
    let mut rows = Rows::usual();
    for service in &status.services {
        rows.add(service);
    }
    with(status, rows)
}

/// The same, with these rows for its services.
fn with(status: BriefStatus<'_>, rows: Rows) -> BriefStatus<'_, Rows> {
    BriefStatus {
        version: status.version,
        stack: status.stack,
        file: status.file,
        supervisor: status.supervisor,
        strays: status.strays,
        services: rows,
    }
}

fn wide(status: &Status) -> Rows {
    let mut rows = Rows::under([
        Column::left("SERVICE"),
        Column::left("MODE"),
        Column::left("STATE"),
        Column::left("READY"),
        Column::left("LIVE"),
        Column::right("PID"),
        Column::left("UPTIME"),
        Column::right("CPU"),
        Column::right("MEMORY"),
        Column::left("DISK"),
        Column::right("PIDS"),
        Column::right("RESTARTS"),
        Column::left("LAST EXIT"),
        Column::left("TREE"),
        Column::left("DEPENDS ON"),
        Column::left("ENDPOINT"),
        Column::left("MESSAGE"),
    ]);
    for service in &status.services {
        let brief = service.into();
        rows.count(service.state);
        let alone = match service.instances.as_slice() {
            [one] => Some(one),
            _ => None,
        };
        rows.table.row([
            Text::from(&*service.name),
            Text::from(&*service.mode),
            state::of_service(service.state, service.ready),
            state::readiness(&brief),
            live(service.state, service.live),
            pid(service.pid),
            uptime(service.uptime_s),
            used(service.usage.as_ref(), usage::cpu),
            used(service.usage.as_ref(), usage::memory),
            used(service.usage.as_ref(), usage::disk),
            used(service.usage.as_ref(), usage::pids),
            restarts(service.state, service.restarts),
            alone.map(exit).unwrap_or_default(),
            alone.map(tree).unwrap_or_default(),
            Text::from(service.depends_on.join(", ")),
            endpoint(&service.endpoints),
            message(&brief),
        ]);
        for child in &service.children {
            let mut row: [Text; 17] = Default::default();
            row[0] = Text::of(Tone::Dim, format!("  {}", child.name));
            row[2] = state::of_child(child);
            row[16] = Text::from(harmless(child.message.as_deref().unwrap_or_default()));
            rows.table.row(row);
        }
        if alone.is_some() {
            continue;
        }
        for instance in &service.instances {
            rows.table.row([
                Text::of(Tone::Dim, format!("  {}", instance.id)),
                Text::new(),
                state::word(instance.state),
                Text::new(),
                live(instance.state, instance.live),
                pid(instance.pid),
                uptime(
                    instance
                        .started_at
                        .filter(|_| instance.pid.is_some())
                        .map(seconds_since),
                ),
                used(instance.usage.as_ref(), usage::cpu),
                used(instance.usage.as_ref(), usage::memory),
                used(instance.usage.as_ref(), usage::disk),
                used(instance.usage.as_ref(), usage::pids),
                restarts(instance.state, instance.restarts),
                exit(instance),
                tree(instance),
                Text::new(),
                own_endpoint(service, instance),
                if instance.ready {
                    Text::new()
                } else {
                    Text::from(harmless(&instance.message))
                },
            ]);
        }
    }
    rows
}

/// One thing of what was used, if it is known.
fn used(usage: Option<&Usage>, what: fn(&Usage) -> Option<String>) -> Text {
    usage.and_then(what).map(Text::from).unwrap_or_default()
}

fn uptime(seconds: Option<f64>) -> Text {
    seconds
        .map(|seconds| Text::from(humane::uptime(seconds)))
        .unwrap_or_default()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a stack is not up for ages of the universe"
)]
fn seconds_since(moment: Timestamp) -> f64 {
    let millis = Timestamp::now().duration_since(moment).as_millis();
    // The clock may have been set back since.
    millis.max(0) as f64 / 1_000.0
}

/// Nothing where nothing was started.
fn restarts(state: State, count: u32) -> Text {
    match (state, count) {
        (State::Stopped | State::Waiting, 0) => Text::new(),
        (_, 0) => Text::of(Tone::Dim, "0"),
        _ => Text::of(Tone::Warn, count.to_string()),
    }
}

fn pid(pid: Option<u32>) -> Text {
    pid.map(|pid| Text::from(pid.to_string()))
        .unwrap_or_default()
}

fn live(state: State, live: bool) -> Text {
    match (state, live) {
        (State::Running | State::Degraded, true) => Text::from("yes"),
        (State::Running | State::Degraded, false) => Text::of(Tone::Warn, "no"),
        _ => Text::new(),
    }
}

fn exit(instance: &InstanceStatus) -> Text {
    instance
        .exit
        .as_ref()
        .map(|exit| Text::from(exit.to_string()))
        .unwrap_or_default()
}

fn tree(instance: &InstanceStatus) -> Text {
    instance
        .membership
        .as_deref()
        .map(Text::from)
        .unwrap_or_default()
}

/// The first way to reach a service, and how many more there are.
fn endpoint(endpoints: &[Endpoint]) -> Text {
    match endpoints {
        [] => Text::new(),
        [one] => Text::from(&*one.url),
        [first, more @ ..] => Text::from(&*first.url).and(Tone::Dim, format!(" +{}", more.len())),
    }
}

fn own_endpoint(service: &ServiceStatus, instance: &InstanceStatus) -> Text {
    let own: Vec<&str> = service
        .endpoints
        .iter()
        .filter(|one| one.instance.as_deref() == Some(&*instance.id))
        .map(|one| &*one.url)
        .collect();
    Text::from(own.join(" "))
}

fn message(service: &BriefService<'_>) -> Text {
    let tone = match state::tone(service.state) {
        Tone::Bad => Tone::Bad,
        _ if service.state == State::Stopped => Tone::Dim,
        _ => Tone::Plain,
    };
    if service.message.is_empty() {
        let of_all = service.instances.iter().flat_map(|one| one.warnings.iter());
        let warnings: BTreeSet<&str> = of_all.map(String::as_str).collect();
        let warnings = Vec::from_iter(warnings).join("; ");
        return Text::of(Tone::Warn, harmless(&warnings));
    }
    Text::of(tone, harmless(&service.message))
}
