//! `gantry down`.

use gantry_api::client::{Client, ClientError};
use gantry_api::home::StackDir;
use gantry_api::{ErrorCode, OperationKind, OperationRequest, Outcome, ResultWord};
use std::fs;

use crate::cli::{DiscardArgs, DownArgs};
use crate::context::Context;
use crate::error::Error;
use crate::interrupts::Interrupts;
use crate::runtime::block_on;
use crate::style::{Text, Tone};
use crate::{guard, operate};

/// Take the stack down, and wait until the last of gantry's own processes has gone.
pub(crate) fn run(context: &Context<'_>, args: &DownArgs) -> Result<(), Error> {
    with(context, args, DiscardArgs::default())
}

/// The same, and what the stack's backends keep for it goes too.
pub(crate) fn with(
    context: &Context<'_>,
    args: &DownArgs,
    discard: DiscardArgs,
) -> Result<(), Error> {
    let Some(dir) = context.dir() else {
        return nothing(context);
    };
    let down = block_on(take_down(context, &dir, args, discard))?;
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
    args: &DownArgs,
    discard: DiscardArgs,
) -> Result<bool, Error> {
    let removes = args.purge || discard.images || discard.volumes;
    let client = Client::new(dir.clone());
    let client = match client.health().await {
        Ok(_) if guard::is_alive(dir) => client,
        Ok(_) => guard::ensure(dir.clone()).await?.0,
        // Its processes were killed and may have left services behind: a new supervisor finds them. It also
        // finds the data of a stack that is down.
        Err(ClientError::NoSupervisor { .. })
            if dir.supervisor_file().exists() || (removes && dir.plan().exists()) =>
        {
            guard::ensure(dir.clone()).await?.0
        }
        Err(ClientError::NoSupervisor { .. }) => return Ok(false),
        Err(ClientError::NotAnswering { .. }) => return without_supervisor(context, dir).await,
        Err(error) => return Err(error.into()),
    };
    let outcome = stop_all(context, &client, args, discard).await?;
    let told = operate::tell(OperationKind::Down, &outcome, Some(0), context.output);
    if outcome.result == ResultWord::Done {
        see_it_gone(dir).await?;
    }
    told.map(|()| true)
}

async fn see_it_gone(dir: &StackDir) -> Result<(), Error> {
    if guard::wait_until_gone(dir).await {
        return Ok(());
    }
    Err(Error::NotGone {
        dir: dir.path().to_owned(),
    })
}

/// The guard cannot start a supervisor. A keeper that has no services is told to end; services stay,
/// since nobody here knows in which order they are to be stopped.
async fn without_supervisor(context: &Context<'_>, dir: &StackDir) -> Result<bool, Error> {
    guard::end_if_empty(dir)?;
    see_it_gone(dir).await?;
    // Whoever made them can take them away no more.
    for file in [dir.supervisor_file(), dir.supervisor_socket()] {
        let _ = fs::remove_file(file);
    }
    let outcome = Outcome::new(ResultWord::Done);
    operate::tell(OperationKind::Down, &outcome, Some(0), context.output)?;
    Ok(true)
}

/// In order; after the limit at once.
async fn stop_all(
    context: &Context<'_>,
    client: &Client,
    args: &DownArgs,
    discard: DiscardArgs,
) -> Result<Outcome, Error> {
    let mut interrupts = Interrupts::new();
    let mut request = operate::request(OperationKind::Down, &[]);
    request.options.purge = args.purge;
    request.options.images = discard.images;
    request.options.volumes = discard.volumes;
    let late = async {
        match args.timeout.as_ref().map(|limit| limit.0) {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        outcome = ask(context, client, &request, &mut interrupts) => return outcome,
        () = late => {}
    }
    let note = "the time is over: killing what has not ended";
    context.output.notes.line(Text::of(Tone::Warn, note));
    kill_all(context, client, &mut interrupts).await
}

/// Without grace.
pub(crate) async fn kill_all(
    context: &Context<'_>,
    client: &Client,
    interrupts: &mut Interrupts,
) -> Result<Outcome, Error> {
    let mut request = operate::request(OperationKind::Down, &[]);
    request.options.force = true;
    ask(context, client, &request, interrupts).await
}

/// Ask the supervisor to take everything down. Where nobody is left who could, everything is down; and where someone
/// else was first, everything has stopped, and the last of gantry's own processes are about to go.
pub(crate) async fn ask(
    context: &Context<'_>,
    client: &Client,
    request: &OperationRequest,
    interrupts: &mut Interrupts,
) -> Result<Outcome, Error> {
    match operate::run(client, request, context.output, interrupts.next()).await {
        Ok(ended) => Ok(ended.outcome),
        Err(Error::Client(ClientError::NoSupervisor { .. })) => Ok(Outcome::new(ResultWord::Done)),
        Err(Error::Client(ClientError::Refused(refused))) if refused.code == ErrorCode::Leaving => {
            Ok(Outcome::new(ResultWord::Done))
        }
        Err(error) => Err(error),
    }
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
