//! Cases about the static half.

use gantry_core::ChangeEffect;
use serde_json::json;

use super::bench::{Bench, instance};
use super::{Case, Recipe, Stop, fail, must, skip};
use crate::{Zone, diff};

pub(super) async fn nonsense_is_refused(bench: &mut Bench<'_>) -> Case {
    for nonsense in [json!(42), json!([1]), json!({"command": 42, "run-for": {}})] {
        must(
            bench.driver.check(&nonsense).is_err(),
            format!("{nonsense} is taken for a specification"),
        )?;
    }
    let good = bench.recipe(&Recipe::RunsForever)?;
    match bench.driver.check(&good.spec) {
        Ok(()) => Ok(()),
        Err(error) => fail(format!("a good specification is refused: {error}")),
    }
}

pub(super) async fn equal_specifications_do_not_differ(bench: &mut Bench<'_>) -> Case {
    let one = bench.recipe(&Recipe::RunsForever)?;
    let changes = bench.driver.diff(one.described(), one.described());
    must(changes.is_empty(), format!("they differ in {changes:?}"))
}

pub(super) async fn a_difference_is_named_with_its_effect(bench: &mut Bench<'_>) -> Case {
    let old = bench.recipe(&Recipe::RunsForever)?;
    let new = bench.recipe(&Recipe::RunsForeverOtherwise)?;
    let changes = bench.driver.diff(old.described(), new.described());
    must(!changes.is_empty(), "no difference is seen")?;
    must(
        changes.iter().all(|change| !change.path.is_empty()),
        format!("a difference has no path: {changes:?}"),
    )?;
    must(
        diff::effect_of(&changes) >= ChangeEffect::Restart,
        format!("it takes no restart: {changes:?}"),
    )?;
    let adjusted = bench.recipe(&Recipe::RunsForeverAdjusted);
    if let (true, Ok(new)) = (bench.can().update_in_place, adjusted) {
        let changes = bench.driver.diff(old.described(), new.described());
        must(
            diff::effect_of(&changes) == ChangeEffect::InPlace,
            format!("it cannot be done in place: {changes:?}"),
        )?;
    }
    Ok(())
}

pub(super) async fn a_specification_has_one_target(bench: &mut Bench<'_>) -> Case {
    let spec = bench.recipe(&Recipe::RunsForever)?.spec;
    let target = |spec| {
        let target = bench.driver.target(spec);
        target.map_err(|error| Stop::Fail(error.to_string()))
    };
    let (one, same) = (target(&spec)?, target(&spec)?);
    must(one == same, format!("once it is {one}, then {same}"))?;
    must(one.mode == bench.driver.mode(), "it is of another mode")
}

pub(super) async fn endpoints_are_those_of_the_settings(bench: &mut Bench<'_>) -> Case {
    if !bench.can().local_ports {
        return skip("instances do not run on this machine");
    }
    let mut settings = bench.harness.settings();
    settings.ports.insert("http".into(), 47_011);
    let from = bench.recipe_with(&Recipe::RunsForever, settings)?;
    let session = bench.session().await?;
    let endpoints = session.endpoints(&instance(), &from, &Zone::Host).await?;
    let http = endpoints.iter().find(|endpoint| endpoint.name == "http");
    match http {
        Some(endpoint) if endpoint.port != 0 && !endpoint.host.is_empty() => Ok(()),
        other => fail(format!("the port http is {other:?} among {endpoints:?}")),
    }
}
