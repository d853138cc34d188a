//! Cases about starting, and about what running instances do.

use std::collections::HashSet;
use std::time::Duration;

use gantry_core::{ExitStatus, Generation, Stage};

use super::bench::{Bench, instance, numbered};
use super::{Case, Recipe, fail, must, skip};
use crate::{DriverEvent, Owner, Terminal};

pub(super) async fn a_start_is_reported_and_observed(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    let event = bench.up(&instance(), 1, &from).await?;
    let DriverEvent::Started {
        pid, generation, ..
    } = event
    else {
        return fail(format!("it ended as {event:?}"));
    };
    let (seen, of) = bench.running(&instance()).await?;
    must(generation == Generation(1), "it is of another generation")?;
    must(of == Generation(1), "another generation is observed")?;
    must(
        pid == seen,
        format!("started as {pid:?}, observed as {seen:?}"),
    )
}

pub(super) async fn the_same_start_twice_starts_once(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    let session = bench.session().await?;
    let both = vec![
        bench.start_request(&instance(), 1, &from),
        bench.start_request(&instance(), 1, &from),
    ];
    let effects: Vec<_> = both.iter().map(|request| request.effect).collect();
    session.start(both);
    for effect in effects {
        let (event, terminal) = bench.end_of(effect).await?;
        must(terminal == Terminal::Done, format!("it ended as {event:?}"))?;
    }
    let (first, _) = bench.running(&instance()).await?;
    // A third time, when it has long been running.
    bench.up(&instance(), 1, &from).await?;
    let (then, _) = bench.running(&instance()).await?;
    must(
        first == then,
        format!("it was {first:?} and is {then:?} now"),
    )
}

pub(super) async fn an_older_generation_is_not_started(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    bench.up(&instance(), 5, &from).await?;
    let (pid, _) = bench.running(&instance()).await?;
    let effect = bench.start(&instance(), 3, &from).await?;
    let (event, terminal) = bench.end_of(effect).await?;
    must(terminal != Terminal::Done, format!("it ended as {event:?}"))?;
    let now = bench.running(&instance()).await?;
    must(
        now == (pid, Generation(5)),
        format!("{now:?} runs instead of generation 5"),
    )
}

pub(super) async fn a_start_that_fails_says_why_and_leaves_nothing(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::FailsToStart)?;
    let effect = bench.start(&instance(), 1, &from).await?;
    let (event, _) = bench.end_of(effect).await?;
    let DriverEvent::StartFailed { failure, .. } = event else {
        return fail(format!("it ended as {event:?}"));
    };
    must(failure.stage == Stage::Start, "it failed at another stage")?;
    must(!failure.reason.is_empty(), "it gives no reason")?;
    bench.not_running(&instance()).await?;
    // And it does not stand in the way of one that can.
    let from = bench.recipe(&Recipe::RunsForever)?;
    bench.up(&instance(), 2, &from).await.map(|_| ())
}

pub(super) async fn an_instance_that_ended_starts_again(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::ExitsWith(0))?;
    for generation in 1..=3 {
        bench.up(&instance(), generation, &from).await?;
        exit_of(bench, generation).await?;
    }
    Ok(())
}

pub(super) async fn many_start_at_once(bench: &mut Bench<'_>) -> Case {
    let from = bench.recipe(&Recipe::RunsForever)?;
    let session = bench.session().await?;
    let many = bench.harness.many();
    let batch: Vec<_> = (0..many)
        .map(|slot| bench.start_request(&numbered("many", slot), 1, &from))
        .collect();
    let effects: Vec<_> = batch.iter().map(|request| request.effect).collect();
    session.start(batch);
    for effect in effects {
        let (event, terminal) = bench.end_of(effect).await?;
        must(
            terminal == Terminal::Done,
            format!("one ended as {event:?}"),
        )?;
    }
    let seen = bench.observe().await?;
    let different: HashSet<_> = seen.iter().map(|one| one.instance.clone()).collect();
    must(
        seen.len() == usize::from(many) && different.len() == seen.len(),
        format!(
            "{} are observed, {} different ones",
            seen.len(),
            different.len()
        ),
    )
}

