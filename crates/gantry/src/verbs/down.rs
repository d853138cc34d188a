//! `gantry down`.

use std::fs;
use std::time::Duration;

use gantry_api::client::{Client, ClientError};
use gantry_api::home::StackDir;
use gantry_api::{OperationKind, Outcome, ResultWord};

use super::common::interrupted;
use crate::cli::DownArgs;
use crate::context::Context;
use crate::error::Error;
use crate::runtime::block_on;
use crate::style::{Text, Tone};
use crate::{guard, operate};

/// Take the stack down, and wait until the last of gantry's own processes has gone.
pub(crate) fn run(context: &Context<'_>, args: &DownArgs) -> Result<(), Error> {
    let Some(dir) = context.dir() else {
        return nothing(context);
    };
    let down = block_on(take_down(context, &dir, args.timeout.map(|limit| limit.0)))?;
    if args.purge {
        fs::remove_dir_all(dir.path())
            .map_err(|source| Error::io(format!("remove {}", dir.path()), source))?;
        let note = format!("removed {}", dir.path());
        context.output.notes.line(Text::of(Tone::Dim, note));
    }
    if down { Ok(()) } else { nothing(context) }
}

/// Whether there was something to take down.
async fn take_down(
    context: &Context<'_>,
    dir: &StackDir,
    limit: Option<Duration>,
) -> Result<bool, Error> {
    let client = Client::new(dir.clone());
    let client = match client.health().await {
        Ok(_) => client,
        // Its processes were killed and may have left services behind: a new supervisor finds them.
        Err(ClientError::NoSupervisor { .. }) if dir.supervisor_file().exists() => {
            guard::ensure(dir.clone()).await?.0
        }
        Err(ClientError::NoSupervisor { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let outcome = stop_all(context, &client, limit).await?;
    let told = operate::tell(OperationKind::Down, &outcome, Some(0), context.output);
    if outcome.result == ResultWord::Done && !guard::wait_until_gone(dir).await {
        return Err(Error::NotGone {
            dir: dir.path().to_owned(),
        });
    }
    told.map(|()| true)
}

/// In order; after the limit at once.
async fn stop_all(
    context: &Context<'_>,
    client: &Client,
    limit: Option<Duration>,
) -> Result<Outcome, Error> {
    let request = operate::request(OperationKind::Down, &[]);
    let late = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = operate::run(client, &request, context.output, interrupted()) => Ok(ended?.outcome),
        () = late => {
            let note = "the time is over: killing what has not ended";
            context.output.notes.line(Text::of(Tone::Warn, note));
            kill_all(context, client).await
        }
    }
}

/// Without grace.
pub(crate) async fn kill_all(context: &Context<'_>, client: &Client) -> Result<Outcome, Error> {
    let mut request = operate::request(OperationKind::Down, &[]);
    request.options.force = true;
    Ok(
        operate::run(client, &request, context.output, interrupted())
            .await?
            .outcome,
    )
}

fn nothing(context: &Context<'_>) -> Result<(), Error> {
    let mut outcome = Outcome::new(ResultWord::Done);
    outcome.hint = None;
    if context.output.is_for_programs() {
        return operate::tell(OperationKind::Down, &outcome, Some(0), context.output);
    }
    let note = "Nothing to take down: the stack is not up";
    context.output.notes.line(note);
    Ok(())
}
