//! Ends, back-off, ceilings, and how failure travels.

use super::harness::{Harness, failure, job, name, probed, spec};
use crate::effect::Effect;
use crate::event::Event;
use crate::failure::{ExitStatus, FailureKind, Stage};
use crate::ids::Millis;
use crate::outcome::OutcomeKind;
use crate::restart::{RestartPolicy, RestartWhen};
use crate::spec::ServiceSpec;
use crate::state::ServiceState;
use crate::world::operation::SETTLE;

fn policy(mut spec: ServiceSpec, when: RestartWhen) -> ServiceSpec {
    spec.restart.when = when;
    spec
}

#[test]
fn each_policy_has_its_own_ends() {
    let cases = [
        (RestartWhen::Never, 0, ServiceState::Completed),
        (RestartWhen::Never, 1, ServiceState::Failed),
        (RestartWhen::OnFailure, 0, ServiceState::Completed),
        (RestartWhen::OnFailure, 1, ServiceState::Backoff),
        (RestartWhen::Always, 0, ServiceState::Backoff),
        (RestartWhen::Always, 1, ServiceState::Backoff),
    ];
    for (when, code, state) in cases {
        let mut harness = Harness::up(&[policy(spec("api", &[]), when)]);
        harness.exited("api", code);
        assert_eq!(harness.state("api"), state, "{when:?} and {code}");
    }
    let mut harness = Harness::up(&[policy(job("job"), RestartWhen::Always)]);
    harness.exited("job", 0);
    assert_eq!(
        harness.state("job"),
        ServiceState::Completed,
        "a job that ended well"
    );
}

#[test]
fn without_a_wait_it_starts_again_in_the_same_event() {
    let mut api = spec("api", &[]);
    api.restart.backoff_min = Millis(0);
    let mut harness = Harness::up(&[api]);
    harness.exited("api", 1);
    assert_eq!(harness.starts(), ["api"]);
    harness.started("api");
    assert_eq!(harness.view("api").restarts, 1);
}

#[test]
fn too_many_bad_ends_in_the_window_are_a_crash_loop() {
    let mut harness = Harness::new();
    let up = harness.model(&[probed(spec("api", &[]))]);
    for _ in 0..5 {
        harness.started("api");
        harness.exited("api", 3);
        harness.back_off("api");
    }
    harness.started("api");
    harness.exited("api", 3);
    assert_eq!(harness.state("api"), ServiceState::Failed);
    let outcome = harness.outcome(up);
    assert_eq!(outcome.kind, OutcomeKind::Failed);
    let cause = &outcome.failures[0].cause;
    assert_eq!(cause.stage, Stage::CrashLoop);
    assert_eq!(
        cause.reason,
        "ended 6 times within 10m, last: ended with exit code 3"
    );
    assert_eq!(
        (cause.tail.len(), cause.exit.clone()),
        (1, Some(ExitStatus::Code(3)))
    );
}

#[test]
fn bad_ends_outside_the_window_do_not_count() {
    let mut api = spec("api", &[]);
    api.restart = RestartPolicy {
        max: 1,
        window: Millis::seconds(60),
        ..api.restart
    };
    let mut harness = Harness::up(&[api]);
    for _ in 0..4 {
        harness.exited("api", 1);
        harness.back_off("api");
        harness.started("api");
        harness.now = harness.now.plus(Millis::seconds(61));
    }
    assert_eq!(harness.state("api"), ServiceState::Running);
}

#[test]
fn a_stable_while_brings_the_wait_back_to_the_first() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    for _ in 0..3 {
        harness.exited("api", 1);
        harness.back_off("api");
        harness.started("api");
    }
    harness.now = harness.now.plus(Millis::seconds(11));
    harness.exited("api", 1);
    let wait = harness.view("api").instances[0]
        .retry_at
        .expect("it backs off")
        .since(harness.now);
    assert!(wait <= Millis(250), "{wait}");
}

#[test]
fn one_that_asks_for_time_gets_it_and_never_less_than_it_had() {
    let mut harness = Harness::new();
    harness.model(&[probed(spec("db", &[]))]);
    harness.started("db");
    let (instance, generation) = (harness.at("db", 0), harness.generation("db"));
    let more = |wanted| Event::MoreTime {
        instance,
        generation,
        wanted: Millis::seconds(wanted),
    };
    harness.tell(more(10));
    assert_eq!(harness.effects, [], "it has more than that");
    harness.now = harness.now.plus(Millis::seconds(50));
    harness.tell(more(30));
    harness.time_out(Millis::seconds(30));
    assert_eq!(harness.stops(), ["db"]);
    // One that has been ready has no such time.
    let mut harness = Harness::up(&[probed(spec("db", &[]))]);
    harness.ready("db");
    let (instance, generation) = (harness.at("db", 0), harness.generation("db"));
    harness.tell(Event::MoreTime {
        instance,
        generation,
        wanted: Millis::seconds(100),
    });
    assert_eq!(harness.effects, []);
    harness.tell(Event::Leader {
        instance,
        generation,
        pid: 77,
    });
    assert_eq!(harness.view("db").instances[0].pid, Some(77));
}

