//! A changed file restarts what changed, removes what left, and keeps the rest.

use super::harness::{Harness, change, changed, job, name, probed, spec};
use crate::effect::Effect;
use crate::event::{Change, ChangeEffect, Command, Event, Targets};
use crate::failure::Stage;
use crate::ids::{Millis, ModeName, OperationId};
use crate::outcome::{OutcomeKind, Refusal};
use crate::state::{Desired, ServiceState};

#[test]
fn only_what_changed_restarts() {
    let specs = [spec("db", &[]), spec("api", &["db"])];
    let mut harness = Harness::up(&specs);
    let up = harness.model(&[specs[0].clone(), changed(specs[1].clone())]);
    assert_eq!(harness.stops(), ["api"]);
    assert_eq!(harness.state("api"), ServiceState::Updating);
    assert_eq!(harness.view("api").revision.0, 2);
    harness.stopped("api");
    assert_eq!(harness.starts(), ["api"]);
    harness.started("api");
    assert_eq!(harness.kind(up), OutcomeKind::Done);
    assert_eq!(harness.generation("db").0, 1);
}

#[test]
fn nothing_happens_when_nothing_changed() {
    let specs = [spec("db", &[]), spec("api", &["db"])];
    let mut harness = Harness::up(&specs);
    let up = harness.model(&specs);
    assert!(harness.starts().is_empty() && harness.stops().is_empty());
    assert_eq!(harness.kind(up), OutcomeKind::Done);
}

#[test]
fn a_changed_dependency_restarts_its_followers_only() {
    let mut web = spec("web", &["db"]);
    web.depends_on[0].follow = true;
    let specs = [spec("db", &[]), spec("api", &["db"]), web];
    let mut harness = Harness::up(&specs);
    harness.model(&[
        changed(specs[0].clone()),
        specs[1].clone(),
        specs[2].clone(),
    ]);
    assert_eq!(harness.stops(), ["web"]);
    harness.stopped("web");
    assert_eq!(
        (harness.stops(), harness.starts().len()),
        (vec!["db".to_string()], 0)
    );
    harness.stopped("db");
    harness.started("db");
    assert_eq!(harness.starts(), ["web"]);
    assert_eq!(harness.generation("api").0, 1);
}

#[test]
fn what_left_the_file_is_stopped_in_order_and_forgotten() {
    let specs = [spec("db", &[]), spec("api", &["db"]), spec("kept", &[])];
    let mut harness = Harness::up(&specs);
    let db = harness.key("db");
    let up = harness.model(&specs[2..]);
    assert_eq!(harness.stops(), ["api"]);
    assert!(harness.view("db").leaving);
    harness.stopped("api");
    harness.stopped("db");
    assert!(harness.effects.contains(&Effect::Removed { service: db }));
    assert_eq!(harness.world.key("db"), None);
    assert_eq!(harness.kind(up), OutcomeKind::Done);
    assert_eq!(harness.world.saved().len(), 1);
    // It comes back with its generations counted on.
    harness.model(&specs);
    assert_eq!(harness.starts(), ["db"]);
    assert_eq!(harness.generation("db").0, 2);
}

#[test]
fn a_change_in_place_is_an_update() {
    let specs = [spec("api", &[])];
    let mut harness = Harness::up(&specs);
    let new = [changed(specs[0].clone())];
    let changes = vec![change("api", ChangeEffect::InPlace)];
    let up = harness.model_with(&new, changes, Targets::AutoStart);
    assert_eq!(harness.state("api"), ServiceState::Updating);
    let Some(Effect::Update {
        id,
        instance,
        revision,
        ..
    }) = harness
        .effects
        .iter()
        .find(|effect| matches!(effect, Effect::Update { .. }))
        .cloned()
    else {
        panic!("no update in {:?}", harness.effects);
    };
    assert_eq!(revision.0, 2);
    harness.tell(Event::Updated {
        effect: id,
        instance,
    });
    assert_eq!(harness.state("api"), ServiceState::Running);
    assert_eq!(harness.kind(up), OutcomeKind::Done);
    assert_eq!(harness.generation("api").0, 1);
}

