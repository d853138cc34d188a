//! Cases about stopping and changing.

use std::time::Duration;

use gantry_core::{EffectId, Generation, Millis, StopHow};

use super::bench::{Bench, instance};
use super::{Case, Recipe, Stop, must, skip};
use crate::{DriverEvent, ObservedState, Recorded, Terminal, UpdateRequest};

pub(super) async fn a_stop_leaves_nothing(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    bench.up(&instance(), 1, &from).await?;
    bench.down(&instance(), 1, &from).await?;
    bench.not_running(&instance()).await?;
    bench.listen().await;
    let place = |of: &dyn Fn(&DriverEvent) -> bool| bench.heard.iter().position(of);
    let exited = place(&|event| matches!(event, DriverEvent::Exited { .. }));
    let stopped = place(&|event| matches!(event, DriverEvent::Stopped { .. }));
    must(
        exited.is_none_or(|exited| Some(exited) < stopped),
        "its exit was told after its stop",
    )?;
    // What was asked for is not mistaken for an end by itself.
    if let Some(seen) = bench.seen(&instance()).await? {
        must(
            matches!(seen.state, ObservedState::Stopped { .. }),
            format!("it is observed as {:?}", seen.state),
        )?;
    }
    // And the slot is free.
    bench.up(&instance(), 2, &from).await.map(|_| ())
}

pub(super) async fn a_stop_of_nothing_ends(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    bench.down(&instance(), 1, &from).await?;
    bench.up(&instance(), 2, &from).await?;
    bench.down(&instance(), 2, &from).await?;
    bench.down(&instance(), 2, &from).await
}

pub(super) async fn a_stop_overtakes_a_start(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    let start = bench.start(&instance(), 1, &from).await?;
    let stop = bench
        .stop(&instance(), 1, StopHow::Graceful, Some(&from))
        .await?;
    let (event, terminal) = bench.end_of(stop).await?;
    must(
        terminal == Terminal::Done,
        format!("the stop ended as {event:?}"),
    )?;
    bench.end_of(start).await?;
    bench.not_running(&instance()).await?;
    let again = bench.start(&instance(), 1, &from).await?;
    let (event, terminal) = bench.end_of(again).await?;
    must(
        terminal != Terminal::Done,
        format!("a generation that was stopped came to life: {event:?}"),
    )?;
    bench.listen().await;
    bench.not_running(&instance()).await
}

pub(super) async fn what_ignores_a_stop_is_killed_after_its_grace(bench: &mut Bench<'_>) -> Case {
    if !bench.can().stop_policy {
        return skip("the mode has no grace");
    }
    let mut settings = bench.harness.settings();
    settings.stop.grace = Duration::from_millis(300);
    let from = bench.recipe_with(&Recipe::IgnoresStop, settings)?;
    bench.up(&instance(), 1, &from).await?;
    bench.listen().await;
    let begun = tokio::time::Instant::now();
    bench.down(&instance(), 1, &from).await?;
    let took = begun.elapsed();
    must(
        took >= Duration::from_millis(290),
        format!("it was killed after {took:?}, before its grace of 300 ms"),
    )?;
    bench.not_running(&instance()).await
}

pub(super) async fn a_kill_overtakes_a_graceful_stop(bench: &mut Bench<'_>) -> Case {
    let mut settings = bench.harness.settings();
    settings.stop.grace = Duration::from_mins(10);
    let from = bench.recipe_with(&Recipe::IgnoresStop, settings)?;
    bench.up(&instance(), 1, &from).await?;
    bench.listen().await;
    let gently = bench
        .stop(&instance(), 1, StopHow::Graceful, Some(&from))
        .await?;
    bench.listen().await;
    let kill = bench
        .stop(&instance(), 1, StopHow::Kill, Some(&from))
        .await?;
    bench.end_of(kill).await?;
    bench.end_of(gently).await?;
    bench.not_running(&instance()).await
}

pub(super) async fn a_stop_without_a_specification_works(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    bench.up(&instance(), 1, &from).await?;
    let stop = bench.stop(&instance(), 1, StopHow::Graceful, None).await?;
    let (event, terminal) = bench.end_of(stop).await?;
    must(terminal == Terminal::Done, format!("it ended as {event:?}"))?;
    bench.not_running(&instance()).await
}

/// Asks for a change of what runs.
async fn change(bench: &mut Bench<'_>, to: &Recorded) -> Result<EffectId, Stop> {
    let effect = bench.owe();
    bench.session().await?.update(vec![UpdateRequest {
        effect,
        instance: instance(),
        generation: Generation(1),
        to: to.clone(),
        back_to: None,
        patience: Millis::seconds(60),
    }]);
    Ok(effect)
}

/// Who loses sight of a change asks for it again while it is under way. Each has its end, and the change is made once.
pub(super) async fn a_change_that_is_asked_for_twice_ends_twice(bench: &mut Bench<'_>) -> Case {
    if !bench.can().update_in_place {
        return skip("it changes nothing as it runs");
    }
    let from = bench.recipe(&Recipe::RunsForever)?;
    let to = bench.recipe(&Recipe::RunsForeverAdjusted)?;
    bench.up(&instance(), 1, &from).await?;
    let before = bench.running(&instance()).await?;
    let first = change(bench, &to).await?;
    let second = change(bench, &to).await?;
    let ends = [bench.end_of(first).await?, bench.end_of(second).await?];
    let done = |(_, terminal): &(DriverEvent, Terminal)| *terminal == Terminal::Done;
    must(ends.iter().any(done), format!("they ended as {ends:?}"))?;
    let after = bench.running(&instance()).await?;
    must(before == after, "a change in place started it anew")
}

pub(super) async fn an_update_ends_once(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    let to = match bench.recipe(&Recipe::RunsForeverAdjusted) {
        Ok(to) => to,
        Err(_) => from.clone(),
    };
    bench.up(&instance(), 1, &from).await?;
    let before = bench.running(&instance()).await?;
    let effect = change(bench, &to).await?;
    let (event, terminal) = bench.end_of(effect).await?;
    let wanted = if bench.can().update_in_place {
        Terminal::Done
    } else {
        Terminal::Failed
    };
    must(terminal == wanted, format!("it ended as {event:?}"))?;
    let after = bench.running(&instance()).await?;
    must(before == after, "an update in place started it anew")
}
