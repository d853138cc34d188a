//! `gantry up`.

use gantry_api::client::{Client, ClientError, Lines};
use gantry_api::home::StackDir;
use gantry_api::{OperationKind, Outcome, Progress, ResultWord, Step};
use gantry_log::Query;
use jiff::Timestamp;
use tokio::time::{Duration, MissedTickBehavior, interval};

use super::logs::print;
use super::{down, plan};
use crate::cli::{Limit, PlanArgs, UpArgs};
use crate::context::Context;
use crate::error::Error;
use crate::guard;
use crate::interrupts::Interrupts;
use crate::log_feed::{LogFeed, Names};
use crate::operate::{self, Ended};
use crate::runtime::block_on;
use crate::stack_file;
use crate::style::{Text, Tone};
use crate::view::notes::NotesView;
use crate::view::{Page, View as _, show};

/// How often the logs are looked at.
const FRAME: Duration = Duration::from_millis(40);

/// Bring the stack up; in the foreground, keep it until someone interrupts. Returns the exit code.
pub(crate) fn run(context: &Context<'_>, args: &UpArgs) -> Result<u8, Error> {
    if args.dry_run {
        let args = PlanArgs {
            services: args.services.clone(),
            model: args.model.clone(),
            files: args.files.clone(),
        };
        show(context.output, &plan::run(context, &args)?);
        return Ok(0);
    }
    let mut stack = stack_file::load_with(context, &args.model, &args.services)?;
    let services = stack.full(&args.services)?;
    stack.warn(context.output);
    stack.render(context.output, &args.render, true)?;
    let dir = context
        .dir()
        .unwrap_or_else(|| context.home.stack(&stack.name, context.file()));
    let mut request = operate::request(OperationKind::Up, &services);
    request.options.wait = !args.no_wait;
    request.options.foreground = !args.detach;
    request.options.build = match (args.build, args.no_build) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    request.options.timeout_ms = args.timeout.map(Limit::milliseconds);

    block_on(async {
        let mut interrupts = Interrupts::new();
        let begun = Timestamp::now();
        let beginning = guard::begin(dir.clone()).await?;
        let (model, given) = stack.model_and_given();
        (request.model, request.given) = (Some(model), given);
        let (client, fresh) = beginning.finish().await?;
        dir.record(&stack.name, context.file())
            .map_err(|source| Error::io("write down where the stack file is", source))?;
        let ended = operate::run(&client, &request, context.output, interrupts.next()).await;
        let ended = match ended {
            Err(Error::Interrupted) if args.detach => {
                let note = "the start goes on; gantry down takes it down";
                context.output.notes.line(Text::of(Tone::Dim, note));
                return Err(Error::Interrupted);
            }
            Err(Error::Interrupted) => {
                return take_down(context, &client, &mut interrupts, 130, ()).await;
            }
            other => other?,
        };
        let told = operate::tell(
            OperationKind::Up,
            &ended.outcome,
            ended.moved(OperationKind::Up),
            context.output,
        );
        if let Err(error) = told
            && (args.detach || !has_a_rest(&ended))
        {
            // Where nothing was begun, nothing is left running; a terminal's stack goes with it.
            if !args.detach || (fresh && was_not_begun(&ended.outcome)) {
                leave(context, &client, &mut interrupts, args.detach, ended.stream).await?;
            }
            return Err(error);
        }
        tell_notes(context, &client, &ended.steps).await;
        if args.detach {
            return Ok(0);
        }
        let code = attend(context, &client, &mut interrupts, dir, begun, ended.stream).await?;
        Ok(code.max(ended.outcome.exit_code))
    })
}

/// What was made or changed may have something to tell.
async fn tell_notes(context: &Context<'_>, client: &Client, steps: &[Step]) {
    let changed: Vec<&str> = steps
        .iter()
        .filter(|step| step.action != "keep")
        .map(|step| step.service.as_str())
        .collect();
    if changed.is_empty() || context.output.is_for_programs() {
        return;
    }
    // The stack is up, whether it has anything to tell or not.
    let Ok(mut report) = client.notes().await else {
        return;
    };
    report
        .notes
        .retain(|one| changed.contains(&one.service.as_str()));
    if !report.notes.is_empty() {
        let page = Page {
            width: None,
            wide: false,
        };
        context.output.notes.line(Text::new());
        for line in (NotesView { report }).lines(page) {
            context.output.notes.line(line);
        }
    }
}

