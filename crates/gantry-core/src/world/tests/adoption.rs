//! A new supervisor, and a backend that goes and comes.

use super::harness::{Harness, change, changed, exited, job, name, probed, running, spec};
use crate::effect::Effect;
use crate::event::{ChangeEffect, Command, Event, Memory, ObservedInstance, ObservedRun, Targets};
use crate::failure::{ExitStatus, Failure, Stage};
use crate::ids::{Generation, Millis};
use crate::outcome::OutcomeKind;
use crate::restart::RestartWhen;
use crate::state::ServiceState;

fn lose(harness: &mut Harness) {
    let services = harness.world.services();
    harness.tell(Event::BackendLost {
        services,
        reason: "connection reset".into(),
    });
}

#[test]
fn a_new_supervisor_takes_over_what_runs_and_restarts_nothing() {
    let mut old = Harness::up(&[spec("db", &[]), spec("api", &["db"])]);
    old.now = Millis::seconds(100);
    let mut new = old.restarted();
    assert_eq!(new.state("db"), ServiceState::Unknown);
    assert!(new.starts().is_empty());
    new.observed(&[("db", 1, running(0)), ("api", 1, running(0))]);
    assert!(new.starts().is_empty() && new.stops().is_empty());
    assert_eq!(new.state("api"), ServiceState::Running);
    assert_eq!(new.view("api").instances[0].pid, Some(7));
}

#[test]
fn what_ended_meanwhile_follows_its_policy() {
    let old = Harness::up(&[spec("api", &[]), job("migrate")]);
    let mut new = old.restarted();
    new.observed(&[("api", 4, exited(1)), ("migrate", 1, exited(0))]);
    assert_eq!(new.state("migrate"), ServiceState::Completed);
    assert_eq!(new.state("api"), ServiceState::Backoff);
    new.back_off("api");
    assert_eq!(new.generation("api").0, 5, "the generation counts on");
}

#[test]
fn what_was_never_started_is_started_now() {
    let mut old = Harness::new();
    old.model(&[spec("db", &[]), spec("api", &["db"])]);
    let mut new = old.restarted();
    new.observed(&[]);
    assert_eq!(new.starts(), ["db"]);
}

#[test]
fn what_should_be_stopped_is_stopped_in_order() {
    let mut old = Harness::up(&[spec("db", &[]), spec("api", &["db"])]);
    old.down();
    let mut new = old.restarted();
    new.observed(&[("db", 1, running(0)), ("api", 1, running(0))]);
    assert_eq!(new.stops(), ["api"]);
    new.stopped("api");
    assert_eq!(new.stops(), ["db"]);
}

#[test]
fn an_older_revision_is_replaced_by_the_next_supervisor() {
    let specs = [spec("api", &[])];
    let mut old = Harness::up(&specs);
    old.model(&[changed(specs[0].clone())]);
    let mut new = old.restarted();
    let service = new.key("api");
    let instance = new.at("api", 0);
    let found = ObservedInstance {
        instance,
        generation: Generation(1),
        revision: Some(crate::ids::Revision(1)),
        run: running(0),
    };
    new.tell(Event::Observed {
        services: vec![service],
        instances: vec![found],
    });
    assert_eq!(new.stops(), ["api"]);
}

#[test]
fn one_that_may_still_be_starting_keeps_the_rest_of_its_time() {
    let mut old = Harness::up(&[probed(spec("api", &[]))]);
    old.now = Millis::seconds(50);
    let mut new = old.restarted();
    new.observed(&[("api", 1, running(0))]);
    assert_eq!(new.state("api"), ServiceState::Starting);
    new.time_out(Millis::seconds(10));
    assert_eq!(new.stops(), ["api"]);
}

