//! The driver with a real keeper and real processes.
//!
//! This program has no test harness: it is also the guard, which must have one thread only.

#[path = "support/real_keeper.rs"]
mod real_keeper;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::future::LocalBoxFuture;
use gantry_core::{
    Digest, EffectId, ExitStatus, Generation, InstanceId, Revision, ServiceName, StopHow,
};
use gantry_driver::conformance::{self, Harness, JobRecipe, Recipe};
use gantry_driver::{
    Close, Driver, DriverEvent, EventSink, EventStream, JobPlace, JobRequest, ObservedState,
    OpenContext, Recorded, Session, Settings, StackIdentity, StartRequest, StopRequest,
};
use gantry_driver_process::ProcessDriver;
use real_keeper::RealKeeper;
use serde_json::{Value, json};

type Test = fn() -> LocalBoxFuture<'static, ()>;

fn main() -> ExitCode {
    if let Some(code) = real_keeper::be_what_was_asked() {
        return code;
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let tests: [(&str, Test); 7] = [
        ("conformance", || Box::pin(conformance())),
        ("a_killed_keeper_changes_nothing", || {
            Box::pin(a_killed_keeper_changes_nothing())
        }),
        ("processes_get_what_the_file_says", || {
            Box::pin(processes_get_what_the_file_says())
        }),
        ("ends_are_sentences", || Box::pin(ends_are_sentences())),
        ("a_stop_command_takes_the_place_of_the_signal", || {
            Box::pin(a_stop_command_takes_the_place_of_the_signal())
        }),
        ("a_stack_that_was_down_comes_up_again", || {
            Box::pin(a_stack_that_was_down_comes_up_again())
        }),
        ("many_start_and_stop", || Box::pin(many_start_and_stop())),
    ];
    for (name, test) in tests {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part)) {
            // A test that fails panics, which ends this program with its own exit code.
            runtime.block_on(test());
        }
    }
    ExitCode::SUCCESS
}

/// A guard for every stack, started when the stack is first opened.
#[derive(Default)]
struct RealHarness {
    keepers: Mutex<HashMap<String, Arc<RealKeeper>>>,
}

impl Harness for RealHarness {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(ProcessDriver::new())
    }

    fn context(&self, stack: &str) -> LocalBoxFuture<'_, OpenContext> {
        let mut keepers = self.keepers.lock().unwrap();
        // One case after the other: those before are over.
        let other = "another-stack";
        keepers.retain(|name, _| name == stack || name == other || stack == other);
        let keeper = keepers
            .entry(stack.to_owned())
            .or_insert_with(|| Arc::new(RealKeeper::start()));
        let context = context(stack, keeper);
        Box::pin(std::future::ready(context))
    }

    fn recipe(&self, recipe: &Recipe) -> Option<Value> {
        let forever = "exec sleep 1000000";
        match recipe {
            Recipe::RunsForever => Some(json!({"command": ["sleep", "1000000"]})),
            Recipe::RunsForeverOtherwise => Some(json!({"command": ["sleep", "1000001"]})),
            Recipe::ExitsWith(code) => Some(shell(&format!("exit {code}"), &[])),
            Recipe::RunsFor(time) => {
                Some(json!({"command": ["sleep", time.as_secs_f64().to_string()]}))
            }
            Recipe::IgnoresStop => {
                Some(shell("trap '' TERM; while :; do sleep 1000000; done", &[]))
            }
            Recipe::FailsToStart => Some(json!({"command": ["no-such-program"]})),
            Recipe::Prints(lines) => Some(shell(&format!("{PRINT}; {forever}"), lines)),
            Recipe::PrintsAndExits(lines, code) => {
                Some(shell(&format!("{PRINT}; exit {code}"), lines))
            }
            Recipe::RunsForeverAdjusted
            | Recipe::StartsAfter(_)
            | Recipe::BecomesReady
            | Recipe::HasChild(_) => None,
        }
    }

    fn job(&self, recipe: &JobRecipe) -> Option<Vec<String>> {
        let shell = |script: String| vec!["sh".to_owned(), "-c".into(), script];
        Some(match recipe {
            JobRecipe::ExitsWith(code) => shell(format!("exit {code}")),
            JobRecipe::Prints(line) => vec!["echo".into(), line.clone()],
            JobRecipe::RunsFor(time) => vec!["sleep".into(), time.as_secs().to_string()],
            JobRecipe::FailsToStart => vec!["no-such-program".into()],
        })
    }
}

