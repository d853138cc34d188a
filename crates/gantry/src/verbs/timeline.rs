//! `gantry timeline`.

use std::{fs, io};

use gantry_api::client::{Client, ClientError};
use gantry_api::home::StackDir;
use gantry_api::{Event, EventsQuery};
use jiff::Timestamp;

use super::common::full_with_supervisor;
use crate::cli::{ModelArgs, TimelineArgs};
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::stack_file::{self, full_names};
use crate::timeline::{Timeline, Wanted};
use crate::view::timeline::{TimelineView, svg};

/// What `timeline` has to show.
pub(crate) enum Drawn {
    /// For people and programs.
    Chart(TimelineView),
    /// In the form that was asked for.
    Text(String),
}

/// The start that was asked for, from what was written down: that is more than a supervisor has in memory.
pub(crate) fn run(context: &Context<'_>, args: &TimelineArgs) -> Result<Drawn, Error> {
    let not_up = || Error::NotUp {
        stack: context.name(),
    };
    let dir = context.dir().ok_or_else(not_up)?;
    let mut events = written(&dir)?;
    let last = events.last().map_or(0, |event| event.sequence);
    let asked = match context.client_of_running() {
        Ok(client) => block_on(ask(&client, &args.services, last)),
        Err(error) => Err(error),
    };
    let (services, now) = match asked {
        Ok((services, more)) => {
            events.extend(more);
            (services, Some(Timestamp::now()))
        }
        Err(Error::NotUp { .. } | Error::Client(ClientError::NoSupervisor { .. })) => {
            if events.is_empty() {
                return Err(not_up());
            }
            (full(context, &args.services, &events)?, None)
        }
        Err(error) => return Err(error),
    };
    let wanted = Wanted {
        services: &services,
        operation: args.operation,
        now,
    };
    let view = TimelineView {
        timeline: Timeline::of(&events, &wanted)?,
    };
    Ok(match args.format {
        Some(_) => Drawn::Text(svg::draw(&view.timeline)),
        None => Drawn::Chart(view),
    })
}

/// The services by their full names, and what the supervisor told since event `last`: it may not be able to write.
async fn ask(
    client: &Client,
    services: &[String],
    last: u64,
) -> Result<(Vec<String>, Vec<Event>), Error> {
    let services = full_with_supervisor(client, services).await?;
    let query = EventsQuery {
        since: Some(last),
        ..EventsQuery::default()
    };
    let mut stream = client.events(&query).await?;
    let mut events = Vec::new();
    while let Some(line) = stream.next_line().await? {
        events.extend(read(&line));
    }
    Ok((services, events))
}

/// The names in full, without a supervisor: among the services of the file, if it can be read, and those that
/// something happened to.
fn full(context: &Context<'_>, names: &[String], events: &[Event]) -> Result<Vec<String>, Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let stack = stack_file::load(context, &ModelArgs::default()).ok();
    let of_file = stack.iter().flat_map(stack_file::StackFile::names);
    let happened = events.iter().filter_map(|event| event.service.as_deref());
    let mut known: Vec<&str> = of_file.chain(happened).collect();
    known.sort_unstable();
    known.dedup();
    full_names(names, &known, &context.name())
}

/// The events that were written down, the oldest first.
fn written(dir: &StackDir) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for name in ["events.log.1", "events.log"] {
        let path = dir.path().join(name);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io(format!("read {path}"), error)),
        };
        events.extend(text.split(|byte| *byte == b'\n').filter_map(read));
    }
    Ok(events)
}

/// An event on a line. A last line may be torn, and another release may have written words that mean nothing here.
fn read(line: &[u8]) -> Option<Event> {
    serde_json::from_slice(line).ok()
}