#[test]
fn one_that_runs_for_long_is_not_killed_for_a_probe_that_fails_now() {
    let mut old = Harness::up(&[probed(spec("api", &[]))]);
    old.now = Millis::seconds(100);
    let mut new = old.restarted();
    new.observed(&[("api", 1, running(0))]);
    new.not_ready("api", "connection refused");
    let view = new.view("api");
    assert_eq!((view.state, view.ready), (ServiceState::Running, false));
    assert!(
        !new.all
            .iter()
            .any(|effect| matches!(effect, Effect::SetTimer { .. }))
    );
}

#[test]
fn nothing_is_concluded_from_a_lost_backend() {
    let mut harness = Harness::up(&[spec("db", &[]), spec("api", &["db"])]);
    lose(&mut harness);
    assert_eq!(harness.state("db"), ServiceState::Unknown);
    assert_eq!(harness.view("db").message, "connection reset");
    assert!(harness.starts().is_empty() && harness.stops().is_empty());
    harness.observed(&[("db", 1, running(0)), ("api", 1, running(0))]);
    assert_eq!(harness.state("api"), ServiceState::Running);
}

#[test]
fn a_start_that_was_on_its_way_is_stopped_before_it_is_tried_again() {
    let mut harness = Harness::new();
    harness.model(&[spec("api", &[])]);
    lose(&mut harness);
    harness.observed(&[]);
    assert_eq!(harness.stops(), ["api"]);
    assert!(harness.starts().is_empty());
    harness.stopped("api");
    harness.back_off("api");
    assert_eq!(harness.generation("api").0, 2);
}

#[test]
fn a_stop_that_was_lost_is_asked_for_again() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    let down = harness.down();
    lose(&mut harness);
    harness.observed(&[("api", 1, running(0))]);
    assert_eq!(harness.stops(), ["api"]);
    harness.stopped("api");
    assert_eq!(harness.kind(down), OutcomeKind::Done);
}

#[test]
fn a_lost_outcome_asks_to_observe() {
    let mut harness = Harness::new();
    harness.model(&[spec("api", &[])]);
    let instance = harness.at("api", 0);
    let effect = harness.start_effect(instance);
    harness.tell(Event::Lost { effect, instance });
    assert_eq!(harness.state("api"), ServiceState::Unknown);
    let services = vec![harness.key("api")];
    assert!(harness.effects.contains(&Effect::Observe { services }));
    harness.observed(&[("api", 1, running(0))]);
    assert_eq!(harness.state("api"), ServiceState::Running);
}

/// Even one that is never started again after its end: it has not had any.
#[test]
fn a_start_that_was_not_tried_is_made_again() {
    let mut api = spec("api", &[]);
    api.restart.when = RestartWhen::Never;
    let mut harness = Harness::new();
    let up = harness.model(&[api]);
    let instance = harness.at("api", 0);
    let effect = harness.start_effect(instance);
    harness.tell(Event::Lost { effect, instance });
    harness.observed(&[("api", 1, ObservedRun::Stopped)]);
    assert_eq!(harness.starts(), ["api"]);
    assert_eq!(harness.generation("api"), Generation(2));
    harness.started("api");
    assert_eq!(harness.kind(up), OutcomeKind::Done);
    assert_eq!(harness.view("api").restarts, 0);
}

#[test]
fn what_was_stopped_on_request_is_no_crash() {
    let old = Harness::up(&[spec("api", &[])]);
    let mut new = old.restarted();
    new.observed(&[("api", 3, ObservedRun::Stopped)]);
    assert_eq!(new.starts(), ["api"]);
    assert_eq!(new.generation("api").0, 4);
    assert_eq!(new.view("api").restarts, 0);
}

#[test]
fn an_update_that_was_under_way_is_made_by_the_next_supervisor() {
    let specs = [spec("api", &[])];
    let mut old = Harness::up(&specs);
    let changes = vec![change("api", ChangeEffect::InPlace)];
    old.model_with(&[changed(specs[0].clone())], changes, Targets::AutoStart);
    let mut new = old.restarted();
    let found = ObservedInstance {
        instance: new.at("api", 0),
        generation: Generation(1),
        revision: Some(crate::ids::Revision(1)),
        run: running(0),
    };
    let services = vec![new.key("api")];
    new.tell(Event::Observed {
        services,
        instances: vec![found],
    });
    assert!(
        new.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Update { .. }))
    );
    assert!(new.stops().is_empty());
}

