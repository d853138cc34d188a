//! `gantry status`.

use bytes::Bytes;
use gantry_api::Status;
use gantry_api::client::ClientError;

use crate::cli::{Format, StatusArgs};
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::stack_file::{self, check_names};
use crate::stack_status;
use crate::style::{Text, Tone};
use crate::view::status::StatusView;

/// What the supervisor says; without one, everything is stopped.
pub(crate) fn run(context: &Context<'_>, args: &StatusArgs) -> Result<StatusView, Error> {
    let usage = args.usage || context.output.format == Format::Wide;
    let Some(sent) = ask(context, usage)? else {
        return stopped(context, args);
    };
    if context.output.format == Format::Json && args.services.is_empty() {
        return Ok(StatusView::Sent(sent));
    }
    let status: Status = serde_json::from_slice(&sent).map_err(ClientError::Unreadable)?;
    Ok(StatusView::Read(chosen(status, &args.services)?))
}

/// The bytes of a supervisor's status; none if no supervisor runs.
fn ask(context: &Context<'_>, usage: bool) -> Result<Option<Bytes>, Error> {
    let Some(client) = context
        .client()
        .filter(|client| client.dir().guard_socket().exists())
    else {
        return Ok(None);
    };
    let status = async {
        Ok(if usage {
            client.status_bytes_with_usage().await
        } else {
            client.status_bytes().await
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
    Ok(StatusView::Read(chosen(status, &args.services)?))
}

/// Only the services that were asked for.
fn chosen(mut status: Status, services: &[String]) -> Result<Status, Error> {
    if services.is_empty() {
        return Ok(status);
    }
    let known: Vec<&str> = status
        .services
        .iter()
        .map(|service| &*service.name)
        .collect();
    check_names(services, &known, &status.stack)?;
    status
        .services
        .retain(|service| services.contains(&service.name));
    Ok(status)
}
