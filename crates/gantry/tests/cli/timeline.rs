//! The last start as a chart.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::Stack;

/// Each waits for the one before it.
const LINE: &str = "name = \"line\"\n\
    [services.store.process]\ncommand = [\"sleep\", \"1000\"]\n\
    [services.migrate]\njob = true\ndepends-on = [\"store\"]\n\
    [services.migrate.process]\ncommand = [\"sleep\", \"0.05\"]\n\
    [services.api]\ndepends-on = [{ service = \"migrate\", condition = \"completed\" }]\n\
    [services.api.process]\ncommand = [\"sleep\", \"1000\"]\n";

/// The same text without what is long or short by chance.
fn calm(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, name) in [
        (r"\d{4}-\d\d-\d\d \[CLOCK\]", "[TIME]"),
        (r"\(operation \d+\)", "(operation [N])"),
        ("[·━█●✓✗~]+", "[BAR]"),
        (r">?\b\d+(\.\d)?m?s\b|\[LENGTH\]", "[N]"),
        (r"\[N\]( +\[N\])+", "[N]"),
        (r"(?m)^  and \[N\] before.*\n", ""),
        (r"(\S) {2,}", "$1  "),
        (r"_ms(.?): \d+", "_ms$1: [N]"),
        (r#"("?)operation("?): \d+"#, "${1}operation$2: [N]"),
    ] {
        let pattern = regex::Regex::new(pattern).expect("a pattern");
        text = pattern.replace_all(&text, name).into_owned();
    }
    text
}

#[test]
fn of_a_line_of_services() {
    let stack = Stack::of(LINE);
    assert_snapshot!("not_up", stack.shown(&["timeline"]));
    stack.gantry(&["up", "-d"]).expect(0);
    assert_snapshot!("up", calm(&stack.shown(&["timeline"])));
    assert_snapshot!("of_one", calm(&stack.shown(&["timeline", "migrate"])));
    assert_snapshot!("json", calm(&stack.shown(&["timeline", "-o", "json"])));
    assert_snapshot!(
        "yaml",
        calm(&stack.shown(&["timeline", "store", "-o", "yaml"]))
    );
    let picture = stack.gantry(&["timeline", "--format", "svg"]);
    let text = &picture.expect(0).stdout;
    assert!(
        text.starts_with("<svg ") && text.ends_with("</svg>\n"),
        "{text}"
    );
    assert!(
        text.contains("waited") && text.contains("← migrate"),
        "{text}"
    );
    assert_snapshot!("unknown", stack.shown(&["timeline", "stroe"]));
    assert_snapshot!(
        "no_operation",
        stack.shown(&["timeline", "--operation", "999"])
    );

    stack.gantry(&["restart", "api"]).expect(0);
    let last = stack.gantry(&["timeline", "-o", "json"]);
    let last: Value = serde_json::from_str(&last.expect(0).stdout).expect("one object");
    assert_eq!(last["kind"], "restart", "{last:#}");
    assert_eq!(last["critical_chain"][0]["service"], "api", "{last:#}");
    // Of the others it was the first.
    let first = stack.gantry(&["timeline", "store", "api", "--operation", "1"]);
    assert!(
        first.expect(0).stdout.starts_with("up, "),
        "{}",
        first.stdout
    );

    stack.gantry(&["down"]).expect(0);
    stack.expect_nothing_left();
    // What was written down is enough.
    let text = stack.gantry(&["timeline"]).expect(0).stdout.clone();
    assert!(text.starts_with("restart api, "), "{text}");
    assert_snapshot!("unknown_when_down", stack.shown(&["timeline", "stroe"]));
}

#[test]
fn of_a_start_that_failed() {
    let stack = Stack::of(
        "name = \"fails\"\n\
         [services.broken]\nrestart = { policy = \"never\" }\nreadiness = { file = \"never\" }\n\
         [services.broken.process]\ncommand = [\"sh\", \"-c\", \"exit 7\"]\n\
         [services.needs]\ndepends-on = [\"broken\"]\n[services.needs.process]\ncommand = [\"sleep\", \"9\"]\n",
    );
    stack.gantry(&["up", "-d"]).expect(1);
    assert_snapshot!("failed", calm(&stack.shown(&["timeline"])));
}

#[test]
fn of_a_start_that_goes_on() {
    let stack = Stack::of(
        "name = \"slow\"\n[services.slow]\nreadiness = { file = \"ready\" }\n\
         [services.slow.process]\ncommand = [\"sleep\", \"1000\"]\n\
         [services.needs]\ndepends-on = [\"slow\"]\n[services.needs.process]\ncommand = [\"sleep\", \"1000\"]\n",
    );
    stack.gantry(&["up", "-d", "--no-wait"]).expect(0);
    let is = |state: &'static str| {
        move |status: &Value| {
            let mut services = status["services"].as_array().into_iter().flatten();
            services.any(|one| one["name"] == "slow" && one["state"] == state)
        }
    };
    stack.wait_until("it starts", is("starting"));
    assert_snapshot!("goes_on", calm(&stack.shown(&["timeline"])));
    stack.write("ready", "");
    stack.wait_until("it runs", is("running"));
    let ended = stack.gantry(&["timeline"]);
    let text = &ended.expect(0).stdout;
    assert!(text.contains("needs") && text.contains("← slow"), "{text}");
}