#[test]
fn restored_is_only_the_first_event() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    let services = harness.world.saved();
    harness.tell(Event::Restored { services });
    assert_eq!(harness.state("api"), ServiceState::Running);
}

#[test]
fn two_in_conflict_do_not_start_in_the_same_event() {
    let mut web = spec("web", &[]);
    web.conflicts_with.push(name("legacy"));
    let saved = |spec: crate::spec::ServiceSpec| crate::world::SavedService {
        spec: spec.into(),
        desired: crate::state::Desired::Running,
        revision: crate::ids::Revision(1),
        replace_below: crate::ids::Revision(0),
        update_below: crate::ids::Revision(0),
        leaving: false,
    };
    let mut harness = Harness::new();
    // No command leads here; a file that someone edited may.
    harness.tell(Event::Restored {
        services: vec![saved(spec("legacy", &[])), saved(web)],
    });
    harness.observed(&[]);
    assert_eq!(harness.starts(), ["legacy"]);
    assert_eq!(harness.state("web"), ServiceState::Waiting);
}

#[test]
fn what_left_the_file_is_still_leaving_for_the_next_supervisor() {
    let specs = [spec("api", &[]), spec("old", &[])];
    let mut harness = Harness::up(&specs);
    harness.model(&specs[..1]);
    let mut new = harness.restarted();
    assert!(new.view("old").leaving);
    let service = new.key("old");
    new.observed(&[("api", 1, running(0))]);
    assert!(new.effects.contains(&Effect::Removed { service }));
}

#[test]
fn an_old_observation_does_not_bring_back_the_dead() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    harness.stop("api");
    harness.start("api");
    harness.exited("api", 143);
    lose(&mut harness);
    harness.observed(&[("api", 1, running(0))]);
    assert_eq!(harness.stops(), ["api"]);
    harness.stopped("api");
    assert_eq!(harness.starts(), ["api"]);
}

#[test]
fn a_slot_that_comes_back_before_the_observation_is_unknown_too() {
    let mut old = Harness::up(&[spec("api", &[])]);
    old.command(Command::Scale {
        service: name("api"),
        replicas: 2,
    });
    old.start_all();
    old.command(Command::Scale {
        service: name("api"),
        replicas: 1,
    });
    let mut new = old.restarted();
    new.command(Command::Scale {
        service: name("api"),
        replicas: 2,
    });
    assert!(new.starts().is_empty(), "the second may still be running");
    let found = |slot| ObservedInstance {
        instance: new.at("api", slot),
        generation: Generation(1),
        revision: None,
        run: running(0),
    };
    let instances = vec![found(0), found(1)];
    let services = vec![new.key("api")];
    new.tell(Event::Observed {
        services,
        instances,
    });
    assert!(new.starts().is_empty());
    assert_eq!(new.view("api").instances.len(), 2);
}

#[test]
fn leftovers_of_a_start_that_nobody_knows_go_and_leave_no_timer_behind() {
    let left = || ObservedRun::Exited {
        exit: ExitStatus::Code(0),
        left: Some("a child".into()),
        tail: Vec::new(),
    };
    let mut harness = Harness::up(&[spec("api", &[]), job("migrate")]);
    harness.exited("api", 1);
    assert_eq!(harness.state("api"), ServiceState::Backoff);
    harness.observed(&[("api", 9, left())]);
    assert_eq!(harness.stops(), ["api"]);
    assert_eq!(harness.world.audit(), Ok(()));
    harness.stopped("api");
    assert_eq!(harness.generation("api").0, 10, "it is started after that");

    harness.exited("migrate", 0);
    assert_eq!(harness.state("migrate"), ServiceState::Completed);
    harness.observed(&[("migrate", 9, left())]);
    harness.stopped("migrate");
    assert_eq!(harness.state("migrate"), ServiceState::Completed);
}

