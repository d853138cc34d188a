//! `gantry events`.

use std::fs;

use gantry_api::client::ClientError;
use gantry_api::{Event, EventsQuery};
use jiff::tz::TimeZone;

use super::common::full_with_supervisor;
use crate::cli::{EventsArgs, Format};
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::view::events::{in_order, line};
use crate::view::record;

/// Tell what happened, and with `-f` what happens. Without a supervisor: what was written down.
pub(crate) fn run(context: &Context<'_>, args: &EventsArgs) -> Result<(), Error> {
    let not_up = || Error::NotUp {
        stack: context.name(),
    };
    let dir = context.dir().ok_or_else(not_up)?;
    let mut printer = Printer::new(context, args);
    let client = context.client_of_running();
    let asked = block_on(async {
        let client = client?;
        printer.services = full_with_supervisor(&client, &args.services).await?;
        let query = EventsQuery {
            follow: args.follow,
            since: None,
            // A number of events of some services is counted here.
            tail: args.tail.filter(|_| args.services.is_empty()),
        };
        let mut stream = client.events(&query).await?;
        while let Some(text) = stream.next_line().await? {
            printer.take(&text)?;
            if args.follow {
                printer.flush();
            }
            if context.output.is_closed() {
                break;
            }
        }
        Ok(())
    });
    match asked {
        Err(Error::NotUp { .. } | Error::Client(ClientError::NoSupervisor { .. }))
            if !args.follow =>
        {
            let written = fs::read(dir.path().join("events.log")).map_err(|_| not_up())?;
            for text in written.split(|byte| *byte == b'\n') {
                // A last line may be torn.
                let _ = printer.take(text);
            }
        }
        other => other?,
    }
    printer.flush();
    Ok(())
}

struct Printer<'a> {
    context: &'a Context<'a>,
    services: Vec<String>,
    tail: Option<usize>,
    zone: TimeZone,
    waiting: Vec<(Event, Vec<u8>)>,
}

impl<'a> Printer<'a> {
    fn new(context: &'a Context<'_>, args: &EventsArgs) -> Self {
        Self {
            context,
            services: args.services.clone(),
            tail: args.tail,
            zone: TimeZone::system(),
            waiting: Vec::new(),
        }
    }

    fn take(&mut self, text: &[u8]) -> Result<(), Error> {
        if text.is_empty() {
            return Ok(());
        }
        let event: Event = serde_json::from_slice(text).map_err(ClientError::Unreadable)?;
        let named = event.service.as_ref();
        if self.services.is_empty() || named.is_some_and(|name| self.services.contains(name)) {
            self.waiting.push((event, text.to_vec()));
        }
        Ok(())
    }

    fn flush(&mut self) {
        if let Some(tail) = self.tail.take() {
            let more = self.waiting.len().saturating_sub(tail);
            self.waiting.drain(..more);
        }
        let output = self.context.output;
        if output.is_for_programs() {
            let mut bytes = Vec::new();
            for (event, text) in self.waiting.drain(..) {
                if output.format == Format::Yaml {
                    let value = serde_json::to_value(&event).unwrap_or_default();
                    bytes.extend_from_slice(record(Format::Yaml, &value).as_bytes());
                } else {
                    // As the supervisor sent it.
                    bytes.extend_from_slice(&text);
                    bytes.push(b'\n');
                }
            }
            output.results.bytes(&bytes);
            return;
        }
        in_order(&mut self.waiting, |(event, _)| event);
        let names = self.waiting.iter().map(|(event, _)| {
            let name = event.instance.as_deref().or(event.service.as_deref());
            name.map_or(1, str::len)
        });
        let width = names.max().unwrap_or(0).max(8);
        let lines: Vec<_> = self
            .waiting
            .drain(..)
            .map(|(event, _)| line(&event, width, &self.zone))
            .collect();
        output.results.lines(&lines);
    }
}
