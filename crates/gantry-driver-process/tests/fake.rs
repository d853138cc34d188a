//! The driver against a keeper that does what a test tells it.

mod support;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::future::LocalBoxFuture;
use gantry_core::{
    Digest, EffectId, ExitStatus, FailureKind, Generation, InstanceId, Revision, ServiceName,
    StopHow,
};
use gantry_driver::conformance::{self, Harness, JobRecipe, Recipe};
use gantry_driver::{
    Close, Discard, Driver, DriverEvent, EventSink, EventStream, JobPlace, JobRequest, Make,
    ObservedState, OpenContext, Recorded, Session, Settings, StackIdentity, StartRequest,
    StopRequest,
};
use gantry_driver_process::ProcessDriver;
use gantry_keeper::protocol::{EventBody, InstanceName};
use serde_json::{Value, json};
use support::fake_keeper::FakeKeeper;

/// A keeper for every stack, made when the stack is first opened.
#[derive(Default)]
struct FakeHarness {
    keepers: Mutex<HashMap<String, Arc<FakeKeeper>>>,
}

impl FakeHarness {
    fn keeper(&self, stack: &str) -> Arc<FakeKeeper> {
        let mut keepers = self.keepers.lock().unwrap();
        let keeper = keepers
            .entry(stack.to_owned())
            .or_insert_with(|| Arc::new(FakeKeeper::new()));
        Arc::clone(keeper)
    }
}

impl Harness for FakeHarness {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(ProcessDriver::new())
    }

    fn context(&self, stack: &str) -> LocalBoxFuture<'_, OpenContext> {
        let context = context(stack, &self.keeper(stack));
        Box::pin(std::future::ready(context))
    }

    fn recipe(&self, recipe: &Recipe) -> Option<Value> {
        let words = |words: &[&str]| Some(json!({ "command": words }));
        match recipe {
            Recipe::RunsForever => words(&["forever"]),
            Recipe::RunsForeverOtherwise => words(&["forever", "otherwise"]),
            Recipe::ExitsWith(code) => words(&["exit", &code.to_string()]),
            Recipe::RunsFor(time) => words(&["for", &time.as_millis().to_string()]),
            Recipe::IgnoresStop => words(&["stubborn"]),
            Recipe::FailsToStart => words(&["no-such-program"]),
            Recipe::Prints(lines) => Some(json!({ "command": with(&["print"], lines) })),
            Recipe::PrintsAndExits(lines, code) => {
                let command = with(&["print-exit", &code.to_string()], lines);
                Some(json!({ "command": command }))
            }
            Recipe::RunsForeverAdjusted
            | Recipe::StartsAfter(_)
            | Recipe::BecomesReady
            | Recipe::Answers
            | Recipe::HasChild(_) => None,
        }
    }

    fn job(&self, recipe: &JobRecipe) -> Option<Vec<String>> {
        Some(match recipe {
            JobRecipe::ExitsWith(code) => vec!["exit".into(), code.to_string()],
            JobRecipe::Prints(line) => vec!["print".into(), line.clone()],
            JobRecipe::RunsFor(time) => vec!["for".into(), time.as_millis().to_string()],
            JobRecipe::FailsToStart => vec!["no-such-program".into()],
        })
    }

    fn shares_backend(&self) -> bool {
        false
    }

    fn set_reachable(&self, stack: &str, reachable: bool) -> LocalBoxFuture<'_, bool> {
        let keeper = self.keeper(stack);
        if reachable {
            keeper.come_back();
        } else {
            keeper.go_away();
        }
        Box::pin(std::future::ready(true))
    }
}

fn with(words: &[&str], lines: &[String]) -> Vec<String> {
    let words = words.iter().map(|word| (*word).to_owned());
    words.chain(lines.iter().cloned()).collect()
}

fn context(stack: &str, keeper: &FakeKeeper) -> OpenContext {
    let mut context = OpenContext::new(StackIdentity {
        name: stack.into(),
        id: stack.into(),
        state_dir: keeper.dir().to_owned(),
        base_dir: "/".into(),
    });
    context.environment = Arc::new(BTreeMap::from([("PATH".to_owned(), "/usr/bin".to_owned())]));
    context
}

/// A session, what it says, and how often each effect ended.
struct Bench {
    keeper: FakeKeeper,
    session: Arc<dyn Session>,
    events: EventStream,
}

async fn open(keeper: &FakeKeeper) -> (Arc<dyn Session>, EventStream) {
    let driver = ProcessDriver::new();
    let (sink, events) = EventSink::channel();
    let target = driver.target(&json!({})).unwrap();
    let session = driver
        .open(context("s", keeper), target, sink)
        .await
        .unwrap();
    (session, events)
}

