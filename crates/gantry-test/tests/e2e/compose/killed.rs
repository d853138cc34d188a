//! The supervisor is killed while a Compose command brings a project up.

use std::process::Stdio;
use std::time::Duration;

use gantry_test::{Engine, Process, wait_for, wait_until};

use super::{Stage, on};
use crate::support::{PATIENCE, all_ready, printed, service};

/// Each part after the other, with a second between them; the job says how often it ran.
const SLOW: &str = r#"
x-base: &base
  image: IMAGE
  pull_policy: never
  stop_grace_period: 1s
services:
  db:
    <<: *base
    command: [sh, -c, "echo db up; trap 'exit 0' TERM; (sleep 1; touch /tmp/ok); sleep 1000 & wait"]
    healthcheck: { test: [CMD, test, -f, /tmp/ok], interval: 200ms, retries: 50 }
  migrate:
    <<: *base
    command: [sh, -c, "echo migrating; sleep 0.5"]
    depends_on: { db: { condition: service_healthy } }
  web:
    <<: *base
    command: [sh, -c, "echo web up; trap 'exit 0' TERM; sleep 1000 & wait"]
    depends_on: { migrate: { condition: service_completed_successfully } }
"#;

const STACK: &str = r#"
name = "killed"
[services.shop]
start-timeout = "110s"
[services.shop.compose]
files = ["shop.yaml"]
engine = "ENGINE"
"#;

/// The supervisor is killed when so many of the containers have been started: none while the files are read, or all
/// are only made.
const STARTED: [usize; 4] = [0, 1, 2, 3];

/// Several stacks come up at the same time.
const LONG: Duration = Duration::from_mins(2);

fn supervisor(stage: &Stage) -> Option<Process> {
    let all = stage.sandbox.processes().into_iter();
    let mut ones = all.filter(|one| one.command.contains(" __supervisor"));
    ones.next()
}

/// Of each container whether it has been started.
fn begun(stage: &Stage) -> Vec<bool> {
    let ids = stage.containers();
    let ids = ids.iter().filter_map(|line| line.split(' ').next());
    let look = |id: &str| {
        let format = "{{.State.Status}}";
        stage.engine.say(&["inspect", "--format", format, id])
    };
    let states = ids.filter_map(look);
    states
        .map(|state| state == "running" || state == "exited")
        .collect()
}

fn nothing_is_started_twice(engine: &Engine, command: &'static str) {
    std::thread::scope(|scope| {
        for started in STARTED {
            scope.spawn(move || killed_after(engine, command, started));
        }
    });
}

fn killed_after(engine: &Engine, command: &'static str, started: usize) {
    let stage = Stage::of(engine, command, STACK, SLOW);
    let mut up = stage.command(&["up", "-d"]);
    let up = up.stdout(Stdio::null()).stderr(Stdio::null());
    let mut up = up.spawn().expect("gantry runs");
    let first = wait_for(PATIENCE, "a supervisor", || supervisor(&stage));
    wait_until(
        LONG,
        "containers",
        || begun(&stage),
        |begun| begun.iter().filter(|begun| **begun).count() >= started,
    );
    first.kill();
    // It may have been told that nothing is known.
    up.wait().expect("it ends");
    stage.gantry(&["up", "-d"]).expect(0);
    let status = wait_until(LONG, "all is ready", || stage.sandbox.status(), all_ready);
    for (child, state) in [
        ("shop/db", "healthy"),
        ("shop/migrate", "completed"),
        ("shop/web", "running"),
    ] {
        let is = Stage::child(&status, child);
        assert_eq!(is, state, "{started}: {child}: {status:#}");
    }
    let restarts = &service(&status, "shop")["restarts"];
    assert_eq!(*restarts, 0, "{started}: {status:#}");
    assert_eq!(stage.containers().len(), 3, "{started}");
    wait_until(
        PATIENCE,
        "all of it is in the log, once",
        || {
            let mut all = printed(&stage.sandbox, "shop");
            all.sort();
            all
        },
        |all| *all == ["db up", "migrating", "web up"],
    );
    stage.gantry(&["down", "--purge"]).expect(0);
    stage.sandbox.expect_nothing_left();
}

#[test]
fn a_supervisor_that_is_killed_meanwhile_starts_nothing_twice() {
    on(
        Engine::docker(),
        "docker compose",
        "a killed supervisor",
        nothing_is_started_twice,
    );
}

#[test]
fn a_supervisor_that_is_killed_meanwhile_starts_nothing_twice_with_podman_compose() {
    on(
        Engine::podman(),
        "podman-compose",
        "a killed supervisor",
        nothing_is_started_twice,
    );
}
