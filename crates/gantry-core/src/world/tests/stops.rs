//! Stopping: its order, its refusals, and what it is stronger than.

use super::harness::{Harness, name, probed, spec};
use crate::effect::{Effect, StopHow};
use crate::event::{Command, Event};
use crate::failure::Stage;
use crate::outcome::{OutcomeKind, Refusal};
use crate::state::ServiceState;

#[test]
fn down_goes_in_reverse_order() {
    let mut harness = Harness::up(&[spec("api", &["db"]), spec("db", &[]), spec("web", &["api"])]);
    let down = harness.down();
    assert_eq!(harness.stops(), ["web"]);
    assert_eq!(harness.view("db").message, "waits for api to stop");
    harness.stopped("web");
    assert_eq!(harness.stops(), ["api"]);
    harness.stopped("api");
    assert_eq!(harness.stops(), ["db"]);
    assert!(harness.outcomes(down).is_empty());
    harness.stopped("db");
    assert_eq!(harness.kind(down), OutcomeKind::Done);
    assert!(harness.world.is_at_rest());
}

#[test]
fn a_stop_refuses_while_a_dependent_runs_and_names_it() {
    let mut harness = Harness::up(&[spec("api", &["db"]), spec("db", &[])]);
    let stop = harness.stop("db");
    let refusal = Refusal::DependentsRun {
        service: name("db"),
        dependents: vec![name("api")],
    };
    assert_eq!(harness.outcome(stop).refusal, Some(refusal));
    assert_eq!(harness.state("db"), ServiceState::Running);
}

#[test]
fn cascade_takes_the_dependents_along() {
    let mut harness = Harness::up(&[spec("api", &["db"]), spec("db", &[]), spec("other", &[])]);
    harness.stop_with("db", true, false);
    assert_eq!(harness.stops(), ["api"]);
    harness.stopped("api");
    assert_eq!(harness.stops(), ["db"]);
    assert_eq!(harness.state("other"), ServiceState::Running);
}

#[test]
fn force_does_not_care() {
    let mut harness = Harness::up(&[spec("api", &["db"]), spec("db", &[])]);
    harness.stop_with("db", false, true);
    assert_eq!(harness.stops(), ["db"]);
    harness.stopped("db");
    assert_eq!(harness.state("api"), ServiceState::Running);
    // When it ends by itself, it cannot come back, and says why.
    harness.exited("api", 1);
    harness.back_off("api");
    let view = harness.view("api");
    assert_eq!(
        (view.state, view.message.as_str()),
        (ServiceState::Blocked, "db is stopped")
    );
    harness.start("db");
    assert_eq!(harness.state("api"), ServiceState::Waiting);
}

#[test]
fn stop_beats_restart() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    harness.restart("api", false);
    harness.stop("api");
    harness.stopped("api");
    assert!(harness.starts().is_empty());
    assert_eq!(harness.state("api"), ServiceState::Stopped);
}

#[test]
fn stop_beats_back_off() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    harness.exited("api", 1);
    assert_eq!(harness.state("api"), ServiceState::Backoff);
    let stop = harness.stop("api");
    assert_eq!(harness.state("api"), ServiceState::Stopped);
    assert!(
        harness
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::CancelTimer { .. }))
    );
    assert_eq!(harness.kind(stop), OutcomeKind::Done);
}

#[test]
fn a_start_while_it_stops_starts_again_after_the_stop() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    let stop = harness.stop("api");
    let start = harness.start("api");
    assert!(harness.starts().is_empty(), "never two live instances");
    assert_eq!(
        harness.outcome(stop).failures[0].cause.stage,
        Stage::Superseded
    );
    harness.stopped("api");
    assert_eq!(harness.starts(), ["api"]);
    harness.started("api");
    assert_eq!(harness.kind(start), OutcomeKind::Done);
}

