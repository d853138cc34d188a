//! Cases about the static half.

use gantry_core::ChangeEffect;
use serde_json::json;

use super::bench::{Bench, instance};
use super::{Case, Recipe, Stop, fail, must, skip};
use crate::{Ports, Reach, Sought, Zone, diff};

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

pub(super) async fn ports_of_this_machine_lead_to_it(bench: &mut Bench<'_>) -> Case {
    if !bench.can().local_ports {
        return skip("instances do not run on this machine");
    }
    let spec = bench.recipe(&Recipe::RunsForever)?.spec;
    let ports = Ports::from_iter([("http".into(), 47_011)]);
    // What is to be drawn is drawn by whoever asks.
    let drawn = |(name, port): (_, u16)| (name, if port == 0 { 47_012 } else { port });
    let host_ports = bench.driver.host_ports(&spec, &ports);
    let host_ports = host_ports.map(|ports| ports.into_iter().map(drawn).collect());
    let host_ports: Ports = host_ports.unwrap_or_else(|| ports.clone());
    let (stack, instance) = (bench.identity().await, instance());
    let sought = Sought {
        stack: &stack,
        instance: &instance,
        replicas: 1,
        spec: &spec,
        ports: &ports,
        host_ports: &host_ports,
    };
    let reach = bench.driver.reach(&sought, &Zone::Host);
    must(
        reach == Some(Reach::local(&host_ports)),
        format!("at {host_ports:?} of this machine it is reached by {reach:?}"),
    )?;
    // It finds itself where it stands, or by way of this machine.
    let vantage = bench.driver.vantage(&stack, &spec);
    must(
        bench.driver.reach(&sought, &vantage.zone).is_some() || vantage.machine.is_some(),
        format!("nothing leads to it from {}, where it is", vantage.zone),
    )
}