fn was_not_begun(outcome: &Outcome) -> bool {
    matches!(outcome.result, ResultWord::Preflight | ResultWord::Refused)
}

/// Whether others stopped some of the services meanwhile, and the rest of a terminal's stack goes on.
fn has_a_rest(ended: &Ended) -> bool {
    let failures = &ended.outcome.failures;
    let is_there = |step: &Step| failures.iter().all(|failed| failed.service != step.service);
    ended.outcome.result == ResultWord::Cancelled && ended.steps.iter().any(is_there)
}

/// Take down after a start that went wrong. Quietly, if nothing was begun.
async fn leave(
    context: &Context<'_>,
    client: &Client,
    interrupts: &mut Interrupts,
    quiet: bool,
    held: Lines<Progress>,
) -> Result<(), Error> {
    if !quiet {
        take_down(context, client, interrupts, 1, held).await?;
        return Ok(());
    }
    let request = operate::request(OperationKind::Down, &[]);
    let mut stream = client.operate(&request).await?;
    while let Ok(Some(record)) = stream.next().await {
        if matches!(record, Progress::Ended { .. }) {
            break;
        }
    }
    // The supervisor waits until everyone has read the end of its stream.
    drop((stream, held));
    guard::wait_until_gone(client.dir()).await;
    Ok(())
}

/// Show what the services say until someone interrupts, or the stack is taken down by someone else.
async fn attend(
    context: &Context<'_>,
    client: &Client,
    interrupts: &mut Interrupts,
    dir: StackDir,
    begun: Timestamp,
    mut stream: Lines<Progress>,
) -> Result<u8, Error> {
    let notes = &context.output.notes;
    notes.line(Text::of(
        Tone::Dim,
        "Logs follow. Ctrl-C takes the stack down.",
    ));
    let query = Query {
        since: Some(begun),
        ..Query::default()
    };
    let (kept, mut feed) = LogFeed::open(dir, Vec::new(), &query);
    let kept: Vec<_> = kept.collect();
    let mut names = Names::default();
    print(&kept, &mut names, notes);
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = interrupts.next() => {
                notes.line(Text::of(Tone::Dim, "Taking down in order. Ctrl-C again kills."));
                return take_down(context, client, interrupts, 130, stream).await;
            }
            _ = frames.tick() => print(&feed.poll(), &mut names, notes),
            record = stream.next() => match record {
                Ok(Some(_)) => {}
                Ok(None) | Err(ClientError::BrokenOff { .. }) => {
                    print(&feed.poll(), &mut names, notes);
                    let Some(again) = hold_again(client).await? else {
                        notes.line("The stack was taken down");
                        return Ok(0);
                    };
                    stream = again;
                }
                Err(error) => return Err(error.into()),
            },
        }
    }
}

/// The supervisor died, or someone took the stack down. In the first case tell the new supervisor
/// that the stack is this terminal's.
async fn hold_again(client: &Client) -> Result<Option<Lines<Progress>>, Error> {
    let mut request = operate::request(OperationKind::Up, &[]);
    request.options.foreground = true;
    request.options.wait = false;
    match client.operate(&request).await {
        Ok(stream) => Ok(Some(stream)),
        Err(
            ClientError::NoSupervisor { .. }
            | ClientError::Refused(_)
            | ClientError::BrokenOff { .. },
        ) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Take down in order; when interrupted again, at once. Returns the exit code.
async fn take_down(
    context: &Context<'_>,
    client: &Client,
    interrupts: &mut Interrupts,
    exit_code: u8,
    held: impl Sized,
) -> Result<u8, Error> {
    let request = operate::request(OperationKind::Down, &[]);
    let outcome = match down::ask(context, client, &request, interrupts).await {
        Err(Error::Interrupted) => {
            context.output.notes.line(Text::of(Tone::Warn, "Killing"));
            down::kill_all(context, client, interrupts).await?
        }
        outcome => outcome?,
    };
    // The supervisor waits until everyone has read the end of its stream.
    drop(held);
    if outcome.exit_code == 0 {
        guard::wait_until_gone(client.dir()).await;
    }
    if !context.output.is_for_programs() || outcome.exit_code != 0 {
        operate::tell(OperationKind::Down, &outcome, Some(0), context.output)?;
    }
    Ok(exit_code)
}
