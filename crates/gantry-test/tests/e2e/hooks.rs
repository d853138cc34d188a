//! Hooks before and after start and stop.

use std::fs;
use std::time::{Duration, Instant};

use gantry_test::{Process, Sandbox, wait_until};
use serde_json::Value;

use crate::support::{PATIENCE, pids, service, wait_until_ready};

/// A service that writes down what happens to it, with these hooks.
fn file(hooks: &str, more: &str) -> String {
    format!(
        r#"name = "hooked"
[services.one]
env = {{ DIR = "{{{{ stack.dir }}}}" }}
{more}
hooks = {hooks}
[services.one.process]
shell = """
trap 'echo ended >> $$DIR/life; exit 0' TERM
echo began >> $$DIR/life
touch $$DIR/up
while :; do sleep 0.02; done
"""
"#
    )
}

fn text(sandbox: &Sandbox, name: &str) -> String {
    fs::read_to_string(sandbox.path("stack").join(name)).unwrap_or_default()
}

fn notes(sandbox: &Sandbox) -> Vec<String> {
    let events = sandbox.gantry(["events", "-o", "json"]);
    let lines = events.expect(0).stdout.lines();
    let events = lines.map(|line| serde_json::from_str(line).expect("an event a line"));
    events
        .filter(|event: &Value| event["kind"] == "note")
        .map(|event| event["message"].as_str().unwrap_or_default().to_owned())
        .collect()
}

const FOUR: &str = r#"{ pre-start = ["sh", "-c", "echo $$GANTRY_HOOK >> $$DIR/life"], post-start = ["sh", "-c", "until [ -e $$DIR/up ]; do sleep 0.01; done; echo $$GANTRY_HOOK >> $$DIR/life; kill -0 $$GANTRY_PID"], pre-stop = ["sh", "-c", "echo $$GANTRY_HOOK >> $$DIR/life; kill -0 $$GANTRY_PID"], post-stop = ["sh", "-c", "echo $$GANTRY_HOOK >> $$DIR/life"] }"#;

#[test]
fn each_has_its_moment() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &file(FOUR, ""));
    sandbox.gantry(["up", "-d"]).expect(0);
    assert_eq!(text(&sandbox, "life"), "pre-start\nbegan\npost-start\n");
    sandbox.gantry(["stop", "one"]).expect(0);
    let whole = "pre-start\nbegan\npost-start\npre-stop\nended\npost-stop\n";
    assert_eq!(text(&sandbox, "life"), whole);
    fs::remove_file(sandbox.path("stack/up")).expect("it was up");
    sandbox.gantry(["start", "one"]).expect(0);
    sandbox.gantry(["down"]).expect(0);
    assert_eq!(text(&sandbox, "life"), whole.repeat(2));
    sandbox.expect_nothing_left();
}

#[test]
fn what_they_print_is_in_the_services_log() {
    let sandbox = Sandbox::new();
    let hooks = r#"{ pre-start = ["sh", "-c", "echo made; printf bare"], post-stop = ["sh", "-c", "echo gone >&2"] }"#;
    let more = "reload = { command = [\"echo\", \"told\"] }\nstop = { command = [\"sh\", \"-c\", \"echo asked; kill $$GANTRY_PID\"] }";
    sandbox.write("gantry.toml", &file(hooks, more));
    sandbox.gantry(["up", "-d"]).expect(0);
    sandbox.gantry(["reload", "one"]).expect(0);
    sandbox.gantry(["down"]).expect(0);
    let logs = sandbox.gantry(["logs", "one", "-o", "json"]);
    let lines = logs.expect(0).stdout.lines();
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("a line is an object"))
        .collect();
    let texts: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "hook pre-start: made",
            "hook pre-start: bare",
            "reload: told",
            "stop: asked",
            "hook post-stop: gone",
        ],
        "{lines:#?}"
    );
    assert!(lines.iter().all(|line| line["stream"] == "gantry"));
    // It is not what the service itself has printed.
    let raw = sandbox.gantry(["logs", "one", "--raw"]);
    assert_eq!(raw.expect(0).stdout, "");
    sandbox.expect_nothing_left();
}