#[test]
fn what_others_changed_is_updated_to_the_same_once() {
    let specs = [spec("api", &[])];
    let mut harness = Harness::up(&specs);
    let drifted = || Change {
        anew: true,
        ..change("api", ChangeEffect::InPlace)
    };
    let up = harness.model_with(&specs, vec![drifted()], Targets::AutoStart);
    let update = harness.effects.iter().find_map(|effect| match effect {
        Effect::Update { id, .. } => Some(*id),
        _ => None,
    });
    let effect = update.expect("an update");
    let instance = harness.at("api", 0);
    harness.tell(Event::Updated { effect, instance });
    assert_eq!(harness.kind(up), OutcomeKind::Done);
    assert_eq!(harness.generation("api").0, 1);
    harness.model(&specs);
    let again = harness
        .effects
        .iter()
        .any(|it| matches!(it, Effect::Update { .. }));
    assert!(!again, "nothing is left to be changed back");
}

#[test]
fn a_failed_update_leaves_it_running_and_fails_the_operation() {
    let specs = [spec("api", &[])];
    let mut harness = Harness::up(&specs);
    let new = [changed(specs[0].clone())];
    let changes = vec![change("api", ChangeEffect::InPlace)];
    let up = harness.model_with(&new, changes, Targets::AutoStart);
    let instance = harness.at("api", 0);
    let update = harness.effects.iter().find_map(|effect| match effect {
        Effect::Update { id, .. } => Some(*id),
        _ => None,
    });
    let effect = update.expect("an update");
    let cause = super::harness::failure("refused");
    harness.tell(Event::UpdateFailed {
        effect,
        instance,
        cause,
    });
    assert_eq!(harness.state("api"), ServiceState::Running);
    assert_eq!(harness.outcome(up).failures[0].cause.stage, Stage::Update);
    assert_eq!(harness.view("api").message, "the update failed: refused");
}

/// A service whose backend says that it is not ready while it is changed.
fn changed_and_not_ready() -> (Harness, OperationId) {
    let one = probed(spec("api", &[]));
    let mut harness = Harness::up(std::slice::from_ref(&one));
    harness.ready("api");
    let changes = vec![change("api", ChangeEffect::InPlace)];
    let up = harness.model_with(&[changed(one)], changes, Targets::AutoStart);
    let update = harness.effects.iter().find_map(|effect| match effect {
        Effect::Update { id, .. } => Some(*id),
        _ => None,
    });
    let effect = update.expect("an update");
    harness.not_ready("api", "it is being changed");
    let instance = harness.at("api", 0);
    harness.tell(Event::Updated { effect, instance });
    (harness, up)
}

#[test]
fn an_update_that_is_hopeless_fails_at_once_and_is_forgiven_when_it_is_ready() {
    let (mut harness, up) = changed_and_not_ready();
    harness.doomed("api");
    assert_eq!(harness.state("api"), ServiceState::Running);
    let outcome = harness.outcome(up);
    assert_eq!(outcome.failures[0].cause.stage, Stage::Update);
    assert!(
        harness
            .view("api")
            .message
            .starts_with("the update failed: ")
    );
    harness.ready("api");
    assert_eq!(harness.view("api").message, "");
}

#[test]
fn an_update_after_one_that_was_hopeless_begins_anew() {
    let (mut harness, _) = changed_and_not_ready();
    harness.doomed("api");
    let one = probed(spec("api", &[]));
    let changes = vec![change("api", ChangeEffect::InPlace)];
    harness.model_with(&[one], changes, Targets::AutoStart);
    let instance = harness.at("api", 0);
    let mut updates = harness.effects.iter().filter_map(|effect| match effect {
        Effect::Update { id, .. } => Some(*id),
        _ => None,
    });
    let effect = updates.next_back().expect("another update");
    harness.tell(Event::Updated { effect, instance });
    harness.ready("api");
    assert_eq!(harness.view("api").message, "");
}

#[test]
fn an_update_that_does_not_become_ready_has_the_time_of_a_start() {
    let (mut harness, up) = changed_and_not_ready();
    harness.time_out(Millis::seconds(60));
    assert_eq!(harness.state("api"), ServiceState::Running);
    assert_eq!(harness.kind(up), OutcomeKind::NotReady);
}

#[test]
fn a_change_without_effect_touches_nothing() {
    let specs = [spec("api", &[])];
    let mut harness = Harness::up(&specs);
    let changes = vec![change("api", ChangeEffect::None)];
    harness.model_with(&[changed(specs[0].clone())], changes, Targets::AutoStart);
    assert!(harness.starts().is_empty() && harness.stops().is_empty());
}

