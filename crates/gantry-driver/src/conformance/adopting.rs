//! Cases about sessions that come and go, and about other stacks.

use std::time::Duration;

use gantry_core::{ExitStatus, StopHow};

use super::bench::{Bench, instance};
use super::{Case, Recipe, Stop, fail, must, skip};
use crate::{DriverEvent, EventSink, Handle, ObservedState, Terminal};

pub(super) async fn a_new_session_finds_what_runs(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    bench.up(&instance(), 4, &from).await?;
    let before = bench.running(&instance()).await?;
    bench.leave();
    let after = bench.running(&instance()).await?;
    must(
        before == after,
        format!("it was {before:?}, and is {after:?}"),
    )
}

pub(super) async fn an_adopted_instance_can_be_stopped(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    bench.up(&instance(), 1, &from).await?;
    bench.leave();
    bench.down(&instance(), 1, &from).await?;
    bench.not_running(&instance()).await
}

pub(super) async fn an_exit_between_sessions_is_told(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsFor(Duration::from_millis(200)))?;
    bench.up(&instance(), 1, &from).await?;
    bench.leave();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let begun = tokio::time::Instant::now();
    let seen = loop {
        // A machine that has much to do may take longer for it.
        match bench.seen(&instance()).await? {
            Some(seen) if matches!(seen.state, ObservedState::Running { .. }) => {
                must(begun.elapsed() < bench.harness.patience(), "it still runs")?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            seen => break seen,
        }
    };
    let exit = match seen {
        Some(seen) => match seen.state {
            ObservedState::Exited { exit, .. } => exit,
            other => return fail(format!("it is observed as {other:?}")),
        },
        None => {
            bench
                .wait_for("its exit", |event| match event {
                    DriverEvent::Exited { exit, .. } => Some(exit.clone()),
                    _ => None,
                })
                .await?
        }
    };
    must(
        !bench.can().exit_status || exit == ExitStatus::Code(0),
        format!("{exit} is told"),
    )
}

pub(super) async fn another_stack_is_not_touched(bench: &mut Bench<'_>) -> Case {
    if !bench.harness.shares_backend() {
        return skip("every stack has a backend of its own");
    }
    let from = bench.recipe(&Recipe::RunsForever)?;
    let target = bench.driver.target(&from.spec);
    let target = target.map_err(|error| Stop::Fail(error.to_string()))?;
    let context = bench.harness.context("another-stack").await;
    let (sink, _events) = EventSink::channel();
    let other = bench.driver.open(context, target, sink).await?;
    bench.up(&instance(), 1, &from).await?;
    must(
        other.observe().await?.is_empty(),
        "the other stack observes what is ours",
    )?;
    other.stop(vec![crate::StopRequest {
        effect: gantry_core::EffectId(1),
        instance: instance(),
        generation: gantry_core::Generation(1),
        how: StopHow::Kill,
        from: None,
    }]);
    bench.listen().await;
    bench.running(&instance()).await.map(|_| ())
}

pub(super) async fn a_start_known_to_an_earlier_session_ends(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    bench.up(&instance(), 1, &from).await?;
    let before = bench.running(&instance()).await?;
    bench.leave();
    // The effect's number is a new one; the generation is what counts.
    let effect = bench.start(&instance(), 1, &from).await?;
    let (event, terminal) = bench.end_of(effect).await?;
    must(
        matches!(terminal, Terminal::Done | Terminal::Lost),
        format!("it ended as {event:?}"),
    )?;
    let after = bench.running(&instance()).await?;
    must(
        before == after,
        format!("it was {before:?}, and is {after:?}"),
    )
}

pub(super) async fn handles_survive_being_written(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    let DriverEvent::Started { handle, .. } = bench.up(&instance(), 1, &from).await? else {
        return fail("the start ended otherwise");
    };
    let Some(handle) = handle else {
        return skip("the mode needs no handles");
    };
    must(handle.mode == bench.driver.mode(), "it is of another mode")?;
    let text = serde_json::to_string(&handle).map_err(|error| Stop::Fail(error.to_string()))?;
    let read: Handle =
        serde_json::from_str(&text).map_err(|error| Stop::Fail(error.to_string()))?;
    must(read == handle, "it reads as another")
}

pub(super) async fn an_unreachable_backend_kills_nothing(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    bench.up(&instance(), 1, &from).await?;
    let before = bench.running(&instance()).await?;
    let (harness, stack) = (bench.harness, bench.stack().to_owned());
    if !harness.set_reachable(&stack, false).await {
        return skip("the harness cannot make the backend unreachable");
    }
    let unreachable =
        |event: &DriverEvent| matches!(event, DriverEvent::Unreachable { .. }).then_some(());
    let told = bench.wait_for("unreachable", unreachable).await;
    harness.set_reachable(&stack, true).await;
    told?;
    let reachable = |event: &DriverEvent| match event {
        DriverEvent::Reachable { observed } => Some(observed.clone()),
        _ => None,
    };
    let observed = bench.wait_for("reachable", reachable).await?;
    must(
        observed.iter().any(|one| {
            one.instance == instance() && matches!(one.state, ObservedState::Running { .. })
        }),
        format!("it is observed as {observed:?}"),
    )?;
    must(
        !bench
            .heard
            .iter()
            .any(|event| matches!(event, DriverEvent::Exited { .. })),
        "an exit was told",
    )?;
    let after = bench.running(&instance()).await?;
    must(
        before == after,
        format!("it was {before:?}, and is {after:?}"),
    )
}
