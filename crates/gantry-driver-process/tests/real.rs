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
    Digest, EffectId, ExitStatus, FailureKind, Generation, InstanceId, Revision, ServiceName,
    StopHow,
};
use gantry_driver::conformance::{self, Harness, JobRecipe, Recipe};
use gantry_driver::{
    AttachRequest, Close, Discard, Driver, DriverEvent, EventSink, EventStream, ExecProcess,
    JobPlace, JobRequest, Make, ObservedState, OpenContext, Recorded, Session, Settings,
    StackIdentity, StartRequest, StopRequest,
};
use gantry_driver_process::ProcessDriver;
use real_keeper::RealKeeper;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

type Test = fn(u32) -> LocalBoxFuture<'static, ()>;

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
    // Each with one pair for all, and with several.
    let tests: [(&str, u32, Test); 15] = [
        ("conformance", 100, |n| Box::pin(conformance(n))),
        ("conformance", 1, |n| Box::pin(conformance(n))),
        ("a_killed_keeper_changes_nothing", 100, |n| {
            Box::pin(a_killed_keeper_changes_nothing(n))
        }),
        ("a_killed_keeper_changes_nothing", 9, |n| {
            Box::pin(a_killed_keeper_changes_nothing(n))
        }),
        (
            "a_joined_terminal_tells_that_the_keeper_was_killed",
            1,
            |n| Box::pin(a_joined_terminal_tells_that_the_keeper_was_killed(n)),
        ),
        ("processes_get_what_the_file_says", 100, |n| {
            Box::pin(processes_get_what_the_file_says(n))
        }),
        ("ends_are_sentences", 1, |n| Box::pin(ends_are_sentences(n))),
        ("a_stop_command_takes_the_place_of_the_signal", 1, |n| {
            Box::pin(a_stop_command_takes_the_place_of_the_signal(n))
        }),
        ("a_stack_that_was_down_comes_up_again", 100, |n| {
            Box::pin(a_stack_that_was_down_comes_up_again(n))
        }),
        ("a_stack_that_was_down_comes_up_again", 2, |n| {
            Box::pin(a_stack_that_was_down_comes_up_again(n))
        }),
        ("many_start_and_stop", 1000, |n| {
            Box::pin(many_start_and_stop(n))
        }),
        ("many_start_and_stop", 150, |n| {
            Box::pin(many_start_and_stop(n))
        }),
        ("a_pair_that_is_lost_is_asked_for_again", 2, |n| {
            Box::pin(a_pair_that_is_lost_is_asked_for_again(n))
        }),
        ("instances_that_share_sockets_come_to_one_pair", 1, |n| {
            Box::pin(instances_that_share_sockets_come_to_one_pair(n))
        }),
        ("what_runs_beside_an_instance_runs_at_its_pair", 1, |n| {
            Box::pin(what_runs_beside_an_instance_runs_at_its_pair(n))
        }),
    ];
    for (name, capacity, test) in tests {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part)) {
            // A test that fails panics, which ends this program with its own exit code.
            runtime.block_on(test(capacity));
        }
    }
    ExitCode::SUCCESS
}

