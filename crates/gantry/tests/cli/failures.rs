//! What is said when a service does not get there.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::Stack;

#[test]
fn it_exits() {
    let stack = Stack::of(
        "name = \"fails\"\n\
         [services.broken]\nrestart = { policy = \"never\" }\nreadiness = { file = \"never\" }\n\
         [services.broken.process]\n\
         command = [\"sh\", \"-c\", \"echo reading the map; echo the disk is upside down >&2; exit 7\"]\n\
         [services.needs]\ndepends-on = [\"broken\"]\n[services.needs.process]\ncommand = [\"sleep\", \"9\"]\n",
    );
    assert_snapshot!("up_failed", stack.shown(&["up", "-d"]));
    assert_snapshot!("status_failed", stack.shown(&["status"]));
    assert_snapshot!("explain_failed", stack.shown(&["explain", "needs"]));
}

#[test]
fn it_is_not_ready_in_time() {
    let stack = Stack::of(
        "name = \"slow\"\n[services.slow]\nports = { http = 0 }\nreadiness = { tcp = \"http\" }\n\
         start-timeout = \"300ms\"\n[services.slow.process]\ncommand = [\"sleep\", \"1000\"]\n\
         [services.needs]\ndepends-on = [\"slow\"]\n[services.needs.process]\ncommand = [\"sleep\", \"9\"]\n",
    );
    assert_snapshot!("up_not_ready", stack.shown(&["up", "-d"]));
}

/// What is known is told before a stop that takes long has ended.
#[test]
fn it_is_stopped_for_a_while() {
    let stack = Stack::of(
        "name = \"stays\"\n[services.stays]\nports = { http = 0 }\nreadiness = { tcp = \"http\" }\n\
         start-timeout = \"300ms\"\nstop = { grace = \"1500ms\" }\n[services.stays.process]\n\
         command = [\"sh\", \"-c\", \"trap '' TERM; while :; do sleep 1; done\"]\n",
    );
    let up = stack.gantry(&["up", "-d"]);
    up.expect(4);
    let lines: Vec<&str> = up.stderr.lines().collect();
    let why = "not ready within 300ms: connection refused by 127.0.0.1:";
    let first = format!("✗ stays  is being stopped: {why}");
    assert!(lines[0].starts_with(&first), "{lines:#?}");
    let second = format!("✗ stays  failed: {why}");
    assert!(lines[1].starts_with(&second), "{lines:#?}");
    let events = stack.gantry(&["events", "-o", "json"]);
    let events = events.expect(0).stdout.lines();
    let events = events.map(|line| serde_json::from_str(line).expect("an event"));
    let told: Vec<Value> = events
        .filter(|event: &Value| event["to"] == "stopping")
        .collect();
    assert!(told[0]["message"].as_str().expect("why").starts_with(why));
    assert_eq!(told[0]["failure"]["stage"], "ready");
}

#[test]
fn the_limit_of_up_is_over() {
    let stack = Stack::of(
        "name = \"late\"\n[services.late]\nports = { http = 0 }\nreadiness = { tcp = \"http\" }\n\
         [services.late.process]\ncommand = [\"sleep\", \"1000\"]\n\
         [services.needs]\ndepends-on = [\"late\"]\n[services.needs.process]\ncommand = [\"sleep\", \"9\"]\n",
    );
    assert_snapshot!(
        "up_timeout",
        stack.shown(&["up", "-d", "--timeout", "300ms"])
    );
    assert_snapshot!("explain_starting", stack.shown(&["explain", "needs"]));
}

#[test]
fn its_program_does_not_exist() {
    let stack = Stack::of(
        "name = \"missing\"\n[services.good.process]\ncommand = [\"sleep\", \"9\"]\n\
         [services.ghost.process]\ncommand = [\"no-such-program-anywhere\"]\n",
    );
    assert_snapshot!("up_preflight", stack.shown(&["up", "-d"]));
    assert_eq!(
        stack.processes(),
        [],
        "nothing was begun, so nothing is left"
    );
}

#[test]
fn what_runs_beside_a_service_is_looked_at_before() {
    let stack = Stack::of(
        "name = \"beside\"\n\
         [services.web]\n\
         stop = { command = [\"no-such-stop\"] }\n\
         reload = { command = [\"./no-such-reload\"] }\n\
         hooks = { pre-start = [\"no-such-migration\"], post-stop = [\"no-such-cleaner\", \"--all\"] }\n\
         [services.web.process]\n\
         command = [\"sleep\", \"1000\"]\n",
    );
    assert_snapshot!("up_preflight_beside", stack.shown(&["up", "-d"]));
}

#[test]
fn in_the_foreground_nothing_is_left() {
    let stack = Stack::of(
        "name = \"fails\"\n[services.good.process]\ncommand = [\"sleep\", \"1000\"]\n\
         [services.broken]\nrestart = { policy = \"never\" }\nreadiness = { file = \"never\" }\n\
         [services.broken.process]\ncommand = [\"sh\", \"-c\", \"exit 3\"]\n",
    );
    let run = stack.gantry(&["up"]);
    run.expect(1);
    assert!(run.stderr.contains("broken"), "{}", run.stderr);
    stack.expect_nothing_left();
}