#[test]
fn what_an_earlier_stop_has_ended_is_started_again() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    harness.observed(&[("api", 1, ObservedRun::Stopped)]);
    assert_eq!(harness.state("api"), ServiceState::Starting);
    assert_eq!(harness.generation("api").0, 2);
    assert_eq!(harness.world.audit(), Ok(()));
}

#[test]
fn what_an_earlier_supervisor_was_stopping_is_stopped_and_started_again() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    let mut new = harness.restarted();
    new.observed(&[("api", 1, ObservedRun::Stopping { pid: None })]);
    assert_eq!(new.state("api"), ServiceState::Stopping);
    assert_eq!(new.stops(), ["api"]);
    assert!(new.starts().is_empty(), "something of it is left");
    new.stopped("api");
    assert_eq!(new.generation("api").0, 2);
    assert_eq!(new.state("api"), ServiceState::Starting);

    // A stop of which nothing was known here.
    harness.observed(&[("api", 1, ObservedRun::Stopping { pid: None })]);
    harness.stopped("api");
    assert_eq!(harness.generation("api").0, 2);
    assert_eq!(harness.world.audit(), Ok(()));
}

fn remembered(harness: &mut Harness, memory: Memory) {
    let instance = harness.at("api", 0);
    harness.tell(Event::Remembered { instance, memory });
}

#[test]
fn what_was_given_up_stays_so_under_a_new_supervisor() {
    let failure = Failure::new(Stage::CrashLoop, "ended 6 times");
    let memory = Memory {
        failed: Some(Box::new(failure)),
        ..Memory::default()
    };
    let ended = ObservedRun::Exited {
        exit: ExitStatus::Code(3),
        left: None,
        tail: Vec::new(),
    };
    // Whether its backend still has a record of it or not.
    for found in [vec![("api", 6, ended)], Vec::new()] {
        let harness = Harness::up(&[spec("api", &[])]);
        let mut new = harness.restarted();
        remembered(&mut new, memory.clone());
        new.observed(&found);
        assert_eq!(new.state("api"), ServiceState::Failed);
        assert!(new.starts().is_empty());
        assert_eq!(
            new.view("api").instances[0].failure,
            memory.failed.as_deref().cloned()
        );
    }
}

#[test]
fn a_new_supervisor_counts_on_to_the_ceiling() {
    let mut api = spec("api", &[]);
    api.restart.max = 3;
    let harness = Harness::up(&[api]);
    let mut new = harness.restarted();
    let memory = Memory {
        attempts: 3,
        recent: vec![new.now; 3],
        failed: None,
    };
    remembered(&mut new, memory);
    let ended = ObservedRun::Exited {
        exit: ExitStatus::Code(3),
        left: None,
        tail: Vec::new(),
    };
    new.observed(&[("api", 4, ended)]);
    assert_eq!(new.state("api"), ServiceState::Failed);
}

#[test]
fn a_clock_that_was_set_back_does_not_keep_restarts_counted() {
    let mut api = spec("api", &[]);
    api.restart.max = 3;
    api.restart.window = Millis(60_000);
    let harness = Harness::up(&[api]);
    let mut new = harness.restarted();
    let day = Millis(24 * 60 * 60 * 1000);
    let memory = Memory {
        attempts: 3,
        recent: vec![new.now.plus(day); 3],
        failed: None,
    };
    remembered(&mut new, memory);
    new.observed(&[("api", 4, running(new.now.plus(day).0))]);
    // After the window they do not count any more.
    new.now = new.now.plus(Millis(60_000));
    new.exited("api", 3);
    assert_ne!(new.state("api"), ServiceState::Failed);
}
