//! One operation from the request to its outcome, with its progress on standard error.

pub(crate) mod again;

use std::time::Duration;

use gantry_api::client::{Client, ClientError, Lines};
use gantry_api::{OperationKind, OperationRequest, Outcome, Progress, Step, VERSION};
use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::again::Again;
use crate::error::Error;
use crate::output::{Live, Output};
use crate::style::{Text, Tone};
use crate::view::progress::Board;

/// How often what is shown in place moves.
const FRAME: Duration = Duration::from_millis(80);

/// How often it is told what is waited for, where nothing can be shown in place.
const REMINDER: Duration = Duration::from_secs(10);

/// How an operation went.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What was planned.
    pub(crate) steps: Vec<Step>,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// How many services were seen to get where they should.
    reached: usize,
    /// The stream it came from. In the foreground the stack lives as long as this.
    pub(crate) stream: Lines<Progress>,
}

impl Ended {
    /// How many services got somewhere; none if there was nothing to do.
    pub(crate) fn moved(&self, kind: OperationKind) -> Option<usize> {
        let changes = self.steps.iter().any(|step| step.action != "keep");
        let moved = match kind {
            OperationKind::Up => self.outcome.services.len(),
            _ => self.reached,
        };
        (changes || self.reached > 0).then_some(moved)
    }
}

/// A request for an operation of this kind.
pub(crate) fn request(kind: OperationKind, services: &[String]) -> OperationRequest {
    OperationRequest {
        version: VERSION,
        kind,
        services: services.to_vec(),
        model: None,
        given: gantry_api::GivenVariables::default(),
        options: gantry_api::OperationOptions::default(),
    }
}

/// Do it. `stop` ends the waiting, not the operation: it is for Ctrl-C.
pub(crate) async fn run(
    client: &Client,
    request: &OperationRequest,
    output: &Output,
    stop: impl Future<Output = ()>,
) -> Result<Ended, Error> {
    tokio::pin!(stop);
    let begin = Instant::now();
    let mut live = Live::on(&output.notes);
    let mut board = Board::new(request.kind, &[]);
    let mut steps = Vec::new();
    let mut again = Again::of(client, request);
    let mut stream = again.ask().await?;
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut reminded = Instant::now();
    loop {
        let record = tokio::select! {
            biased;
            record = stream.next() => record,
            () = &mut stop => return Err(Error::Interrupted),
            _ = frames.tick() => {
                if live.is_shown() {
                    live.draw(|| board.live());
                    continue;
                }
                let fallen = board.fallen(Timestamp::now());
                if !fallen.is_empty() {
                    reminded = Instant::now();
                    live.stay(&fallen);
                } else if reminded.elapsed() >= REMINDER {
                    reminded = Instant::now();
                    let waiting = board.waiting().map(|words| Text::of(Tone::Dim, words));
                    live.stay(waiting.as_slice());
                }
                continue;
            }
        };
        match record {
            Ok(Some(Progress::Begun { steps: planned, .. })) => {
                let changed = planned.iter().filter(|step| step.action != "keep");
                let names: Vec<String> = changed.map(|step| step.service.clone()).collect();
                board = Board::new(request.kind, &names);
                if steps.is_empty() {
                    steps = planned;
                }
            }
            Ok(Some(Progress::Event { event })) => {
                if let Some(line) = board.event(&event) {
                    reminded = Instant::now();
                    live.draw(|| board.live());
                    live.stay(&[line]);
                }
            }
            // It is told with the outcome, where it is complete.
            Ok(Some(Progress::Preflight { .. })) => {}
            Ok(Some(Progress::Note { message })) => {
                live.stay(&[Text::of(Tone::Dim, "note: ").plain(message)]);
            }
            Ok(Some(Progress::Ended { mut outcome })) => {
                let reached = board.reached();
                let mut count = reached.len();
                if outcome.services.is_empty() {
                    outcome.services = reached;
                }
                if again.was_resumed() {
                    // What an earlier supervisor did was not heard by this stream.
                    count = outcome.services.len();
                    let took = begin.elapsed().as_millis();
                    outcome.duration_ms = u64::try_from(took).unwrap_or(u64::MAX);
                }
                return Ok(Ended {
                    steps,
                    outcome,
                    reached: count,
                    stream,
                });
            }
            // The supervisor died over it. The next one knows what is wanted.
            Ok(None) => {
                stream = again
                    .resume(ClientError::BrokenOff { source: None })
                    .await?;
            }
            Err(error @ ClientError::BrokenOff { .. }) => stream = again.resume(error).await?,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tell how it ended: to people on standard error, to programs as the outcome on standard output.
/// Anything but success is then an error that has been told.
pub(crate) fn tell(
    kind: OperationKind,
    outcome: &Outcome,
    moved: Option<usize>,
    output: &Output,
) -> Result<(), Error> {
    if output.is_for_programs() {
        crate::view::show(output, &OutcomeView(outcome));
    } else {
        output
            .notes
            .lines(&crate::view::outcome::lines(kind, outcome, moved));
    }
    match outcome.exit_code {
        0 => Ok(()),
        exit_code => Err(Error::Told { exit_code }),
    }
}

struct OutcomeView<'a>(&'a Outcome);

impl crate::view::View for OutcomeView<'_> {
    fn lines(&self, _: crate::view::Page) -> Vec<Text> {
        Vec::new()
    }

    fn data(&self) -> crate::view::Data {
        crate::view::Data::of(self.0)
    }
}
