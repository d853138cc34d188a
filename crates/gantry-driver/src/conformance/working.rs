//! Cases about jobs.

use std::time::Duration;

use gantry_core::{ExitStatus, Generation};

use super::bench::{Bench, instance};
use super::{Case, JobRecipe, Recipe, Stop, fail, must};
use crate::{JobOutcome, JobPlace, JobRequest};

/// A job beside an instance that runs.
async fn job(
    bench: &mut Bench<'_>,
    name: &str,
    recipe: &JobRecipe,
    time_limit: Duration,
) -> Result<JobRequest, Stop> {
    let command = bench.job(recipe)?;
    let from = bench.recipe(&Recipe::RunsForever)?;
    bench.up(&instance(), 1, &from).await?;
    Ok(JobRequest {
        name: name.into(),
        command,
        env: Vec::new(),
        folder: None,
        time_limit,
        capture: 4096,
        once: false,
        log_as: None,
        input: None,
        grace: Duration::ZERO,
        place: JobPlace::Instance {
            instance: instance(),
            generation: Generation(1),
            from,
        },
    })
}

async fn outcome(bench: &mut Bench<'_>, job: JobRequest) -> Result<JobOutcome, Stop> {
    let session = bench.session().await?;
    let patience = bench.harness.patience();
    match tokio::time::timeout(patience, session.job(job)).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => fail(format!("a job did not end in {patience:?}")),
    }
}

const MINUTE: Duration = Duration::from_mins(1);

pub(super) async fn a_job_tells_its_exit_status(bench: &mut Bench<'_>) -> Case {
    for code in [0, 7] {
        let name = format!("exit {code}");
        let job = job(bench, &name, &JobRecipe::ExitsWith(code), MINUTE).await?;
        let outcome = outcome(bench, job).await?;
        must(
            outcome.exit == ExitStatus::Code(code) && outcome.success() == (code == 0),
            format!("it exited with code {code}, and {outcome:?} is told"),
        )?;
    }
    // The same name again runs it again.
    let job = job(bench, "exit 7", &JobRecipe::ExitsWith(7), MINUTE).await?;
    outcome(bench, job).await.map(|_| ())
}

pub(super) async fn a_job_tells_its_output(bench: &mut Bench<'_>) -> Case {
    let job = job(
        bench,
        "print",
        &JobRecipe::Prints("hello there".into()),
        MINUTE,
    )
    .await?;
    let outcome = outcome(bench, job).await?;
    must(
        outcome.stdout == "hello there\n",
        format!("it printed {:?}", outcome.stdout),
    )
}

pub(super) async fn a_job_that_cannot_start_is_an_error(bench: &mut Bench<'_>) -> Case {
    let job = job(bench, "absent", &JobRecipe::FailsToStart, MINUTE).await?;
    let session = bench.session().await?;
    match session.job(job).await {
        Err(error) if !error.reason.is_empty() => Ok(()),
        other => fail(format!("it ended as {other:?}")),
    }
}

pub(super) async fn a_job_ends_with_its_time_limit(bench: &mut Bench<'_>) -> Case {
    let limit = Duration::from_millis(200);
    let job = job(bench, "slow", &JobRecipe::RunsFor(MINUTE), limit).await?;
    let outcome = outcome(bench, job).await?;
    must(
        outcome.timed_out && !outcome.success(),
        format!("it ended as {outcome:?}"),
    )
}

pub(super) async fn a_dropped_job_does_not_hold_up_the_next(bench: &mut Bench<'_>) -> Case {
    let slow = job(bench, "again", &JobRecipe::RunsFor(MINUTE), MINUTE).await?;
    let quick = job(bench, "again", &JobRecipe::ExitsWith(0), MINUTE).await?;
    let session = bench.session().await?;
    let dropped = tokio::time::timeout(Duration::from_millis(100), session.job(slow)).await;
    must(dropped.is_err(), format!("it ended as {dropped:?}"))?;
    bench.listen().await;
    let outcome = outcome(bench, quick).await?;
    must(outcome.success(), format!("the next ended as {outcome:?}"))
}
