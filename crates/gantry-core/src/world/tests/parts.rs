//! Waiting for a part of a service.

use super::harness::{Harness, name, probed, spec};
use crate::event::Event;
use crate::spec::{Condition, Dependency, ServiceSpec};
use crate::state::ServiceState;
use crate::view::{ChildView, WaitsFor};

/// A service that needs one part of another.
fn needs(text: &str, on: &str, part: &str, condition: Condition) -> ServiceSpec {
    let mut needed = Dependency::new(name(on), condition);
    needed.part = Some(part.into());
    let mut spec = spec(text, &[]);
    spec.depends_on.push(needed);
    spec
}

fn shows(harness: &mut Harness, part: &str, shown: impl Into<Option<ChildView>>) {
    let service = harness.key("stack");
    harness.tell(Event::Child {
        service,
        name: part.into(),
        shown: shown.into(),
    });
}

fn ready(part: &str) -> ChildView {
    ChildView::ready(part, "healthy")
}

fn only_started(part: &str) -> ChildView {
    let mut shown = ChildView::ready(part, "running");
    shown.ready = false;
    shown
}

fn completed(part: &str) -> ChildView {
    let mut shown = ChildView::ready(part, "completed");
    (shown.ready, shown.completed) = (false, true);
    shown
}

#[test]
fn a_dependent_starts_with_the_part_and_not_with_the_whole() {
    let api = needs("api", "stack", "db", Condition::Ready);
    let whole = spec("whole", &["stack"]);
    let mut harness = Harness::new();
    harness.model(&[probed(spec("stack", &[])), api, whole]);
    assert_eq!(harness.starts(), ["stack"]);
    let service = harness.key("stack");
    let waits = WaitsFor::Condition {
        service,
        part: Some("db".into()),
        condition: Condition::Ready,
        blocked: false,
    };
    assert_eq!(harness.view("api").waits_for, [waits]);
    assert_eq!(harness.view("api").message, "waits for stack/db");
    // While the start of the whole is still under way.
    shows(&mut harness, "db", only_started("db"));
    assert!(harness.starts().is_empty());
    shows(&mut harness, "other", ready("other"));
    assert!(harness.starts().is_empty());
    shows(&mut harness, "db", ready("db"));
    assert_eq!(harness.starts(), ["api"]);
    assert_eq!(harness.state("whole"), ServiceState::Waiting);
}

#[test]
fn each_condition_of_a_part_is_its_own() {
    let specs = [
        probed(spec("stack", &[])),
        needs("started", "stack", "job", Condition::Started),
        needs("ready", "stack", "job", Condition::Ready),
        needs("completed", "stack", "job", Condition::Completed),
    ];
    let mut harness = Harness::new();
    harness.model(&specs);
    harness.start_all();
    shows(&mut harness, "job", only_started("job"));
    assert_eq!(harness.starts(), ["started"]);
    // What has ended well is as ready as it will ever be.
    shows(&mut harness, "job", completed("job"));
    assert_eq!(harness.starts(), ["ready", "completed"]);
}

#[test]
fn a_part_that_does_not_show_blocks_and_says_which_there_are() {
    let api = needs("api", "stack", "dbb", Condition::Ready);
    let then = spec("then", &["api"]);
    let mut harness = Harness::up(&[probed(spec("stack", &[])), api, then]);
    shows(&mut harness, "db", ready("db"));
    assert_eq!(harness.state("api"), ServiceState::Waiting);
    harness.ready("stack");
    assert_eq!(harness.state("api"), ServiceState::Blocked);
    let message = "stack has no part dbb; it has db";
    assert_eq!(harness.view("api").message, message);
    assert_eq!(harness.view("then").message, message);
    // It may show late.
    shows(&mut harness, "dbb", ready("dbb"));
    assert_eq!(harness.starts(), ["api"]);
}

#[test]
fn a_service_that_fails_takes_its_parts_with_it() {
    let mut stack = probed(spec("stack", &[]));
    stack.restart.when = crate::restart::RestartWhen::Never;
    let mut harness = Harness::up(&[stack, needs("api", "stack", "db", Condition::Ready)]);
    shows(&mut harness, "db", only_started("db"));
    harness.exited("stack", 1);
    assert_eq!(harness.state("api"), ServiceState::Blocked);
    assert!(harness.view("api").message.starts_with("stack has failed"));
    // What its backend still shows of before counts for nothing.
    shows(&mut harness, "db", ready("db"));
    assert_eq!(harness.state("api"), ServiceState::Blocked);
}

#[test]
fn two_parts_of_one_service_are_two_conditions() {
    let mut api = needs("api", "stack", "db", Condition::Ready);
    api.depends_on
        .extend(needs("x", "stack", "queue", Condition::Ready).depends_on);
    let mut harness = Harness::up(&[probed(spec("stack", &[])), api]);
    shows(&mut harness, "db", ready("db"));
    assert_eq!(harness.view("api").message, "waits for stack/queue");
    shows(&mut harness, "queue", ready("queue"));
    assert_eq!(harness.starts(), ["api"]);
    // One that was met and is lost holds the next start back.
    harness.started("api");
    shows(&mut harness, "queue", None);
    assert_eq!(harness.state("api"), ServiceState::Running);
}
