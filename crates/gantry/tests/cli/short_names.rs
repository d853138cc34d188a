//! Short names of services, where they mean one.

use insta::assert_snapshot;

use crate::support::Stack;

const FILE: &str = r#"
name = "room"
[services."framework.web".process]
command = ["sleep", "1000"]
[services."applications.als.web".process]
command = ["sleep", "1000"]
[services."applications.als.mongo"]
stop = { grace = "0s" }
profiles = ["data"]
reload = { signal = "HUP" }
[services."applications.als.mongo".process]
command = ["sh", "-c", "trap : HUP; echo mongo is up; while :; do sleep 0.1; done"]
"#;

#[test]
fn a_name_that_means_one_service_is_enough() {
    let stack = Stack::of(FILE);
    assert_snapshot!("short_plan", stack.shown(&["plan", "mongo", "als.web"]));
    assert_snapshot!("short_up", stack.shown(&["up", "-d", "mongo"]));
    let printed = || stack.gantry(&["logs", "mongo", "--raw"]).stdout;
    while printed().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(printed(), "mongo is up\n");
    for (words, said) in [
        (&["status", "mongo"][..], "applications.als.mongo"),
        (
            &["graph", "als.mongo", "--profile", "data"],
            "applications.als.mongo",
        ),
        (&["explain", "mongo"], "applications.als.mongo"),
        (&["events", "mongo"], "applications.als.mongo"),
        (&["timeline", "mongo"], "applications.als.mongo"),
        (&["reload", "mongo"], "applications.als.mongo"),
        (&["restart", "mongo"], "restarted"),
        (&["stop", "als.mongo"], "stopped"),
        (&["start", "mongo"], "up"),
    ] {
        let run = stack.gantry(words);
        let text = format!("{}{}", run.expect(0).stdout, run.stderr);
        assert!(text.to_lowercase().contains(said), "{words:?}: {text}");
    }
    stack
        .gantry(&["plan", "mongo", "--mode", "mongo=process"])
        .expect(0);
    // What has a terminal would be joined.
    let attach = stack.gantry(&["attach", "mongo", "--no-stdin"]);
    assert!(
        !attach.stderr.contains("there is no service"),
        "{}",
        attach.stderr
    );
    ambiguous(
        &stack,
        &[
            "start", "stop", "restart", "reload", "attach", "explain", "events", "timeline",
        ],
    );
    stack.gantry(&["down"]).expect(0);
    stack.expect_nothing_left();
}

/// Each of these verbs tells what a name may mean, and does nothing.
fn ambiguous(stack: &Stack, verbs: &[&str]) {
    for verb in verbs {
        let run = stack.gantry(&[verb, "web"]);
        let text = &run.expect(2).stderr;
        let both = "framework.web or applications.als.web";
        let other = "applications.als.web or framework.web";
        assert!(
            text.contains(both) || text.contains(other),
            "{verb}: {text}"
        );
    }
}

#[test]
fn a_name_that_means_several_is_an_error_that_lists_them() {
    let stack = Stack::of(FILE);
    assert_snapshot!("ambiguous_up", stack.shown(&["up", "-d", "web"]));
    assert_snapshot!(
        "ambiguous_json",
        stack.shown(&["status", "web", "-o", "json"])
    );
    assert_snapshot!(
        "ambiguous_mode",
        stack.shown(&["plan", "--mode", "web=process"])
    );
    assert_snapshot!("short_unknown", stack.shown(&["up", "-d", "als.wep"]));
    ambiguous(&stack, &["plan", "graph", "status", "logs", "up"]);
}