pub(super) async fn a_cancelled_start_ends_once(bench: &mut Bench<'_>) -> Case {
    let slow = bench.recipe(&Recipe::StartsAfter(Duration::from_secs(3)));
    let from = match slow {
        Ok(slow) => slow,
        Err(_) => bench.recipe(&Recipe::RunsForever)?,
    };
    let session = bench.session().await?;
    let effect = bench.start(&instance(), 1, &from).await?;
    session.cancel(effect);
    let (event, terminal) = bench.end_of(effect).await?;
    match terminal {
        Terminal::Cancelled => bench.not_running(&instance()).await?,
        Terminal::Done => bench.running(&instance()).await.map(|_| ())?,
        _ => return fail(format!("it ended as {event:?}")),
    }
    // Too late, and never asked for.
    session.cancel(effect);
    session.cancel(gantry_core::EffectId(999_999));
    bench.listen().await;
    Ok(())
}

pub(super) async fn exit_statuses_are_told(bench: &mut Bench<'_>) -> Case {
    if !bench.can().exit_status {
        return skip("the mode knows no exit statuses");
    }
    for (generation, code) in [(1, 0), (2, 3), (3, 255)] {
        let from = bench.recipe(&Recipe::ExitsWith(code))?;
        bench.up(&instance(), generation, &from).await?;
        let exit = exit_of(bench, generation).await?;
        must(
            exit == ExitStatus::Code(code),
            format!("it exited with code {code}, and {exit} is told"),
        )?;
    }
    let is = |event: &DriverEvent, wanted| {
        event
            .instance()
            .is_some_and(|(_, generation)| generation == Generation(wanted))
    };
    let place = |of: &dyn Fn(&DriverEvent) -> bool| bench.heard.iter().position(of);
    let started = place(&|event| is(event, 2) && event.ends().is_some());
    let exited = place(&|event| is(event, 2) && matches!(event, DriverEvent::Exited { .. }));
    must(started < exited, "it ended before it was started")
}

pub(super) async fn last_words_come_with_the_exit(bench: &mut Bench<'_>) -> Case {
    if !bench.can().logs {
        return skip("the mode has no output");
    }
    let lines = vec!["about to fail".to_owned(), "it failed".to_owned()];
    let from = bench.recipe(&Recipe::PrintsAndExits(lines.clone(), 1))?;
    bench.up(&instance(), 1, &from).await?;
    let tail = bench
        .wait_for("its exit", |event| match event {
            DriverEvent::Exited { tail, .. } => Some(tail.clone()),
            _ => None,
        })
        .await?;
    must(
        tail.ends_with(&lines),
        format!("its last words were {tail:?}"),
    )
}

pub(super) async fn children_show(bench: &mut Bench<'_>) -> Case {
    if !bench.can().children {
        return skip("the mode has no children");
    }
    let from = bench.recipe(&Recipe::HasChild("part".into()))?;
    let declared = bench.driver.declared_children(&from.spec);
    must(
        declared.iter().any(|child| child.as_str() == "part"),
        format!("declared are {declared:?}"),
    )?;
    bench.up(&instance(), 1, &from).await?;
    bench
        .wait_for("the child", |event| match event {
            DriverEvent::Child { child, .. } if child.name.as_str() == "part" => Some(()),
            _ => None,
        })
        .await?;
    let seen = bench.seen(&instance()).await?;
    must(
        seen.is_some_and(|seen| seen.children.iter().any(|c| c.name.as_str() == "part")),
        "it is not observed",
    )
}

pub(super) async fn readiness_is_told(bench: &mut Bench<'_>) -> Case {
    if bench.can().readiness != Owner::Backend {
        return skip("the backend does not decide about readiness");
    }
    let from = bench.recipe(&Recipe::BecomesReady)?;
    bench.up(&instance(), 1, &from).await?;
    bench
        .wait_for("readiness", |event| {
            matches!(event, DriverEvent::Ready { .. }).then_some(())
        })
        .await
}

/// Waits for the exit of a generation.
pub(super) async fn exit_of(bench: &mut Bench<'_>, wanted: u32) -> Result<ExitStatus, super::Stop> {
    bench
        .wait_for("its exit", |event| match event {
            DriverEvent::Exited {
                generation, exit, ..
            } if *generation == Generation(wanted) => Some(exit.clone()),
            _ => None,
        })
        .await
}