const PRINT: &str = r#"for line; do printf '%s\n' "$line"; done"#;

fn shell(script: &str, arguments: &[String]) -> Value {
    let mut command = vec!["sh".to_owned(), "-c".into(), script.into(), "sh".into()];
    command.extend(arguments.iter().cloned());
    json!({ "command": command })
}

fn context(stack: &str, keeper: &RealKeeper) -> OpenContext {
    OpenContext::new(StackIdentity {
        name: stack.into(),
        id: stack.into(),
        state_dir: keeper.dir().to_owned(),
        base_dir: keeper.dir().to_owned(),
    })
}

struct Bench {
    keeper: RealKeeper,
    session: Arc<dyn Session>,
    events: EventStream,
    effects: u64,
}

async fn open(keeper: &RealKeeper) -> (Arc<dyn Session>, EventStream) {
    let driver = ProcessDriver::new();
    let (sink, events) = EventSink::channel();
    let target = driver.target(&json!({})).unwrap();
    let session = driver.open(context("s", keeper), target, sink).await;
    (session.unwrap(), events)
}

impl Bench {
    async fn new() -> Self {
        let keeper = RealKeeper::start();
        let (session, events) = open(&keeper).await;
        Self {
            keeper,
            session,
            events,
            effects: 0,
        }
    }

    async fn next(&mut self) -> DriverEvent {
        let next = tokio::time::timeout(Duration::from_secs(10), self.events.next()).await;
        next.expect("an event in time")
            .expect("the session's events")
    }

    /// Waits until so many effects have ended; gives all events.
    async fn ends(&mut self, count: usize) -> Vec<DriverEvent> {
        let mut heard = Vec::new();
        let mut ended = 0;
        while ended < count {
            let event = self.next().await;
            ended += usize::from(event.ends().is_some());
            heard.push(event);
        }
        heard
    }

    fn start(&mut self, slots: std::ops::Range<u16>, from: &Recorded) {
        let batch = slots
            .map(|slot| {
                self.effects += 1;
                StartRequest {
                    effect: EffectId(self.effects),
                    instance: one(slot),
                    generation: Generation(1),
                    from: from.clone(),
                    recreate: false,
                }
            })
            .collect();
        self.session.start(batch);
    }

    fn stop(&mut self, slots: std::ops::Range<u16>, from: &Recorded) {
        let batch = slots
            .map(|slot| {
                self.effects += 1;
                StopRequest {
                    effect: EffectId(self.effects),
                    instance: one(slot),
                    generation: Generation(1),
                    how: StopHow::Graceful,
                    from: Some(from.clone()),
                }
            })
            .collect();
        self.session.stop(batch);
    }

    async fn pids(&self) -> Vec<u32> {
        let mut pids: Vec<u32> = self
            .session
            .observe()
            .await
            .unwrap()
            .iter()
            .filter_map(|one| match one.state {
                ObservedState::Running { pid, .. } => pid,
                _ => None,
            })
            .collect();
        pids.sort_unstable();
        pids
    }
}

fn one(slot: u16) -> InstanceId {
    InstanceId::new(ServiceName::new("one").unwrap(), slot)
}

fn recorded(spec: Value, settings: Settings) -> Recorded {
    Recorded {
        revision: Revision(1),
        digest: Digest::default(),
        spec: Arc::new(spec),
        settings: Arc::new(settings),
    }
}