#[test]
fn a_stop_overtakes_a_start_and_the_late_answer_is_ignored() {
    let mut harness = Harness::new();
    harness.model(&[spec("api", &[])]);
    let effect = harness.start_effect(harness.at("api", 0));
    harness.stop("api");
    assert_eq!(harness.stops(), ["api"]);
    let instance = harness.at("api", 0);
    harness.tell(Event::Started {
        effect,
        instance,
        pid: None,
    });
    assert_eq!(harness.state("api"), ServiceState::Stopping);
    harness.stopped("api");
    assert_eq!(harness.state("api"), ServiceState::Stopped);
    assert_eq!(harness.starts(), Vec::<String>::new());
}

#[test]
fn a_resisted_stop_stays_stopping_names_what_resists_and_ends_the_operation() {
    let mut harness = Harness::up(&[spec("api", &["db"]), spec("db", &[])]);
    let down = harness.down();
    harness.resisted("api");
    let view = harness.view("api");
    assert_eq!(view.state, ServiceState::Stopping);
    assert_eq!(view.message, "resists being stopped: pid 9");
    // What cannot be stopped does not keep everything else up.
    assert_eq!(harness.stops(), ["db"]);
    harness.stopped("db");
    let outcome = harness.outcome(down);
    assert_eq!(outcome.kind, OutcomeKind::Failed);
    assert_eq!(outcome.failures[0].cause.stage, Stage::Stop);
    // It may still go.
    harness.stopped("api");
    assert_eq!(harness.state("api"), ServiceState::Stopped);
}

#[test]
fn a_kill_replaces_the_polite_stop_and_does_not_wait_for_anyone() {
    let mut harness = Harness::up(&[spec("api", &["db"]), spec("db", &[])]);
    harness.down();
    assert_eq!(harness.stops(), ["api"]);
    harness.command(Command::Down { how: StopHow::Kill });
    assert_eq!(harness.stops(), ["db", "api"]);
    let kills = |effect: &Effect| {
        matches!(
            effect,
            Effect::Stop {
                how: StopHow::Kill,
                ..
            }
        )
    };
    assert_eq!(
        harness
            .effects
            .iter()
            .filter(|effect| kills(effect))
            .count(),
        2
    );
    harness.stopped("api");
    harness.stopped("db");
    assert!(harness.world.is_at_rest());
}

#[test]
fn the_exit_of_the_leader_is_not_the_end_of_a_stop() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    harness.restart("api", false);
    harness.exited("api", 0);
    assert_eq!(harness.state("api"), ServiceState::Stopping);
    assert!(harness.starts().is_empty());
    harness.stopped("api");
    assert_eq!(harness.starts(), ["api"]);
}

#[test]
fn restart_of_a_chain_stops_all_of_it_before_any_of_it_starts() {
    let mut harness = Harness::up(&[spec("api", &["db"]), probed(spec("db", &[]))]);
    harness.ready("db");
    harness.started("api");
    harness.restart("db", true);
    assert_eq!(harness.stops(), ["api"]);
    harness.stopped("api");
    assert_eq!(
        (harness.stops(), harness.starts().len()),
        (vec!["db".to_string()], 0)
    );
    harness.stopped("db");
    assert_eq!(harness.starts(), ["db"]);
    harness.started("db");
    assert!(harness.starts().is_empty());
    harness.ready("db");
    assert_eq!(harness.starts(), ["api"]);
}

#[test]
fn what_is_about_to_be_replaced_offers_nothing_any_more() {
    let specs = [spec("db", &[]), spec("api", &["db"]), spec("web", &["db"])];
    let mut harness = Harness::up(&specs);
    harness.restart("db", true);
    harness.stopped("api");
    // The old one still runs, because web has not stopped yet.
    assert_eq!(harness.starts(), Vec::<String>::new());
    assert_eq!(harness.state("api"), ServiceState::Waiting);
    harness.stopped("web");
    harness.stopped("db");
    harness.started("db");
    assert_eq!(harness.starts(), ["api", "web"]);
}
