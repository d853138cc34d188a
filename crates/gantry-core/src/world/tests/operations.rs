//! Operations end exactly once, and say what did not go well.

use std::collections::BTreeSet;

use super::harness::{Harness, job, name, probed, spec};
use crate::event::{Command, Event, Targets};
use crate::failure::Stage;
use crate::ids::{Generation, Millis, OperationId};
use crate::outcome::{OutcomeKind, Refusal};
use crate::restart::RestartWhen;
use crate::state::{Desired, ServiceState};
use crate::view::ChildView;

#[test]
fn up_ends_when_all_are_ready() {
    let mut harness = Harness::new();
    let up = harness.model(&[probed(spec("db", &[])), spec("api", &["db"])]);
    harness.started("db");
    harness.ready("db");
    assert!(harness.outcomes(up).is_empty());
    harness.started("api");
    assert_eq!(harness.kind(up), OutcomeKind::Done);
    harness.not_ready("db", "gone");
    harness.ready("db");
    assert_eq!(harness.outcomes(up).len(), 1);
}

#[test]
fn when_the_time_is_over_it_names_what_is_not_ready() {
    let mut harness = Harness::new();
    let operation = OperationId(9);
    let services = vec![name("api")];
    harness.model(&[probed(spec("db", &[])), spec("api", &["db"])]);
    let timeout = Some(Millis(500));
    let command = Command::Start {
        services,
        done: BTreeSet::new(),
    };
    harness.tell(Event::Command {
        operation,
        command,
        timeout,
    });
    harness.time_out(Millis(500));
    let outcome = harness.outcome(operation);
    assert_eq!(outcome.kind, OutcomeKind::NotReady);
    assert_eq!(outcome.unfinished, [name("db"), name("api")]);
    assert_eq!(
        harness.state("db"),
        ServiceState::Starting,
        "the services go on"
    );
}

#[test]
fn cancel_drops_what_has_not_begun() {
    let mut harness = Harness::new();
    let up = harness.model(&[probed(spec("db", &[])), spec("api", &["db"])]);
    let cancel = harness.command(Command::Cancel { operation: up });
    assert_eq!(harness.kind(up), OutcomeKind::Cancelled);
    assert_eq!(harness.kind(cancel), OutcomeKind::Done);
    assert_eq!(harness.view("api").desired, Desired::Stopped);
    harness.started("db");
    harness.ready("db");
    assert_eq!(
        harness.state("db"),
        ServiceState::Running,
        "what has begun is finished"
    );
    assert!(harness.starts().is_empty());
}

#[test]
fn cancel_of_a_down_keeps_what_has_not_begun_to_stop() {
    let mut harness = Harness::up(&[spec("api", &["db"]), spec("db", &[])]);
    let down = harness.down();
    harness.command(Command::Cancel { operation: down });
    harness.stopped("api");
    assert!(harness.stops().is_empty());
    assert_eq!(harness.state("db"), ServiceState::Running);
    assert_eq!(harness.state("api"), ServiceState::Stopped);
}

#[test]
fn who_is_overtaken_by_the_contrary_has_not_failed() {
    let specs = [probed(spec("db", &[])), spec("api", &["db"])];
    let mut harness = Harness::new();
    let up = harness.model(&specs);
    harness.started("db");
    let down = harness.down();
    let outcome = harness.outcome(up);
    assert_eq!(outcome.kind, OutcomeKind::Cancelled);
    let stages = outcome.failures.iter().map(|failed| failed.cause.stage);
    assert_eq!(
        stages.collect::<Vec<_>>(),
        [Stage::Superseded, Stage::Superseded]
    );
    let start = harness.start("db");
    assert_eq!(harness.kind(down), OutcomeKind::Cancelled);
    harness.stopped("db");
    harness.started("db");
    harness.doomed("db");
    harness.stopped("db");
    let stop = harness.stop("api");
    assert_eq!(
        harness.kind(start),
        OutcomeKind::NotReady,
        "it failed by itself"
    );
    assert_eq!(harness.kind(stop), OutcomeKind::Done);
}

/// The supervisor died after it had begun, and whoever asked asks the next one.
#[test]
fn what_was_started_already_is_not_started_again() {
    let mut harness = Harness::new();
    let mut task = job("task");
    task.restart.when = RestartWhen::Never;
    harness.model(&[task, probed(spec("api", &[]))]);
    for service in ["task", "api"] {
        harness.started(service);
    }
    harness.ready("api");
    harness.exited("task", 0);
    let done: BTreeSet<_> = [harness.at("task", 0), harness.at("api", 0)].into();
    let start = harness.command(Command::Start {
        services: vec![name("task"), name("api")],
        done: done.clone(),
    });
    assert_eq!(harness.kind(start), OutcomeKind::Done);
    let restart = harness.command(Command::Restart {
        services: vec![name("api")],
        cascade: false,
        done: done.clone(),
    });
    assert_eq!(harness.kind(restart), OutcomeKind::Done);
    let generations = ["task", "api"].map(|service| harness.generation(service));
    assert_eq!(generations, [Generation(1), Generation(1)]);
    harness.start("task");
    harness.started("task");
    assert_eq!(
        harness.generation("task"),
        Generation(2),
        "who asks anew has it run anew"
    );
    harness.exited("task", 3);
    let start = harness.command(Command::Start {
        services: vec![name("task")],
        done,
    });
    let kind = harness.kind(start);
    assert_eq!(kind, OutcomeKind::Failed, "how it went is the answer");
    assert_eq!(harness.generation("task"), Generation(2));
}

