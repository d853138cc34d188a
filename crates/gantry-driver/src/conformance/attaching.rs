//! Cases about joining an instance's own input and output.

use std::time::Duration;

use gantry_core::{ExitStatus, Generation, InstanceId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::bench::{Bench, instance};
use super::{Case, Recipe, Stop, fail, must, skip};
use crate::{AttachRequest, DriverEvent, ExecProcess, Power, Recorded, TerminalSize};

const SIZE: TerminalSize = TerminalSize {
    rows: 30,
    columns: 90,
};

/// How often, and for how long each time, one who joins looks for what was printed before.
const LATER: usize = 10;
const SOON: Duration = Duration::from_secs(1);

/// Someone who has joined.
struct Seat {
    process: ExecProcess,
    seen: String,
}

async fn answering(bench: &mut Bench<'_>) -> Result<Recorded, Stop> {
    if !bench.can().powers.contains(&Power::Attach) {
        return skip("nothing can be joined");
    }
    let from = bench.recipe(&Recipe::Answers)?;
    bench.up(&instance(), 1, &from).await?;
    Ok(from)
}

fn request(instance: InstanceId, generation: u32, recent: bool) -> AttachRequest {
    AttachRequest {
        instance,
        generation: Generation(generation),
        child: None,
        terminal: Some(SIZE),
        recent,
    }
}

async fn join(bench: &mut Bench<'_>, recent: bool) -> Result<Seat, Stop> {
    let session = bench.session().await?;
    let Some(attach) = session.as_attach() else {
        return fail("the mode says that instances can be joined, and the session cannot");
    };
    Ok(Seat {
        process: attach.attach(request(instance(), 1, recent)).await?,
        seen: String::new(),
    })
}

impl Seat {
    async fn says(&mut self, line: &str) -> Case {
        let line = format!("{line}\n");
        let said = self.process.io.write_all(line.as_bytes()).await;
        said.map_err(|error| Stop::Fail(format!("it cannot be spoken to: {error}")))
    }

    /// Whether this comes in that time.
    async fn sees_in(&mut self, time: Duration, wanted: &str) -> bool {
        let mut buffer = [0; 4096];
        let read_on = async {
            while !self.seen.contains(wanted) {
                match self.process.io.read(&mut buffer).await {
                    Ok(length) if length > 0 => {
                        let text = String::from_utf8_lossy(&buffer[..length]);
                        self.seen.push_str(&text);
                    }
                    _ => return false,
                }
            }
            true
        };
        tokio::time::timeout(time, read_on).await.unwrap_or(false)
    }

    /// Read on until this comes, or the end.
    async fn sees(&mut self, bench: &Bench<'_>, wanted: Option<&str>) -> Case {
        let patience = bench.harness.patience();
        let mut buffer = [0; 4096];
        while wanted.is_none_or(|wanted| !self.seen.contains(wanted)) {
            let read = self.process.io.read(&mut buffer);
            match tokio::time::timeout(patience, read).await {
                Ok(Ok(0)) if wanted.is_none() => return Ok(()),
                Ok(Ok(length)) if length > 0 => {
                    let text = String::from_utf8_lossy(&buffer[..length]);
                    self.seen.push_str(&text);
                }
                other => {
                    return fail(format!(
                        "{wanted:?} did not come: {other:?} after {:?}",
                        self.seen
                    ));
                }
            }
        }
        Ok(())
    }
}

pub(super) async fn who_joins_sees_and_speaks_until_it_ends(bench: &mut Bench<'_>) -> Case {
    answering(bench).await?;
    let mut seat = join(bench, true).await?;
    seat.sees(bench, Some("ready")).await?;
    seat.says("one").await?;
    seat.sees(bench, Some("got one")).await?;
    (seat.process.resize)(TerminalSize {
        rows: 31,
        columns: 91,
    });
    seat.says("end").await?;
    seat.sees(bench, None).await?;
    must(
        seat.seen.contains("got end"),
        format!("its last words are missing: {:?}", seat.seen),
    )?;
    let exit = tokio::time::timeout(bench.harness.patience(), seat.process.exit).await;
    must(
        matches!(exit, Ok(Ok(ExitStatus::Code(7)))),
        format!("its end was told as {exit:?}"),
    )?;
    bench
        .wait_for("the exit", |event| match event {
            DriverEvent::Exited { exit, .. } => Some(exit.clone()),
            _ => None,
        })
        .await?;
    Ok(())
}

pub(super) async fn all_who_join_see_the_same(bench: &mut Bench<'_>) -> Case {
    answering(bench).await?;
    let mut first = join(bench, true).await?;
    first.sees(bench, Some("ready")).await?;
    first.says("one").await?;
    first.sees(bench, Some("got one")).await?;
    let mut second = join(bench, false).await?;
    second.says("two").await?;
    second.sees(bench, Some("got two")).await?;
    first.sees(bench, Some("got two")).await?;
    must(
        !second.seen.contains("ready"),
        format!("it wanted nothing that was before: {:?}", second.seen),
    )
}

pub(super) async fn who_leaves_changes_nothing(bench: &mut Bench<'_>) -> Case {
    answering(bench).await?;
    let mut seat = join(bench, true).await?;
    seat.sees(bench, Some("ready")).await?;
    seat.says("one").await?;
    seat.sees(bench, Some("got one")).await?;
    drop(seat);
    bench.listen().await;
    bench.running(&instance()).await?;
    // What was printed a moment ago may still be on its way into the log, from which those who come later
    // are told.
    for _ in 0..LATER {
        let mut seat = join(bench, true).await?;
        if seat.sees_in(SOON, "got one").await {
            return Ok(());
        }
    }
    fail("who joins again is not told what was said before")
}

pub(super) async fn only_what_runs_is_joined(bench: &mut Bench<'_>) -> Case {
    let from = answering(bench).await?;
    let session = bench.session().await?;
    let Some(attach) = session.as_attach() else {
        return fail("the session cannot join");
    };
    let mut wrong = vec![
        request(instance(), 2, true),
        request(super::bench::numbered("two", 0), 1, true),
    ];
    bench.down(&instance(), 1, &from).await?;
    wrong.push(request(instance(), 1, true));
    for request in wrong {
        match attach.attach(request.clone()).await {
            Err(error) if !error.reason.is_empty() => {}
            Err(_) => return fail("a refusal has no reason"),
            Ok(_) => return fail(format!("this was joined: {request:?}")),
        }
    }
    Ok(())
}