#[test]
fn not_ready_in_time_stops_it_and_then_it_has_failed_with_the_evidence() {
    let mut harness = Harness::new();
    let up = harness.model(&[probed(spec("db", &[])), spec("api", &["db"])]);
    harness.started("db");
    harness.not_ready("db", "connection refused on 127.0.0.1:5432");
    harness.time_out(Millis::seconds(60));
    assert_eq!(harness.stops(), ["db"]);
    harness.stopped("db");
    assert_eq!(harness.state("db"), ServiceState::Failed);
    let expected = "not ready within 1m: connection refused on 127.0.0.1:5432";
    assert_eq!(harness.view("db").message, expected);
    let outcome = harness.outcome(up);
    assert_eq!(outcome.kind, OutcomeKind::NotReady);
    assert_eq!(
        outcome.failures.len(),
        2,
        "the one that was late, and the one it blocks"
    );
}

#[test]
fn one_that_is_doomed_fails_the_wait_at_once_and_is_not_tried_again() {
    let mut harness = Harness::new();
    let up = harness.model(&[probed(spec("db", &[])), spec("api", &["db"])]);
    harness.started("db");
    harness.doomed("db");
    assert_eq!(harness.stops(), ["db"]);
    harness.stopped("db");
    let view = harness.view("db");
    assert_eq!(view.state, ServiceState::Failed);
    assert_eq!(view.message, "its health check fails");
    assert_eq!(harness.state("api"), ServiceState::Blocked);
    let outcome = harness.outcome(up);
    assert_eq!(outcome.kind, OutcomeKind::NotReady);
    assert_eq!(outcome.failures[0].cause.tail, ["last words"]);
    // Until someone asks.
    harness.start("db");
    assert_eq!(harness.starts(), ["db"]);
}

#[test]
fn why_it_falls_is_told_before_its_stop_has_ended() {
    let mut harness = Harness::new();
    harness.model(&[probed(spec("db", &[]))]);
    harness.started("db");
    harness.doomed("db");
    let view = harness.view("db");
    assert_eq!(view.state, ServiceState::Stopping);
    assert_eq!(view.message, "its health check fails");
    let failure = view.instances[0].failure.as_ref();
    assert_eq!(failure.expect("the cause").tail, ["last words"]);
    let key = harness.key("db");
    let told = harness.effects.iter().find_map(|effect| match effect {
        Effect::Transition(told) if told.to == ServiceState::Stopping => Some(told.message.clone()),
        _ => None,
    });
    assert_eq!(told.expect("a transition"), "its health check fails");
    assert!(harness.world.failure(key).is_some());
    harness.resisted("db");
    let both = "its health check fails; resists being stopped: pid 9";
    assert_eq!(harness.view("db").message, both);
    assert_eq!(harness.more(), [both]);
    assert_eq!(
        harness.world.explain(key)[0]
            .failure
            .as_ref()
            .map(|it| it.stage),
        Some(Stage::Ready)
    );
    // Who asked for the stop knows why.
    harness.stop("db");
    assert_eq!(harness.view("db").message, "resists being stopped: pid 9");
    assert_eq!(harness.world.failure(key), None);
}

#[test]
fn what_is_found_out_while_it_is_waited_for_is_told_once() {
    let mut harness = Harness::new();
    harness.model(&[probed(spec("db", &[]))]);
    harness.not_ready("db", "an image is pulled");
    assert_eq!(harness.more(), ["an image is pulled"]);
    harness.started("db");
    harness.not_ready("db", "connection refused");
    assert_eq!(harness.more(), ["connection refused"]);
    harness.not_ready("db", "connection refused");
    assert_eq!(harness.more(), [""; 0]);
    // With another state comes what there is to be said of that.
    harness.ready("db");
    assert_eq!(harness.more(), [""; 0]);
    harness.not_ready("db", "503");
    assert_eq!(harness.more(), [""; 0]);
    harness.not_ready("db", "504");
    assert_eq!(harness.more(), ["not ready: 504"]);
}

#[test]
fn one_of_several_that_falls_is_told_while_it_is_stopped() {
    let mut three = probed(spec("db", &[]));
    three.replicas = 3;
    let mut harness = Harness::new();
    harness.model(&[three]);
    harness.started("db");
    harness.doomed("db");
    let view = harness.view("db");
    assert_eq!(view.state, ServiceState::Starting);
    assert!(harness.world.failure(view.key).is_some());
}

