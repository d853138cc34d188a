//! What is said to someone who typed or wrote something wrong.

use insta::assert_snapshot;

use crate::nothing_up::SHOP;
use crate::support::Stack;

const WRONG: &str = r#"
name = "wrong"
[services.api]
depend-on = ["db"]
replicas = "many"
[services.api.process]
command = ["sleep", "1000"]
"#;

#[test]
fn a_wrong_stack_file() {
    let stack = Stack::of(WRONG);
    assert_snapshot!("wrong_file", stack.shown(&["validate"]));
    assert_snapshot!("wrong_file_json", stack.shown(&["validate", "-o", "json"]));
    for verb in [
        &["up", "-d"][..],
        &["status"],
        &["plan"],
        &["graph"],
        &["config", "show"],
    ] {
        stack.gantry(verb).expect(2);
    }
}

#[test]
fn a_file_that_does_not_parse() {
    let stack = Stack::of("name = \"broken\n[services");
    assert_snapshot!("broken_file", stack.shown(&["status"]));
}

#[test]
fn a_circle() {
    let stack = Stack::of(
        "name = \"circle\"\n\
         [services.a]\ndepends-on = [\"b\"]\n[services.a.process]\ncommand = [\"true\"]\n\
         [services.b]\ndepends-on = [\"c\"]\n[services.b.process]\ncommand = [\"true\"]\n\
         [services.c]\ndepends-on = [\"a\"]\n[services.c.process]\ncommand = [\"true\"]\n",
    );
    assert_snapshot!("circle", stack.shown(&["graph"]));
}

#[test]
fn no_stack_file() {
    let stack = Stack::empty();
    assert_snapshot!("no_file", stack.shown(&["up"]));
    assert_snapshot!("no_file_json", stack.shown(&["status", "-o", "json"]));
    assert_snapshot!(
        "no_such_file",
        stack.shown(&["-f", "missing.toml", "status"])
    );
}

#[test]
fn an_unknown_service() {
    let stack = Stack::of(SHOP);
    assert_snapshot!("unknown_service_near", stack.shown(&["status", "gatway"]));
    assert_snapshot!("unknown_service_far", stack.shown(&["logs", "zzz"]));
    assert_snapshot!(
        "unknown_service_json",
        stack.shown(&["plan", "stroe", "-o", "json"])
    );
    stack.gantry(&["up", "-d", "stroe"]).expect(2);
    assert!(stack.processes().is_empty());
}

#[test]
fn wrong_usage() {
    let stack = Stack::of(SHOP);
    assert_snapshot!("unknown_verb", stack.shown(&["stats"]));
    assert_snapshot!("unknown_flag", stack.shown(&["up", "--detatch"]));
    assert_snapshot!("wrong_duration", stack.shown(&["up", "--timeout", "soon"]));
    assert_snapshot!("wrong_regex", stack.shown(&["logs", "--grep", "("]));
    assert_snapshot!("no_wait_needs_detach", stack.shown(&["up", "--no-wait"]));
    stack.gantry(&["stop"]).expect(2);
    stack
        .gantry(&["stop", "api", "--cascade", "--force"])
        .expect(2);
    stack.gantry(&["status", "-o", "xml"]).expect(2);
}
