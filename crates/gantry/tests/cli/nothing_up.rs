//! Verbs that need no supervisor.

use insta::assert_snapshot;

use crate::support::Stack;

/// Five services, a job among them, one that does not start by itself.
pub(crate) const SHOP: &str = r#"
name = "shop"

[vars]
tag = "1.4"

[services.store]
description = "Keeps everything"
ports = { kv = 0 }
[services.store.process]
command = ["sleep", "1000"]

[services.migrate]
depends-on = ["store"]
[services.migrate.process]
command = ["true"]

[services.api]
description = "Items over HTTP"
depends-on = [{ service = "migrate", condition = "completed" }]
replicas = 2
env = { TAG = "{{ vars.tag }}", STORE = "{{ services.store.ports.kv }}" }
[services.api.process]
command = ["sleep", "1000"]

[services.gateway]
depends-on = ["api", "store"]
[services.gateway.process]
command = ["sleep", "1000"]

[services.debug]
auto-start = false
depends-on = [{ service = "api", condition = "started" }]
[services.debug.process]
command = ["sleep", "1000"]
"#;

#[test]
fn status() {
    let stack = Stack::of(SHOP);
    assert_snapshot!("status", stack.shown(&["status"]));
    assert_snapshot!("status_wide", stack.shown(&["status", "-o", "wide"]));
    assert_snapshot!(
        "status_yaml_of_one",
        stack.shown(&["status", "api", "-o", "yaml"])
    );
    assert_snapshot!(
        "status_json_of_one",
        stack.shown(&["status", "store", "-o", "json"])
    );
}

#[test]
fn plan() {
    let stack = Stack::of(SHOP);
    assert_snapshot!("plan", stack.shown(&["plan"]));
    assert_snapshot!(
        "plan_of_one",
        stack.shown(&["plan", "migrate", "-o", "json"])
    );
    assert_snapshot!("up_dry_run", stack.shown(&["up", "--dry-run", "debug"]));
    assert!(stack.processes().is_empty());
}

#[test]
fn graph() {
    let stack = Stack::of(SHOP);
    assert_snapshot!("graph", stack.shown(&["graph"]));
    assert_snapshot!("graph_reverse", stack.shown(&["graph", "--reverse"]));
    assert_snapshot!("graph_of_one", stack.shown(&["graph", "api"]));
    assert_snapshot!(
        "graph_json",
        stack.shown(&["graph", "migrate", "-o", "json"])
    );
}

#[test]
fn validate() {
    let stack = Stack::of(SHOP);
    assert_snapshot!("validate", stack.shown(&["validate"]));
    assert_snapshot!("validate_json", stack.shown(&["validate", "-o", "json"]));
}

#[test]
fn config() {
    let stack = Stack::of(SHOP);
    assert_snapshot!("config_show", stack.shown(&["config", "show"]));
    assert_snapshot!(
        "config_origins",
        stack.shown(&["config", "show", "--origins"])
    );
    assert_snapshot!(
        "config_origins_json",
        stack.shown(&["config", "show", "--origins", "-o", "json"])
    );
}

#[test]
fn schema_is_a_schema() {
    let run = Stack::empty().gantry(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&run.expect(0).stdout).expect("JSON");
    let stack = &schema["$defs"]["stack"]["properties"];
    assert!(schema["$schema"].is_string() && stack["services"].is_object());
}

#[test]
fn what_needs_a_supervisor_says_so() {
    let stack = Stack::of(SHOP);
    assert_snapshot!("explain_not_up", stack.shown(&["explain", "api"]));
    assert_snapshot!("stop_not_up", stack.shown(&["stop", "api"]));
    assert_snapshot!("events_not_up", stack.shown(&["events", "-o", "json"]));
    for verb in [&["start", "api"][..], &["restart"], &["events", "-f"]] {
        stack.gantry(verb).expect(5);
    }
}

#[test]
fn down_of_nothing_is_done() {
    let stack = Stack::of(SHOP);
    assert_snapshot!("down_not_up", stack.shown(&["down"]));
    assert_snapshot!("down_not_up_json", stack.shown(&["down", "-o", "json"]));
}

#[test]
fn logs_of_nothing_are_empty() {
    let stack = Stack::of(SHOP);
    assert_snapshot!("logs_not_up", stack.shown(&["logs"]));
}

#[test]
fn ls_of_nothing() {
    let stack = Stack::of(SHOP);
    assert_snapshot!("ls_empty", stack.shown(&["ls"]));
    assert_snapshot!("ls_empty_yaml", stack.shown(&["ls", "-o", "yaml"]));
}
