//! What services print, and how it comes back.

use gantry_test::{Sandbox, wait_until};

use crate::support::PATIENCE;

const FILE: &str = r#"
name = "talk"
[services.talker.process]
command = ["sh", "-c", "echo one; echo two >&2; printf '  three\tand a half\n'; exec sleep 1000"]
[services.quiet.process]
command = ["sleep", "1000"]
"#;

#[test]
fn raw_is_the_services_own_text() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", FILE);
    sandbox.gantry(["up", "-d"]).expect(0);
    let raw = || {
        let text = sandbox
            .gantry(["logs", "--raw", "talker"])
            .expect(0)
            .stdout
            .clone();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        // Two pipes: between them there is no order that anybody could know.
        lines.sort();
        lines
    };
    let wanted = ["  three\tand a half", "one", "two"];
    wait_until(PATIENCE, "three lines", raw, |lines| {
        lines.as_slice() == wanted
    });

    let shown = sandbox.gantry(["logs"]).expect(0).stdout.clone();
    assert!(shown.lines().all(|line| line.contains("talker")), "{shown}");
    let tail = sandbox
        .gantry(["logs", "--tail", "1"])
        .expect(0)
        .stdout
        .clone();
    assert_eq!(tail.lines().count(), 1, "{tail}");
    let found = sandbox
        .gantry(["logs", "--raw", "--grep", "^tw"])
        .expect(0)
        .stdout
        .clone();
    assert_eq!(found, "two\n");

    sandbox.gantry(["down"]).expect(0);
    // Logs stay when the stack is gone.
    assert_eq!(raw(), wanted);
    sandbox.expect_nothing_left();
}
