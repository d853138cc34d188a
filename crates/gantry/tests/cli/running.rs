//! A stack that is up.

use insta::assert_snapshot;
use serde_json::Value;

use crate::nothing_up::SHOP;
use crate::support::Stack;

fn service<'a>(status: &'a Value, name: &str) -> &'a Value {
    let services = status["services"].as_array().expect("services is an array");
    let found = services.iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {status:#}"))
}

/// Lines whose order is chance, in the order of the alphabet.
fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn from_up_to_down() {
    let stack = Stack::of(SHOP);
    assert_snapshot!("up", sorted(&stack.shown(&["up", "-d"])));
    assert_snapshot!("up_again", stack.shown(&["up", "-d"]));
    assert_snapshot!("running_status", stack.shown(&["status"]));
    assert_snapshot!(
        "running_status_yaml",
        stack.shown(&["status", "api", "-o", "yaml"])
    );
    assert_snapshot!("running_graph", stack.shown(&["graph"]));
    assert_snapshot!("running_explain", stack.shown(&["explain", "gateway"]));
    assert_snapshot!("running_ls", stack.shown(&["ls"]));
    assert_snapshot!("running_plan", stack.shown(&["plan"]));
    assert_snapshot!("stop_refused", stack.shown(&["stop", "store"]));
    assert_snapshot!(
        "stop_dry_run",
        stack.shown(&["stop", "store", "--cascade", "--dry-run"])
    );
    assert_snapshot!("stop_unknown", stack.shown(&["stop", "stroe"]));
    assert_snapshot!("stop", stack.shown(&["stop", "gateway"]));
    assert_snapshot!("start", stack.shown(&["start", "gateway"]));
    assert_snapshot!("restart", stack.shown(&["restart", "gateway"]));
    assert_snapshot!("down", sorted(&stack.shown(&["down"])));
    stack.expect_nothing_left();
    assert_snapshot!("ls_after_down", stack.shown(&["ls"]));
    stack.gantry(&["down", "--purge"]).expect(0);
    assert_snapshot!("ls_after_purge", stack.shown(&["ls"]));
}

#[test]
fn programs_read_the_outcome() {
    let stack = Stack::of(SHOP);
    let run = stack.gantry(&["up", "-d", "-o", "json"]);
    let outcome: Value = serde_json::from_str(&run.expect(0).stdout).expect("one object");
    assert_eq!(outcome["result"], "done", "{outcome:#}");
    let run = stack.gantry(&["down", "-o", "json"]);
    let outcome: Value = serde_json::from_str(&run.expect(0).stdout).expect("one object");
    assert_eq!(outcome["exit_code"], 0, "{outcome:#}");
}

#[test]
fn events_are_one_object_a_line() {
    let stack = Stack::of(SHOP);
    stack.gantry(&["up", "-d"]).expect(0);
    let run = stack.gantry(&["events", "-o", "json"]);
    let events: Vec<Value> = run
        .expect(0)
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    let running = |event: &&Value| event["service"] == "store" && event["to"] == "running";
    assert_eq!(events.iter().filter(running).count(), 1, "{events:#?}");
    let numbers: Vec<_> = events
        .iter()
        .map(|event| event["sequence"].as_u64())
        .collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    let last = stack.gantry(&["events", "--tail", "2", "-o", "json"]);
    assert_eq!(last.expect(0).stdout.lines().count(), 2);
    stack.gantry(&["down"]).expect(0);
    // What happened can be read when nobody keeps the stack any more.
    assert!(stack.gantry(&["events"]).expect(0).stdout.contains("store"));
}

#[test]
fn logs_carry_names_and_times() {
    let stack = Stack::of(
        "name = \"talk\"\n\
         [services.talker.process]\ncommand = [\"sh\", \"-c\", \"echo one; echo two; exec sleep 1000\"]\n\
         [services.other]\nreplicas = 2\n[services.other.process]\n\
         command = [\"sh\", \"-c\", \"echo hello from $$GANTRY_INSTANCE; exec sleep 1000\"]\n",
    );
    stack.gantry(&["up", "-d"]).expect(0);
    let said = |words: &[&str]| sorted(&stack.shown(words));
    let four = |_: &Value| stack.gantry(&["logs", "--raw"]).stdout.lines().count() == 4;
    stack.wait_until("four lines", four);
    assert_snapshot!("logs", said(&["logs"]));
    assert_snapshot!("logs_raw", said(&["logs", "talker", "--raw"]));
    assert_snapshot!("logs_grep", said(&["logs", "--grep", "hello.*2"]));
    assert_snapshot!(
        "logs_json",
        said(&["logs", "talker", "--tail", "1", "-o", "json"])
    );
    assert_snapshot!(
        "logs_since",
        said(&["logs", "--since", "2030-01-01T00:00:00Z"])
    );
}

#[test]
fn replicas_and_jobs_are_counted() {
    let stack = Stack::of(SHOP);
    stack.gantry(&["up", "-d"]).expect(0);
    let status = stack.status();
    assert_eq!(
        service(&status, "api")["instances"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(service(&status, "migrate")["state"], "completed");
    assert_eq!(service(&status, "debug")["state"], "stopped");
}