#[test]
fn one_that_is_doomed_before_it_is_told_as_started_is_stopped() {
    let mut harness = Harness::new();
    harness.model(&[probed(spec("db", &[]))]);
    harness.doomed("db");
    assert_eq!(harness.stops(), ["db"]);
    // What was to follow stays when its start is told.
    harness.started("db");
    harness.stopped("db");
    assert_eq!(harness.state("db"), ServiceState::Failed);
}

#[test]
fn one_that_has_been_ready_is_not_ended_for_being_doomed() {
    let mut harness = Harness::up(&[probed(spec("db", &[]))]);
    harness.ready("db");
    harness.not_ready("db", "503");
    harness.doomed("db");
    assert_eq!(harness.effects, []);
    assert_eq!(harness.state("db"), ServiceState::Running);
    // Nor is a start that is over.
    let mut harness = Harness::new();
    harness.model(&[probed(spec("db", &[]))]);
    harness.started("db");
    harness.exited("db", 1);
    harness.doomed("db");
    assert_eq!(harness.state("db"), ServiceState::Backoff);
}

#[test]
fn a_doomed_job_has_failed() {
    let mut harness = Harness::new();
    harness.model(&[job("migrate")]);
    harness.started("migrate");
    harness.doomed("migrate");
    harness.stopped("migrate");
    assert_eq!(harness.state("migrate"), ServiceState::Failed);
}

#[test]
fn failure_blocks_the_dependents_and_its_end_unblocks_them() {
    let mut db = spec("db", &[]);
    db.restart.when = RestartWhen::Never;
    let mut harness = Harness::new();
    harness.model(&[probed(db), spec("api", &["db"]), spec("web", &["api"])]);
    harness.started("db");
    harness.exited("db", 1);
    for service in ["api", "web"] {
        let view = harness.view(service);
        assert_eq!(view.state, ServiceState::Blocked);
        assert_eq!(
            view.blocked_by,
            Some(harness.key("db")),
            "the root is named"
        );
        assert_eq!(view.message, "db has failed: ended with exit code 1");
    }
    let causes = harness.world.explain(harness.key("web"));
    let chain: Vec<_> = causes.iter().map(|cause| cause.service).collect();
    assert_eq!(
        chain,
        [harness.key("web"), harness.key("api"), harness.key("db")]
    );
    assert!(causes[2].failure.is_some());

    harness.start("db");
    assert_eq!(harness.state("web"), ServiceState::Waiting);
    harness.started("db");
    harness.ready("db");
    assert_eq!(harness.starts(), ["api"]);
}

#[test]
fn a_failed_start_is_tried_again_unless_that_cannot_help() {
    let mut harness = Harness::new();
    harness.model(&[spec("api", &[])]);
    harness.start_failed("api", failure("the engine is busy"));
    assert_eq!(harness.state("api"), ServiceState::Backoff);
    harness.back_off("api");
    harness.start_failed(
        "api",
        failure("no such program").kind(FailureKind::Permanent),
    );
    assert_eq!(harness.state("api"), ServiceState::Failed);
    assert_eq!(harness.view("api").message, "no such program");
}

#[test]
fn failing_liveness_restarts() {
    let mut api = spec("api", &[]);
    api.probed_live = true;
    let mut harness = Harness::up(&[api]);
    let (instance, generation) = (harness.at("api", 0), harness.generation("api"));
    harness.tell(Event::NotLive {
        instance,
        generation,
        evidence: "timeout".into(),
    });
    assert_eq!(harness.stops(), ["api"]);
    assert!(
        harness
            .effects
            .iter()
            .any(|e| matches!(e, Effect::UnwatchProbes { .. }))
    );
    harness.stopped("api");
    assert_eq!(harness.state("api"), ServiceState::Backoff);
    harness.back_off("api");
    assert_eq!(harness.starts(), ["api"]);
}

#[test]
fn what_is_left_of_a_tree_is_cleared_away_before_the_next_start() {
    let mut harness = Harness::up(&[spec("api", &[])]);
    let (instance, generation) = (harness.at("api", 0), harness.generation("api"));
    let (exit, left) = (ExitStatus::Code(1), Some("pid 12".into()));
    harness.tell(Event::Exited {
        instance,
        generation,
        exit,
        left,
        tail: Vec::new(),
    });
    assert_eq!(harness.stops(), ["api"]);
    harness.stopped("api");
    assert_eq!(harness.state("api"), ServiceState::Backoff);
}

