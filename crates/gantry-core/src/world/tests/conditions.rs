//! Dependents never before their conditions.

use super::harness::{Harness, job, name, probed, spec};
use crate::event::Event;
use crate::spec::{Condition, Dependency};
use crate::state::ServiceState;
use crate::view::WaitsFor;

#[test]
fn a_dependent_starts_in_the_event_that_makes_its_dependency_ready() {
    let mut harness = Harness::new();
    harness.model(&[spec("api", &["db"]), probed(spec("db", &[]))]);
    assert_eq!(harness.starts(), ["db"]);
    harness.started("db");
    assert!(harness.starts().is_empty());
    assert_eq!(harness.state("api"), ServiceState::Waiting);
    assert_eq!(harness.view("api").message, "waits for db");
    harness.ready("db");
    assert_eq!(harness.starts(), ["api"]);
}

#[test]
fn started_does_not_wait_for_ready() {
    let mut api = spec("api", &[]);
    api.depends_on
        .push(Dependency::new(name("db"), Condition::Started));
    let mut harness = Harness::new();
    harness.model(&[api, probed(spec("db", &[]))]);
    assert_eq!(harness.starts(), ["db"]);
    harness.started("db");
    assert_eq!(harness.starts(), ["api"]);
}

#[test]
fn completed_waits_for_the_good_end_of_a_job() {
    let mut api = spec("api", &[]);
    api.depends_on
        .push(Dependency::new(name("migrate"), Condition::Completed));
    let mut harness = Harness::new();
    harness.model(&[api, job("migrate")]);
    harness.started("migrate");
    assert_eq!(harness.state("migrate"), ServiceState::Running);
    assert!(!harness.view("migrate").ready, "a job is never ready");
    assert_eq!(harness.view("api").message, "waits for migrate (completed)");
    harness.exited("migrate", 0);
    assert_eq!(harness.state("migrate"), ServiceState::Completed);
    assert_eq!(harness.starts(), ["api"]);
}

#[test]
fn readiness_that_is_lost_later_keeps_it_running_and_stops_nobody() {
    let mut harness = Harness::new();
    harness.model(&[spec("api", &["db"]), probed(spec("db", &[]))]);
    harness.started("db");
    harness.ready("db");
    harness.started("api");
    harness.not_ready("db", "connection refused");
    let view = harness.view("db");
    assert_eq!((view.state, view.ready), (ServiceState::Running, false));
    assert_eq!(view.message, "not ready: connection refused");
    assert_eq!(harness.state("api"), ServiceState::Running);
    // But one that is started now waits.
    harness.exited("api", 1);
    harness.back_off("api");
    assert_eq!(harness.state("api"), ServiceState::Waiting);
    harness.ready("db");
    assert_eq!(harness.starts(), ["api"]);
}

#[test]
fn independent_services_start_in_one_event_in_their_order() {
    let mut late = spec("late", &[]);
    late.order = 5;
    let mut harness = Harness::new();
    harness.model(&[late, spec("b", &[]), spec("a", &[])]);
    assert_eq!(harness.starts(), ["b", "a", "late"]);
}

#[test]
fn what_a_service_waits_for_is_listed_with_its_condition() {
    let mut harness = Harness::new();
    harness.model(&[spec("api", &["db"]), probed(spec("db", &[]))]);
    let service = harness.key("db");
    let waits = vec![WaitsFor::Condition {
        service,
        part: None,
        condition: Condition::Ready,
        blocked: false,
    }];
    assert_eq!(harness.view("api").waits_for, waits);
}

#[test]
fn of_two_in_conflict_the_second_waits_until_the_first_is_gone() {
    let mut new = spec("new", &[]);
    new.conflicts_with.push(name("old"));
    new.auto_start = false;
    let mut harness = Harness::up(&[spec("old", &[]), new]);
    harness.stop("old");
    harness.start("new");
    assert_eq!(harness.state("new"), ServiceState::Waiting);
    assert_eq!(harness.view("new").message, "waits for old to stop");
    harness.stopped("old");
    assert_eq!(harness.starts(), ["new"]);
}

#[test]
fn readiness_needs_every_replica() {
    let mut db = probed(spec("db", &[]));
    db.replicas = 2;
    let mut harness = Harness::up(&[spec("api", &["db"]), db]);
    harness.ready("db");
    assert_eq!(harness.state("db"), ServiceState::Starting);
    let instance = harness.at("db", 1);
    let generation = harness.view("db").instances[1].generation;
    harness.tell(Event::Ready {
        instance,
        generation,
    });
    assert_eq!(harness.state("db"), ServiceState::Running);
    assert_eq!(harness.starts(), ["api"]);
}
