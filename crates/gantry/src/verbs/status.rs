//! `gantry status`.

use std::collections::HashSet;

use bytes::Bytes;
use gantry_api::client::ClientError;
use gantry_api::{BriefStatus, Status};

use crate::cli::{Format, StatusArgs};
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::stack_file::{self, full_names};
use crate::stack_status;
use crate::style::{Text, Tone};
use crate::view::status::{StatusView, in_rows};

/// What the supervisor says; without one, everything is stopped.
pub(crate) fn run(context: &Context<'_>, args: &StatusArgs) -> Result<StatusView, Error> {
    let usage = args.usage || context.output.format == Format::Wide;
    let what = match context.output.format {
        _ if usage => What::WithUsage,
        Format::Table => What::Usual,
        _ => What::Whole,
    };
    let Some(sent) = ask(context, what)? else {
        return stopped(context, args);
    };
    if context.output.format == Format::Json && args.services.is_empty() {
        return Ok(StatusView::Sent(sent));
    }
    if let What::Usual = what {
        // Its texts are not copied out of it. This process ends when they were shown.
        let sent: &'static [u8] = Vec::leak(sent.into());
        let status = if args.services.is_empty() {
            serde_json::from_slice(sent).map_err(ClientError::Unreadable)?
        } else {
            let mut status: BriefStatus<'_> =
                serde_json::from_slice(sent).map_err(ClientError::Unreadable)?;
            let names = status.services.iter().map(|service| &*service.name);
            if let Some(chosen) = chosen(&status.stack, names, &args.services)? {
                status.services.retain(|it| chosen.contains(&*it.name));
            }
            in_rows(status)
        };
        return Ok(StatusView::Usual(Bytes::from_static(sent), status));
    }
    let status: Status = serde_json::from_slice(&sent).map_err(ClientError::Unreadable)?;
    read(status, &args.services)
}

/// How much of the status is asked for.
#[derive(Clone, Copy)]
enum What {
    /// What the usual table shows.
    Usual,
    Whole,
    WithUsage,
}

/// The bytes of a supervisor's status; none if no supervisor runs.
fn ask(context: &Context<'_>, what: What) -> Result<Option<Bytes>, Error> {
    let Some(client) = context
        .client()
        .filter(|client| client.dir().guard_socket().exists())
    else {
        return Ok(None);
    };
    let status = async {
        Ok(match what {
            What::Usual => client.status_bytes_brief().await,
            What::Whole => client.status_bytes().await,
            What::WithUsage => client.status_bytes_with_usage().await,
        })
    };
    match block_on(status)? {
        Ok(sent) => Ok(Some(sent)),
        Err(ClientError::NoSupervisor { .. }) => {
            if client.dir().supervisor_file().exists() {
                let note = Text::of(Tone::Warn, "warning: ")
                    .plain("gantry's processes of this stack are gone, but nobody took it down: services may still run; gantry up takes them over");
                context.output.notes.line(note);
            }
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn stopped(context: &Context<'_>, args: &StatusArgs) -> Result<StatusView, Error> {
    let stack = stack_file::load(context, &crate::cli::ModelArgs::default())?;
    let status = stack_status::stopped(&stack, context.file());
    read(status, &args.services)
}

fn read(mut status: Status, services: &[String]) -> Result<StatusView, Error> {
    let names = status.services.iter().map(|service| &*service.name);
    if let Some(chosen) = chosen(&status.stack, names, services)? {
        status.services.retain(|it| chosen.contains(&it.name));
    }
    Ok(StatusView::Read(status))
}

/// The services that were asked for; none: all of them.
fn chosen<'a>(
    stack: &str,
    known: impl Iterator<Item = &'a str>,
    services: &[String],
) -> Result<Option<HashSet<String>>, Error> {
    if services.is_empty() {
        return Ok(None);
    }
    let known: Vec<&str> = known.collect();
    let services = full_names(services, &known, stack)?;
    Ok(Some(services.into_iter().collect()))
}