/// A guard for every stack, started when the stack is first opened.
struct RealHarness {
    capacity: u32,
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
            .or_insert_with(|| Arc::new(RealKeeper::start(self.capacity)));
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
            Recipe::Answers => {
                let mut spec = shell(ANSWER, &[]);
                spec["tty"] = true.into();
                Some(spec)
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

/// Says `ready`, and answers lines.
const ANSWER: &str =
    r#"echo ready; while read line; do echo "got $line"; test "$line" != end || exit 7; done"#;

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
    generation: u32,
}

async fn open(keeper: &RealKeeper) -> (Arc<dyn Session>, EventStream) {
    let driver = ProcessDriver::new();
    let (sink, events) = EventSink::channel();
    let target = driver.target(&json!({})).unwrap();
    let session = driver.open(context("s", keeper), target, sink).await;
    (session.unwrap(), events)
}

impl Bench {
    async fn new(capacity: u32) -> Self {
        let keeper = RealKeeper::start(capacity);
        let (session, events) = open(&keeper).await;
        Self {
            keeper,
            session,
            events,
            effects: 0,
            generation: 1,
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
                    generation: Generation(self.generation),
                    from: from.clone(),
                    recreate: false,
                    make: Make::default(),
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
                    generation: Generation(self.generation),
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

async fn conformance(capacity: u32) {
    let harness = RealHarness {
        capacity,
        keepers: Mutex::default(),
    };
    let report = conformance::run(&harness).await;
    report.assert_passed();
    assert_eq!(
        report.skipped(),
        [
            "children_show",
            "readiness_is_told",
            "a_change_that_is_asked_for_twice_ends_twice",
            "an_unreachable_backend_kills_nothing"
        ],
        "{report}"
    );
}

async fn a_joined_terminal_tells_that_the_keeper_was_killed(capacity: u32) {
    let mut bench = Bench::new(capacity).await;
    let spec = json!({"command": ["sh", "-c", ANSWER], "tty": true});
    bench.start(0..1, &recorded(spec, Settings::default()));
    bench.ends(1).await;
    let join = |session: Arc<dyn Session>| async move {
        let attach = session.as_attach().expect("terminals can be joined");
        let joined = attach.attach(AttachRequest {
            instance: one(0),
            generation: Generation(1),
            child: None,
            terminal: None,
            recent: true,
        });
        joined.await.unwrap()
    };
    let mut seat = join(Arc::clone(&bench.session)).await;
    sees(&mut seat, "ready\r\n").await;
    bench.keeper.kill_keepers();
    assert_eq!(seat.io.read(&mut [0; 100]).await.unwrap(), 0);
    let error = seat.exit.await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unreachable, "{error}");
    let mut seat = join(Arc::clone(&bench.session)).await;
    sees(&mut seat, "ready\r\n").await;
    seat.io.write_all(b"end\n").await.unwrap();
    sees(&mut seat, "got end\r\n").await;
    assert_eq!(seat.exit.await.unwrap(), ExitStatus::Code(7));
}

async fn sees(seat: &mut ExecProcess, text: &str) {
    let mut seen = String::new();
    while !seen.contains(text) {
        let mut buffer = [0; 100];
        let read = tokio::time::timeout(Duration::from_secs(10), seat.io.read(&mut buffer));
        let length = read.await.expect("output in time").unwrap();
        assert!(length > 0, "it ended after {seen:?}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
}

async fn a_killed_keeper_changes_nothing(capacity: u32) {
    let mut bench = Bench::new(capacity).await;
    let from = recorded(
        json!({"command": ["sleep", "1000000"]}),
        Settings::default(),
    );
    bench.start(0..20, &from);
    bench.ends(20).await;
    let pids = bench.pids().await;
    assert_eq!(pids.len(), 20);
    for _ in 0..5 {
        bench.keeper.kill_keepers();
        assert_eq!(bench.pids().await, pids);
    }
    // What is asked in the moment of its death is done once.
    bench.keeper.kill_keepers();
    bench.start(20..40, &from);
    bench.ends(20).await;
    let both = bench.pids().await;
    assert_eq!(both.len(), 40);
    assert_eq!(
        bench.keeper.pairs().len(),
        40_usize.div_ceil(capacity as usize)
    );
    bench.keeper.kill_further_guards();
    assert_eq!(bench.pids().await, both);
    assert!(pids.iter().all(|pid| both.contains(pid)));
    bench.keeper.kill_keepers();
    bench.stop(0..40, &from);
    let heard = bench.ends(40).await;
    // With another guard comes what is unguarded now.
    assert!(heard.iter().all(|event| matches!(
        event,
        DriverEvent::Stopped { .. } | DriverEvent::Exited { .. } | DriverEvent::Reachable { .. }
    )));
    assert!(bench.pids().await.is_empty());
}

async fn processes_get_what_the_file_says(capacity: u32) {
    let mut bench = Bench::new(capacity).await;
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
            log_as: None,
            input: None,
            grace: Duration::ZERO,
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

async fn ends_are_sentences(capacity: u32) {
    let mut bench = Bench::new(capacity).await;
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

async fn a_stop_command_takes_the_place_of_the_signal(capacity: u32) {
    let mut bench = Bench::new(capacity).await;
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

async fn a_stack_that_was_down_comes_up_again(capacity: u32) {
    let mut bench = Bench::new(capacity).await;
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
        bench
            .session
            .close(Close::Down(Discard::default()))
            .await
            .unwrap();
        bench.keeper.let_supervisor_end();
        bench.keeper.start_again();
        let (session, events) = open(&bench.keeper).await;
        bench.session = session;
        bench.events = events;
    }
}

async fn many_start_and_stop(capacity: u32) {
    let mut bench = Bench::new(capacity).await;
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

async fn a_pair_that_is_lost_is_asked_for_again(capacity: u32) {
    let mut bench = Bench::new(capacity).await;
    let from = recorded(
        json!({"command": ["sleep", "1000000"]}),
        Settings::default(),
    );
    bench.start(0..6, &from);
    bench.ends(6).await;
    let pids = bench.pids().await;
    assert_eq!((pids.len(), bench.keeper.pairs().len()), (6, 3));
    bench.keeper.kill_further_pairs();
    assert_eq!(bench.pids().await, pids);
    // Nor does a session that begins then lose anything, or put anyone elsewhere.
    bench.keeper.kill_further_pairs();
    (bench.session, bench.events) = open(&bench.keeper).await;
    assert_eq!(bench.pids().await, pids);
    let unguarded = bench.session.observe().await.unwrap().into_iter();
    assert_eq!(unguarded.filter(|one| one.unguarded).count(), 4);
    bench.start(6..7, &from);
    bench.ends(1).await;
    bench.stop(0..7, &from);
    bench.ends(7).await;
    assert!(bench.pids().await.is_empty());
    bench
        .session
        .close(Close::Down(Discard::default()))
        .await
        .unwrap();
    bench.keeper.let_supervisor_end();
    bench.keeper.start_again();
    assert_eq!(bench.keeper.pairs().len(), 1, "no other is left");
}

async fn instances_that_share_sockets_come_to_one_pair(capacity: u32) {
    let mut bench = Bench::new(capacity).await;
    let from = recorded(
        json!({"command": ["sleep", "1000000"]}),
        Settings::default(),
    );
    bench.start(0..3, &from);
    bench.ends(3).await;
    bench.stop(0..3, &from);
    bench.ends(3).await;
    assert_eq!(bench.keeper.pairs().len(), 3);
    let socket = bench.keeper.dir().join("socket");
    let from = recorded(
        json!({"command": ["sleep", "1000000"], "sockets": {"s": {"listen": socket}}}),
        Settings::default(),
    );
    bench.generation = 2;
    bench.start(0..3, &from);
    let heard = bench.ends(3).await;
    let started = |event: &DriverEvent| matches!(event, DriverEvent::Started { .. });
    assert!(heard.iter().all(started), "{heard:?}");
    let observed = bench.session.observe().await.unwrap();
    assert_eq!(observed.len(), 3);
    assert!(observed.iter().all(|one| one.generation == Generation(2)));
    bench.keeper.kill_further_pairs();
    (bench.session, bench.events) = open(&bench.keeper).await;
    assert_eq!(bench.pids().await.len(), 3);
    bench.stop(0..3, &from);
    bench.ends(3).await;
    bench.session.release(&one(0).service);
    eventually_gone(&socket).await;
}

async fn what_runs_beside_an_instance_runs_at_its_pair(capacity: u32) {
    let mut bench = Bench::new(capacity).await;
    let from = recorded(
        json!({"command": ["sleep", "1000000"]}),
        Settings::default(),
    );
    bench.start(0..2, &from);
    bench.ends(2).await;
    // Its own number, and that of its guard.
    let ask = async |session: &Arc<dyn Session>, slot: u16| {
        let job = JobRequest {
            name: format!("hook pre-start {slot}").into(),
            command: ["sh", "-c", "echo $$ $PPID"].map(str::to_owned).to_vec(),
            env: Vec::new(),
            folder: None,
            time_limit: Duration::from_secs(10),
            capture: 1000,
            once: true,
            log_as: Some("hook pre-start".into()),
            input: None,
            grace: Duration::ZERO,
            place: JobPlace::Instance {
                instance: one(slot),
                generation: Generation(1),
                from: from.clone(),
            },
        };
        let said = session.job(job).await.unwrap().stdout;
        let numbers = said.split_whitespace().map(|word| word.parse().unwrap());
        let numbers: Vec<u32> = numbers.collect();
        (numbers[0], numbers[1])
    };
    let parent = |pid| gantry_sys::stat(pid).unwrap().parent;
    let guards: Vec<u32> = bench.pids().await.into_iter().map(parent).collect();
    assert_ne!(guards[0], guards[1]);
    for (slot, guard) in (0..).zip(&guards) {
        let (_, parent) = ask(&bench.session, slot).await;
        assert_eq!(parent, *guard, "of {slot}");
    }
    // Before its instance was ever started.
    let (first, third) = ask(&bench.session, 2).await;
    assert!(!guards.contains(&third));
    // Its end was not taken yet: whoever begins then is told of it, wherever it was.
    (bench.session, bench.events) = open(&bench.keeper).await;
    assert_eq!(ask(&bench.session, 2).await, (first, third));
    bench.session.job_taken("hook pre-start 2");
    bench.start(2..3, &from);
    bench.ends(1).await;
    let pids = bench.pids().await;
    assert!(pids.into_iter().map(parent).any(|guard| guard == third));
    bench.stop(0..3, &from);
    bench.ends(3).await;
}

async fn eventually_gone(path: &camino::Utf8Path) {
    let gone = async {
        while path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .expect("it is removed");
}