impl Bench {
    async fn new() -> Self {
        let keeper = FakeKeeper::new();
        let (session, events) = open(&keeper).await;
        Self {
            keeper,
            session,
            events,
        }
    }

    async fn next(&mut self) -> DriverEvent {
        let next = tokio::time::timeout(Duration::from_secs(5), self.events.next()).await;
        next.expect("an event in time")
            .expect("the session's events")
    }

    async fn quiet(&mut self) {
        let next = tokio::time::timeout(Duration::from_millis(100), self.events.next()).await;
        assert!(next.is_err(), "{next:?} was not expected");
    }
}

fn one(slot: u16) -> InstanceId {
    InstanceId::new(ServiceName::new("one").unwrap(), slot)
}

fn recorded(command: &[&str]) -> Recorded {
    Recorded {
        revision: Revision(1),
        digest: Digest::default(),
        spec: Arc::new(json!({ "command": command })),
        settings: Arc::new(Settings::default()),
    }
}

fn start(effect: u64, slot: u16, generation: u32, command: &[&str]) -> StartRequest {
    StartRequest {
        effect: EffectId(effect),
        instance: one(slot),
        generation: Generation(generation),
        from: recorded(command),
        recreate: false,
        make: Make::default(),
    }
}

fn stop(effect: u64, generation: u32, how: StopHow, from: Option<Recorded>) -> StopRequest {
    StopRequest {
        effect: EffectId(effect),
        instance: one(0),
        generation: Generation(generation),
        how,
        from,
    }
}

#[tokio::test]
async fn conformance() {
    let report = conformance::run(&FakeHarness::default()).await;
    report.assert_passed();
    assert_eq!(
        report.skipped(),
        [
            "children_show",
            "readiness_is_told",
            "a_change_that_is_asked_for_twice_ends_twice",
            "another_stack_is_not_touched",
            "who_joins_sees_and_speaks_until_it_ends",
            "all_who_join_see_the_same",
            "who_leaves_changes_nothing",
            "only_what_runs_is_joined",
        ],
        "{report}"
    );
}

#[tokio::test]
async fn five_hundred_start_at_once() {
    let mut bench = Bench::new().await;
    let batch = (0..500)
        .map(|slot| start(u64::from(slot) + 1, slot, 1, &["forever"]))
        .collect();
    bench.session.start(batch);
    let mut ended = BTreeMap::new();
    while ended.len() < 500 {
        let event = bench.next().await;
        let (effect, _) = event.ends().expect("only starts were asked for");
        assert!(matches!(event, DriverEvent::Started { .. }), "{event:?}");
        *ended.entry(effect).or_insert(0) += 1;
    }
    bench.quiet().await;
    assert!(ended.values().all(|times| *times == 1));
    assert_eq!(bench.keeper.spawned(), 500);
    assert_eq!(bench.session.observe().await.unwrap().len(), 500);
    assert_eq!(bench.keeper.unacknowledged(), 0);
}

#[tokio::test]
async fn a_keeper_that_is_replaced_is_not_noticed() {
    let mut bench = Bench::new().await;
    bench.keeper.set_deaf(true);
    bench.session.start(vec![start(1, 0, 1, &["forever"])]);
    assert!(matches!(bench.next().await, DriverEvent::Started { .. }));
    for _ in 0..3 {
        bench.keeper.replace();
        // What was not acknowledged comes again, and is not reported again.
        bench.quiet().await;
    }
    bench.session.start(vec![start(2, 1, 1, &["exit", "3"])]);
    assert!(matches!(bench.next().await, DriverEvent::Started { .. }));
    assert!(matches!(bench.next().await, DriverEvent::Exited { .. }));
    bench.quiet().await;
}

#[tokio::test]
async fn what_is_asked_while_the_keeper_is_away_is_done_when_it_is_back() {
    let mut bench = Bench::new().await;
    bench.session.start(vec![start(1, 0, 1, &["forever"])]);
    assert!(matches!(bench.next().await, DriverEvent::Started { .. }));
    bench.keeper.go_away();
    tokio::time::sleep(Duration::from_millis(50)).await;
    bench.session.start(vec![
        start(2, 1, 1, &["forever"]),
        start(3, 2, 1, &["forever"]),
    ]);
    bench
        .session
        .stop(vec![stop(4, 1, StopHow::Graceful, None)]);
    bench.session.cancel(EffectId(3));
    assert!(matches!(
        bench.next().await,
        DriverEvent::Cancelled {
            effect: EffectId(3),
            ..
        }
    ));
    let keeper = &bench.keeper;
    let back = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        keeper.come_back();
    };
    let (observed, ()) = tokio::join!(bench.session.observe(), back);
    assert!(observed.is_ok());
    let mut ended = Vec::new();
    while ended.len() < 2 {
        ended.extend(bench.next().await.ends().map(|(effect, _)| effect.0));
    }
    ended.sort_unstable();
    assert_eq!(ended, [2, 4]);
    bench.quiet().await;
    assert_eq!(bench.keeper.spawned(), 2);
}