#[test]
fn a_failing_pre_start_is_a_failed_start() {
    let sandbox = Sandbox::new();
    let hooks = r#"{ pre-start = ["sh", "-c", "echo schema 7 is missing >&2; exit 3"] }"#;
    sandbox.write("gantry.toml", &file(hooks, "restart = \"never\""));
    let up = sandbox.gantry(["up", "-d"]);
    for said in [
        "the hook failed with exit code 3",
        "pre-start hook",
        "tried   sh -c 'echo schema 7 is missing >&2; exit 3'",
        "schema 7 is missing",
    ] {
        assert!(up.expect(1).stderr.contains(said), "{said}: {}", up.stderr);
    }
    assert_eq!(text(&sandbox, "life"), "", "it was not started");
    let status = sandbox.status();
    assert_eq!(
        service(&status, "one")["failure"]["stage"],
        "start",
        "{status:#}"
    );
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn a_failing_post_start_takes_it_down_again() {
    let sandbox = Sandbox::new();
    let hooks = r#"{ post-start = { command = ["sleep", "1000"], timeout = "200ms" } }"#;
    sandbox.write("gantry.toml", &file(hooks, "restart = \"never\""));
    let up = sandbox.gantry(["up", "-d"]);
    for said in ["the hook did not end within 200ms", "post-start hook"] {
        assert!(up.expect(1).stderr.contains(said), "{said}: {}", up.stderr);
    }
    assert_eq!(text(&sandbox, "life"), "began\nended\n");
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn hooks_of_a_stop_are_told_of_and_keep_nothing() {
    let sandbox = Sandbox::new();
    let hooks = r#"{ pre-stop = { command = ["sleep", "1000"], timeout = "200ms" }, post-stop = ["sh", "-c", "echo cannot tidy up; exit 1"] }"#;
    sandbox.write("gantry.toml", &file(hooks, ""));
    sandbox.gantry(["up", "-d"]).expect(0);
    let stopped = sandbox.gantry(["stop", "one"]);
    let said = [
        "the hook did not end within 200ms (pre-stop hook)",
        "the hook failed with exit code 1 (post-stop hook): cannot tidy up",
    ];
    assert_eq!(notes(&sandbox), said);
    for one in said {
        assert!(stopped.expect(0).stderr.contains(one), "{}", stopped.stderr);
    }
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn a_stop_overtakes_a_start_in_its_hook() {
    let sandbox = Sandbox::new();
    let hooks = r#"{ pre-start = { command = ["sh", "-c", "touch $$DIR/hooking; exec sleep 1000"], timeout = "1h" } }"#;
    sandbox.write("gantry.toml", &file(hooks, ""));
    sandbox.gantry(["up", "-d", "--no-wait"]).expect(0);
    let path = sandbox.path("stack/hooking");
    wait_until(PATIENCE, "its hook runs", || path.exists(), |there| *there);
    let status = sandbox.status();
    assert_eq!(
        service(&status, "one")["message"],
        "its pre-start hook runs"
    );
    let begun = Instant::now();
    sandbox.gantry(["down"]).expect(0);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(text(&sandbox, "life"), "");
    sandbox.expect_nothing_left();
}

#[test]
fn a_hook_runs_once_whoever_dies() {
    let sandbox = Sandbox::new();
    let hooks = r#"{ pre-start = { command = ["sh", "-c", "echo hook >> $$DIR/life; until [ -e $$DIR/go ]; do sleep 0.01; done"], timeout = "1h" }, post-start = ["sh", "-c", "echo post >> $$DIR/life"] }"#;
    sandbox.write("gantry.toml", &file(hooks, ""));
    sandbox.gantry(["up", "-d", "--no-wait"]).expect(0);
    let life = || text(&sandbox, "life");
    wait_until(PATIENCE, "its hook runs", life, |text| text == "hook\n");
    let supervisor = || {
        let mut all = sandbox.processes().into_iter();
        all.find(|process| process.command.contains("__supervisor"))
    };
    // Once while it runs, and once when it has ended and its end was not heard yet.
    let first = supervisor().expect("a supervisor");
    first.kill();
    let other = |now: &Option<Process>| now.as_ref().is_some_and(|now| now.pid != first.pid);
    let second = wait_until(PATIENCE, "another takes over", supervisor, other);
    sandbox.status();
    sandbox.write("go", "");
    second.expect("a supervisor").kill();
    let status = wait_until_ready(&sandbox);
    assert_eq!(pids(&status).len(), 1);
    wait_until(PATIENCE, "all has happened", life, |text| {
        text.lines().count() >= 3
    });
    let mut lines: Vec<String> = life().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["began", "hook", "post"]);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}