#[test]
fn an_exit_that_comes_before_its_started_counts() {
    let mut harness = Harness::new();
    harness.model(&[policy(spec("api", &[]), RestartWhen::Never)]);
    let effect = harness.start_effect(harness.at("api", 0));
    harness.exited("api", 1);
    assert_eq!(harness.state("api"), ServiceState::Failed);
    let instance = harness.at("api", 0);
    harness.tell(Event::Started {
        effect,
        instance,
        pid: None,
    });
    assert_eq!(harness.state("api"), ServiceState::Failed);
}

#[test]
fn one_failed_replica_of_two_is_degraded() {
    let mut api = policy(spec("api", &[]), RestartWhen::Never);
    api.replicas = 2;
    let mut harness = Harness::up(&[api]);
    harness.exited("api", 1);
    let view = harness.view("api");
    assert_eq!((view.state, view.ready), (ServiceState::Degraded, false));
    assert_eq!(
        view.message,
        "1 of 2 instances are ready; ended with exit code 1"
    );
    harness.start("api");
    harness.started("api");
    assert_eq!(harness.state("api"), ServiceState::Running);
}

#[test]
fn a_missing_prerequisite_fails_without_a_try() {
    let mut harness = Harness::new();
    harness.model(&[probed(spec("db", &[])), spec("api", &["db"])]);
    let service = harness.key("api");
    let operation = crate::ids::OperationId(1);
    harness.tell(Event::PreflightFailed {
        operation,
        service,
        cause: failure("port is taken"),
    });
    assert_eq!(harness.state("api"), ServiceState::Failed);
    assert_eq!(
        harness.view("api").instances[0]
            .failure
            .as_ref()
            .map(|f| f.stage),
        Some(Stage::Preflight)
    );
}

#[test]
fn a_failure_at_the_root_of_a_long_chain_blocks_all_of_it_at_once() {
    let mut specs = vec![policy(probed(spec("s0", &[])), RestartWhen::Never)];
    for number in 1..5_000 {
        specs.push(spec(&format!("s{number}"), &[&format!("s{}", number - 1)]));
    }
    let mut harness = Harness::new();
    let up = harness.model(&specs);
    harness.started("s0");
    harness.exited("s0", 1);
    let last = harness.view("s4999");
    assert_eq!(last.blocked_by, Some(harness.key("s0")));
    assert_eq!(harness.outcome(up).failures.len(), 5_000);
    assert_eq!(harness.world.explain(last.key).len(), 5_000);
}

#[test]
fn of_many_the_message_names_a_few() {
    let names: Vec<String> = (0..7).map(|number| format!("s{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut specs: Vec<_> = names.iter().map(|name| probed(spec(name, &[]))).collect();
    specs.push(spec("all", &names));
    let mut harness = Harness::new();
    harness.model(&specs);
    assert_eq!(
        harness.view("all").message,
        "waits for s0, s1, s2, s3 and 3 more"
    );
}

#[test]
fn a_service_whose_replica_comes_back_is_degraded_and_not_starting() {
    let mut api = spec("api", &[]);
    api.replicas = 2;
    let mut harness = Harness::new();
    harness.model(&[api]);
    harness.started("api");
    assert_eq!(
        harness.state("api"),
        ServiceState::Starting,
        "the other has never been up"
    );
    harness.start_all();
    harness.exited("api", 1);
    assert_eq!(harness.state("api"), ServiceState::Degraded);
    harness.back_off("api");
    assert_eq!(harness.state("api"), ServiceState::Degraded);
    harness.started("api");
    assert_eq!(harness.state("api"), ServiceState::Running);
}

#[test]
fn an_up_of_services_that_do_not_stay_up_ends() {
    let mut flapping = spec("a", &[]);
    flapping.restart.max = 0;
    let mut other = flapping.clone();
    other.name = name("b");
    let mut harness = Harness::new();
    let up = harness.model(&[flapping, other]);
    harness.started("a");
    harness.started("b");
    // Whenever one comes up, the other one goes.
    for round in 0..20 {
        if !harness.outcomes(up).is_empty() {
            assert!(round > 2, "an up is patient with who falls once or twice");
            break;
        }
        let down = ["a", "b"][round % 2];
        harness.exited(down, 3);
        harness.back_off(down);
        harness.time_out(SETTLE);
        if harness.outcomes(up).is_empty() {
            harness.started(down);
        }
    }
    let outcome = harness.outcome(up);
    assert_eq!(outcome.kind, OutcomeKind::Failed);
    let reason = &outcome.failures[0].cause.reason;
    assert!(reason.starts_with("does not stay up: "), "{reason}");
    assert!(reason.ends_with("last: ended with exit code 3"), "{reason}");
}