#[tokio::test]
async fn what_a_keeper_died_over_is_asked_of_the_next_one() {
    let mut bench = Bench::new().await;
    bench.session.start(vec![start(1, 0, 1, &["forever"])]);
    assert!(matches!(bench.next().await, DriverEvent::Started { .. }));
    bench.keeper.die_of_release();
    bench.session.release(&one(0).service);
    bench.quiet().await;
    assert_eq!(bench.keeper.released(), ["one", "one"]);
    // And no more often than that.
    bench.keeper.replace();
    bench.quiet().await;
    assert_eq!(bench.keeper.released(), ["one", "one"]);
}

#[tokio::test]
async fn a_long_absence_is_told_and_concluded_nothing_from() {
    let mut bench = Bench::new().await;
    bench.session.start(vec![start(1, 0, 1, &["forever"])]);
    assert!(matches!(bench.next().await, DriverEvent::Started { .. }));
    bench.keeper.go_away();
    let DriverEvent::Unreachable { reason } = bench.next().await else {
        panic!("only that it is away");
    };
    assert!(reason.starts_with("no keeper answers at /"), "{reason}");
    bench.quiet().await;
    bench.keeper.come_back();
    let DriverEvent::Reachable { observed } = bench.next().await else {
        panic!("only that it is back");
    };
    assert_eq!(observed.len(), 1);
    bench.quiet().await;
}

#[tokio::test]
async fn late_events_are_passed_on_with_their_generation() {
    let mut bench = Bench::new().await;
    bench.session.start(vec![start(1, 0, 2, &["forever"])]);
    assert!(matches!(bench.next().await, DriverEvent::Started { .. }));
    let name: InstanceName = "one.1".parse().unwrap();
    bench.keeper.emit(EventBody::Exited {
        instance: name.clone(),
        generation: 1,
        exit: gantry_keeper::protocol::Exit::Code(1),
        left: Vec::new(),
        stopping: false,
        out_of_memory: None,
    });
    let event = bench.next().await;
    assert_eq!(event.instance(), Some((&one(0), Generation(1))));
    // A stop of it that ended late does not end the stop of another.
    bench.keeper.emit(EventBody::Spawned {
        instance: name,
        generation: 1,
        process: gantry_keeper::protocol::ProcessId {
            pid: 1,
            start_time: 1,
            boot_id: "boot".into(),
        },
        proof: gantry_keeper::protocol::Proof::Lineage,
        not_applied: Vec::new(),
    });
    bench.quiet().await;
    bench
        .session
        .stop(vec![stop(2, 2, StopHow::Graceful, None)]);
    loop {
        let event = bench.next().await;
        if let DriverEvent::Stopped { effect, .. } = event {
            assert_eq!(effect, EffectId(2));
            break;
        }
    }
}

#[tokio::test]
async fn what_an_earlier_run_left_is_cleared_before_the_next_start() {
    let mut bench = Bench::new().await;
    bench.session.start(vec![start(1, 0, 1, &["forever"])]);
    assert!(matches!(bench.next().await, DriverEvent::Started { .. }));
    bench.keeper.exit_with_rest(&"one.1".parse().unwrap(), 5);
    let DriverEvent::Exited {
        exit,
        message,
        left,
        ..
    } = bench.next().await
    else {
        panic!("its exit comes");
    };
    assert_eq!(exit, ExitStatus::Code(5));
    assert!(
        message.starts_with("exited with code 5 after "),
        "{message}"
    );
    assert_eq!(
        left.as_deref(),
        Some("1 process is still alive: 77 `the rest`")
    );
    bench.session.start(vec![start(2, 0, 2, &["forever"])]);
    let DriverEvent::Started { generation, .. } = bench.next().await else {
        panic!("it starts");
    };
    assert_eq!(generation, Generation(2));
    bench.quiet().await;
}