#[test]
fn the_unknown_is_refused() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    let stop = harness.stop("nobody");
    let refusal = Some(Refusal::NoSuchService(name("nobody")));
    assert_eq!(harness.outcome(stop).refusal, refusal);
    let cancel = harness.command(Command::Cancel {
        operation: OperationId(77),
    });
    let refusal = Some(Refusal::NoSuchOperation(OperationId(77)));
    assert_eq!(harness.outcome(cancel).refusal, refusal);
}

#[test]
fn an_id_that_is_under_way_is_not_begun_twice() {
    let mut harness = Harness::new();
    let up = harness.model(&[spec("api", &[])]);
    let command = Command::Start {
        services: vec![name("api")],
        done: BTreeSet::new(),
    };
    harness.tell(Event::Command {
        operation: up,
        command,
        timeout: None,
    });
    assert!(harness.effects.is_empty());
    harness.started("api");
    assert_eq!(harness.kind(up), OutcomeKind::Done);
}

#[test]
fn an_empty_model_is_done_at_once() {
    let mut harness = Harness::new();
    let up = harness.model(&[]);
    assert_eq!(harness.kind(up), OutcomeKind::Done);
}

#[test]
fn late_children_are_seen_and_forgotten() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    let service = harness.key("api");
    let child = |name: &str, state: Option<&str>| Event::Child {
        service,
        name: name.into(),
        shown: state.map(|state| ChildView::ready(name, state)),
    };
    harness.tell(child("b", Some("up")));
    harness.tell(child("a", Some("up")));
    harness.tell(child("b", None));
    let children = harness.view("api").children;
    assert_eq!((children.len(), children[0].name.as_str()), (1, "a"));
}

#[test]
fn a_program_that_ends_at_once_is_no_success() {
    let mut api = spec("api", &[]);
    api.restart.when = RestartWhen::Never;
    let mut harness = Harness::new();
    let up = harness.model(&[api]);
    harness.started("api");
    assert!(harness.outcomes(up).is_empty(), "it has only been started");
    harness.exited("api", 7);
    let outcome = harness.outcome(up);
    assert_eq!(outcome.kind, OutcomeKind::Failed);
    assert_eq!(outcome.failures[0].cause.reason, "ended with exit code 7");
}

#[test]
fn its_dependents_do_not_wait_until_it_has_settled() {
    let mut harness = Harness::new();
    harness.model(&[spec("db", &[]), spec("api", &["db"])]);
    harness.started("db");
    assert_eq!(harness.starts(), ["api"]);
}

#[test]
fn one_with_a_probe_or_up_for_long_holds_nothing() {
    let specs = [spec("old", &[]), probed(spec("api", &[]))];
    let mut harness = Harness::up(&specs[..1]);
    harness.now = harness.now.plus(Millis(100));
    let up = harness.model(&specs);
    harness.started("api");
    harness.ready("api");
    assert_eq!(harness.outcomes(up).len(), 1);
}

#[test]
fn one_that_fails_beside_a_slow_one_is_among_the_failures() {
    let mut quick = spec("quick", &[]);
    quick.restart.when = RestartWhen::Never;
    let mut harness = Harness::new();
    let up = harness.model(&[quick, probed(spec("slow", &[]))]);
    harness.started("quick");
    harness.started("slow");
    harness.now = harness.now.plus(Millis(500));
    harness.exited("quick", 1);
    harness.ready("slow");
    let outcome = harness.outcome(up);
    assert_eq!(
        (outcome.kind, outcome.failures.len()),
        (OutcomeKind::Failed, 1)
    );
}

#[test]
fn one_that_fell_back_is_waited_for_again() {
    let mut harness = Harness::new();
    let up = harness.model(&[spec("quick", &[]), probed(spec("slow", &[]))]);
    harness.started("quick");
    harness.started("slow");
    harness.exited("quick", 1);
    harness.ready("slow");
    assert!(harness.outcomes(up).is_empty(), "quick is backing off");
    harness.back_off("quick");
    harness.started("quick");
    assert!(harness.outcomes(up).is_empty(), "it has only been started");
    assert_eq!(harness.kind(up), OutcomeKind::Done);
}

#[test]
fn one_that_fell_back_is_unfinished_when_the_time_is_over() {
    let mut harness = Harness::new();
    let operation = OperationId(5);
    let specs = vec![spec("quick", &[]), probed(spec("slow", &[]))];
    let (changes, targets) = (Vec::new(), Targets::AutoStart);
    let timeout = Some(Millis(700));
    harness.tell(Event::Model {
        operation,
        specs: specs.into_iter().map(Into::into).collect(),
        changes,
        targets,
        timeout,
    });
    harness.started("quick");
    harness.started("slow");
    harness.exited("quick", 1);
    harness.time_out(Millis(700));
    let outcome = harness.outcome(operation);
    assert_eq!(outcome.kind, OutcomeKind::NotReady);
    assert_eq!(outcome.unfinished, [name("quick"), name("slow")]);
}

#[test]
fn a_stop_ends_an_operation_that_is_held() {
    let mut harness = Harness::new();
    let up = harness.model(&[spec("api", &[])]);
    harness.started("api");
    harness.stop("api");
    assert_eq!(harness.outcomes(up).len(), 1);
    assert_eq!(harness.kind(up), OutcomeKind::Cancelled);
}