#[test]
fn recreate_says_so_at_the_start() {
    let specs = [spec("api", &[])];
    let mut harness = Harness::up(&specs);
    let changes = vec![change("api", ChangeEffect::Recreate)];
    harness.model_with(&[changed(specs[0].clone())], changes, Targets::AutoStart);
    harness.stopped("api");
    assert!(
        harness
            .effects
            .iter()
            .any(|e| matches!(e, Effect::Start { recreate: true, .. }))
    );
}

#[test]
fn another_mode_stops_the_old_one_first() {
    let specs = [spec("api", &[])];
    let mut harness = Harness::up(&specs);
    let mut other = specs[0].clone();
    other.mode = ModeName::new("other");
    harness.model(&[other]);
    assert_eq!(
        (harness.stops(), harness.starts().len()),
        (vec!["api".to_string()], 0)
    );
    harness.stopped("api");
    assert_eq!(harness.starts(), ["api"]);
}

#[test]
fn naming_one_leaves_the_others_alone() {
    let specs = [spec("db", &[]), spec("api", &["db"]), spec("other", &[])];
    let mut harness = Harness::up(&specs);
    let new = [specs[0].clone(), changed(specs[1].clone())];
    harness.model_with(&new, Vec::new(), Targets::Named(vec![name("api")]));
    assert_eq!(harness.stops(), ["api"]);
    assert_eq!(harness.state("other"), ServiceState::Running);
}

#[test]
fn more_replicas_start_and_fewer_stop_the_highest() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    let more = harness.command(Command::Scale {
        service: name("api"),
        replicas: 3,
    });
    assert_eq!(harness.starts().len(), 2);
    harness.start_all();
    assert_eq!(harness.kind(more), OutcomeKind::Done);
    assert_eq!(harness.view("api").instances.len(), 3);
    harness.command(Command::Scale {
        service: name("api"),
        replicas: 1,
    });
    assert_eq!(harness.stops().len(), 2);
    assert_eq!(harness.state("api"), ServiceState::Running);
    assert_eq!(harness.world.saved()[0].spec.replicas, 1);
}

#[test]
fn a_completed_job_is_not_done_again_by_up_but_by_name() {
    let specs = [job("migrate")];
    let mut harness = Harness::up(&specs);
    harness.exited("migrate", 0);
    harness.model(&specs);
    assert!(harness.starts().is_empty());
    harness.start("migrate");
    assert_eq!(harness.starts(), ["migrate"]);
}

#[test]
fn what_does_not_start_by_itself_stays_stopped() {
    let mut extra = spec("extra", &[]);
    extra.auto_start = false;
    let mut harness = Harness::new();
    harness.model(&[spec("api", &[]), extra]);
    assert_eq!(harness.starts(), ["api"]);
    assert_eq!(harness.view("extra").desired, Desired::Stopped);
    harness.start("extra");
    assert_eq!(harness.starts(), ["extra"]);
}

#[test]
fn a_model_that_is_no_graph_is_refused_and_changes_nothing() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    let up = harness.model(&[spec("a", &["b"]), spec("b", &["a"])]);
    assert_eq!(
        harness.outcome(up).refusal,
        Some(Refusal::Model("a -> b -> a".to_string()))
    );
    assert_eq!(harness.state("api"), ServiceState::Running);
    assert_eq!(harness.world.key("a"), None);
}

#[test]
fn two_that_conflict_are_not_brought_up_together() {
    let mut new = spec("new", &[]);
    new.conflicts_with.push(name("old"));
    let mut harness = Harness::new();
    let up = harness.model(&[spec("old", &[]), new]);
    let refusal = Refusal::Conflict {
        service: name("new"),
        with: name("old"),
    };
    assert_eq!(harness.outcome(up).refusal, Some(refusal));
}

#[test]
fn failed_ones_are_tried_again_by_up() {
    let specs = [probed(spec("db", &[]))];
    let mut harness = Harness::new();
    harness.model(&specs);
    let permanent = super::harness::failure("no").kind(crate::failure::FailureKind::Permanent);
    harness.start_failed("db", permanent);
    assert_eq!(harness.state("db"), ServiceState::Failed);
    harness.model(&specs);
    assert_eq!(harness.starts(), ["db"]);
}

#[test]
fn what_runs_may_conflict_with_what_its_file_did_not_have_yet() {
    let mut old = spec("old", &[]);
    old.conflicts_with.push(name("new"));
    let mut harness = Harness::up(&[old]);
    let targets = Targets::Named(vec![name("new")]);
    let up = harness.model_with(&[spec("new", &[])], Vec::new(), targets);
    assert_eq!(harness.kind(up), OutcomeKind::Refused);
}