#[tokio::test]
async fn a_failed_start_is_a_sentence() {
    let mut bench = Bench::new().await;
    bench.session.start(vec![start(1, 0, 1, &["foo"])]);
    let DriverEvent::StartFailed { failure, .. } = bench.next().await else {
        panic!("it cannot start");
    };
    assert_eq!(
        failure.reason,
        "failed to start: program `foo` was not found in PATH (/usr/bin)"
    );
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert_eq!(failure.step.as_deref(), Some("exec"));

    bench.session.start(vec![StartRequest {
        from: Recorded {
            spec: Arc::new(json!({"command": []})),
            ..recorded(&[])
        },
        ..start(2, 0, 2, &[])
    }]);
    let DriverEvent::StartFailed { failure, .. } = bench.next().await else {
        panic!("it cannot start");
    };
    assert_eq!(failure.reason, "failed to start: command: names no program");
}

#[tokio::test]
async fn a_start_that_its_keeper_was_killed_over_has_not_failed() {
    let mut bench = Bench::new().await;
    bench.session.start(vec![start(1, 0, 1, &["interrupted"])]);
    let event = bench.next().await;
    assert!(matches!(event, DriverEvent::Lost { .. }), "{event:?}");
    let observed = bench.session.observe().await.unwrap();
    let state = &observed[0].state;
    assert!(
        matches!(state, ObservedState::Stopped { exit: None, .. }),
        "nothing of it is there: {state:?}"
    );
    bench.session.start(vec![start(2, 0, 2, &["forever"])]);
    let event = bench.next().await;
    assert!(matches!(event, DriverEvent::Started { .. }), "{event:?}");
}

#[tokio::test]
async fn a_stop_command_is_run_before_the_signal() {
    let mut bench = Bench::new().await;
    let mut from = recorded(&["forever"]);
    let mut settings = Settings::default();
    settings.stop.command = Some(vec!["for".into(), "200".into()]);
    settings.stop.grace = Duration::from_millis(500);
    from.settings = Arc::new(settings);
    bench.session.start(vec![start(1, 0, 1, &["forever"])]);
    assert!(matches!(bench.next().await, DriverEvent::Started { .. }));
    let begun = std::time::Instant::now();
    let request = stop(2, 1, StopHow::Graceful, Some(from.clone()));
    bench.session.stop(vec![request]);
    assert!(matches!(bench.next().await, DriverEvent::Exited { .. }));
    // No signal followed: it was killed when its grace was over.
    assert!(begun.elapsed() >= Duration::from_millis(490));
    assert!(matches!(bench.next().await, DriverEvent::Stopped { .. }));
    // A kill does not wait for it.
    let mut slow = from;
    let mut settings = Settings::default();
    settings.stop.command = Some(vec!["for".into(), "60000".into()]);
    slow.settings = Arc::new(settings);
    bench.session.start(vec![start(3, 0, 2, &["forever"])]);
    assert!(matches!(bench.next().await, DriverEvent::Started { .. }));
    bench
        .session
        .stop(vec![stop(4, 2, StopHow::Graceful, Some(slow.clone()))]);
    bench.quiet().await;
    bench
        .session
        .stop(vec![stop(5, 2, StopHow::Kill, Some(slow))]);
    assert!(matches!(bench.next().await, DriverEvent::Exited { .. }));
    assert!(matches!(bench.next().await, DriverEvent::Stopped { .. }));
    assert!(matches!(bench.next().await, DriverEvent::Stopped { .. }));
    bench.quiet().await;
}

#[tokio::test]
async fn a_job_survives_the_keeper() {
    let bench = Bench::new().await;
    let job = JobRequest {
        name: "check".into(),
        command: vec!["for".into(), "300".into()],
        env: Vec::new(),
        folder: None,
        time_limit: Duration::from_secs(9),
        capture: 100,
        once: false,
        log_as: None,
        input: None,
        grace: Duration::ZERO,
        place: JobPlace::Host,
    };
    let keeper = &bench.keeper;
    let replace = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        keeper.replace();
    };
    let (outcome, ()) = tokio::join!(bench.session.job(job), replace);
    assert!(outcome.unwrap().success());
}

#[tokio::test]
async fn a_stack_that_is_down_shuts_its_keeper_down() {
    let mut bench = Bench::new().await;
    bench.session.start(vec![start(1, 0, 1, &["forever"])]);
    assert!(matches!(bench.next().await, DriverEvent::Started { .. }));
    let refused = bench
        .session
        .close(Close::Down(Discard::default()))
        .await
        .unwrap_err();
    assert_eq!(
        refused.reason,
        "1 instances or jobs still run, one.1 for one"
    );
    bench.session.close(Close::Leave).await.unwrap();
    bench.session.stop(vec![stop(2, 1, StopHow::Kill, None)]);
    assert!(matches!(bench.next().await, DriverEvent::Exited { .. }));
    assert!(matches!(bench.next().await, DriverEvent::Stopped { .. }));
    bench
        .session
        .close(Close::Down(Discard::default()))
        .await
        .unwrap();
}