async fn conformance() {
    let report = conformance::run(&RealHarness::default()).await;
    report.assert_passed();
    assert_eq!(
        report.skipped(),
        [
            "children_show",
            "readiness_is_told",
            "an_unreachable_backend_kills_nothing"
        ],
        "{report}"
    );
}

async fn a_killed_keeper_changes_nothing() {
    let mut bench = Bench::new().await;
    let from = recorded(
        json!({"command": ["sleep", "1000000"]}),
        Settings::default(),
    );
    bench.start(0..20, &from);
    bench.ends(20).await;
    let pids = bench.pids().await;
    assert_eq!(pids.len(), 20);
    for _ in 0..5 {
        bench.keeper.kill_keeper();
        assert_eq!(bench.pids().await, pids);
    }
    // What is asked in the moment of its death is done once.
    bench.keeper.kill_keeper();
    bench.start(20..40, &from);
    bench.ends(20).await;
    let both = bench.pids().await;
    assert_eq!(both.len(), 40);
    assert!(pids.iter().all(|pid| both.contains(pid)));
    bench.keeper.kill_keeper();
    bench.stop(0..40, &from);
    let heard = bench.ends(40).await;
    assert!(heard.iter().all(|event| matches!(
        event,
        DriverEvent::Stopped { .. } | DriverEvent::Exited { .. }
    )));
    assert!(bench.pids().await.is_empty());
}

async fn processes_get_what_the_file_says() {
    let mut bench = Bench::new().await;
    let folder = bench.keeper.dir().join("work");
    std::fs::create_dir(&folder).unwrap();
    let settings = Settings {
        folder: bench.keeper.dir().to_owned(),
        env: [("A".to_owned(), "of the service".to_owned())].into(),
        ports: [("http-admin".into(), 4711)].into_iter().collect(),
        ..Settings::default()
    };
    let spec = json!({
        "command": ["sleep", "1000000"],
        "folder": "work",
        "umask": 0o027,
        "inherit-env": false,
        "env": {"B": "of the mode"},
    });
    let from = recorded(spec, settings);
    bench.start(0..1, &from);
    bench.ends(1).await;
    let script = r#"pwd; umask; echo "$A, $B"; echo "$GANTRY_STACK $GANTRY_SERVICE $GANTRY_INSTANCE $GANTRY_PORT_HTTP_ADMIN"; echo "${HOME-none}""#;
    let outcome = bench
        .session
        .job(JobRequest {
            name: "look".into(),
            command: vec!["sh".into(), "-c".into(), script.into()],
            env: Vec::new(),
            folder: None,
            time_limit: Duration::from_secs(10),
            capture: 10_000,
            once: false,
            place: JobPlace::Instance {
                instance: one(0),
                generation: Generation(1),
                from,
            },
        })
        .await
        .unwrap();
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            folder.as_str(),
            "0027",
            "of the service, of the mode",
            "s one one.1 4711",
            "none"
        ]
    );
}

async fn ends_are_sentences() {
    let mut bench = Bench::new().await;
    let settings = Settings {
        folder: bench.keeper.dir().to_owned(),
        ..Settings::default()
    };
    for (slot, spec, wanted) in [
        (
            0,
            json!({"command": ["no-such-program"], "env": {"PATH": "/usr/bin:/bin"}}),
            "failed to start: program `no-such-program` was not found in PATH (/usr/bin:/bin)"
                .to_owned(),
        ),
        (
            1,
            json!({"command": ["true"], "folder": "absent"}),
            format!(
                "failed to start: cannot change to folder {}: no such file or directory",
                bench.keeper.dir().join("absent")
            ),
        ),
    ] {
        bench.start(slot..slot + 1, &recorded(spec, settings.clone()));
        let heard = bench.ends(1).await;
        let [DriverEvent::StartFailed { failure, .. }] = heard.as_slice() else {
            panic!("it does not start: {heard:?}");
        };
        assert_eq!(failure.reason, wanted);
    }
    let script = "echo about to crash; kill -SEGV $$";
    bench.start(2..3, &recorded(shell(script, &[]), settings));
    bench.ends(1).await;
    let DriverEvent::Exited {
        exit,
        message,
        tail,
        ..
    } = bench.next().await
    else {
        panic!("it crashes");
    };
    assert_eq!(exit, ExitStatus::Signal(11));
    assert!(message.starts_with("killed by SIGSEGV after "), "{message}");
    assert_eq!(tail, ["about to crash"]);
}

async fn a_stop_command_takes_the_place_of_the_signal() {
    let mut bench = Bench::new().await;
    let settings = Settings {
        folder: bench.keeper.dir().to_owned(),
        ..Settings::default()
    };
    let mut spec = shell(
        "trap 'echo a signal came; exit 9' TERM; until [ -e please ]; do sleep 0.02; done; exit 4",
        &[],
    );
    spec["stop-command"] = json!(["sh", "-c", "echo $GANTRY_PID > please"]);
    let from = recorded(spec, settings.clone());
    bench.start(0..1, &from);
    bench.ends(1).await;
    let pids = bench.pids().await;
    bench.stop(0..1, &from);
    let heard = bench.ends(1).await;
    let DriverEvent::Exited { exit, .. } = &heard[0] else {
        panic!("it ends first: {heard:?}");
    };
    assert_eq!(*exit, ExitStatus::Code(4));
    let asked = std::fs::read_to_string(bench.keeper.dir().join("please")).unwrap();
    assert_eq!(asked.trim(), pids[0].to_string());

    // One that fails does not: the signal follows.
    let mut spec = shell("trap 'exit 9' TERM; while :; do sleep 0.02; done", &[]);
    spec["stop-command"] = json!(["false"]);
    let from = recorded(spec, settings);
    bench.start(1..2, &from);
    bench.ends(1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    bench.stop(1..2, &from);
    let heard = bench.ends(1).await;
    let DriverEvent::Note { text, .. } = &heard[0] else {
        panic!("that is told first: {heard:?}");
    };
    let said = "its stop command failed with exit code 1; SIGTERM follows";
    assert_eq!(text, said);
    let DriverEvent::Exited { exit, .. } = &heard[1] else {
        panic!("then it ends: {heard:?}");
    };
    assert_eq!(*exit, ExitStatus::Code(9));
}

async fn a_stack_that_was_down_comes_up_again() {
    let mut bench = Bench::new().await;
    let from = recorded(
        json!({"command": ["sleep", "1000000"]}),
        Settings::default(),
    );
    let mut earlier = Vec::new();
    for life in 1..=3 {
        // Every life counts from the first generation.
        bench.start(0..5, &from);
        let heard = bench.ends(5).await;
        assert!(
            heard
                .iter()
                .all(|event| matches!(event, DriverEvent::Started { .. })),
            "life {life}: {heard:?}"
        );
        let pids = bench.pids().await;
        assert_eq!(pids.len(), 5, "life {life}");
        assert!(pids.iter().all(|pid| !earlier.contains(pid)), "life {life}");
        earlier.extend(pids);
        bench.stop(0..5, &from);
        bench.ends(5).await;
        bench.keeper.let_supervisor_end();
        bench.session.close(Close::Down).await.unwrap();
        bench.keeper.start_again();
        let (session, events) = open(&bench.keeper).await;
        bench.session = session;
        bench.events = events;
    }
}

async fn many_start_and_stop() {
    let mut bench = Bench::new().await;
    let from = recorded(
        json!({"command": ["sleep", "1000000"]}),
        Settings::default(),
    );
    bench.start(0..500, &from);
    bench.ends(500).await;
    assert_eq!(bench.pids().await.len(), 500);
    bench.stop(0..500, &from);
    bench.ends(500).await;
    assert!(bench.pids().await.is_empty());
}
