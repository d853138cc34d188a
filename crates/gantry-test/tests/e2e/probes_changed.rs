//! Other probes for what runs: they are asked at once, `up` waits for them, and nothing is started again.

use gantry_test::Sandbox;
use serde_json::Value;

use crate::support::{pids, service};

fn file(readiness: &str) -> String {
    format!(
        "name = \"rooms\"\n[services.one]\nstart-timeout = \"2s\"\n{readiness}\n[services.one.process]\ncommand = [\"sleep\", \"1000\"]\n"
    )
}

#[test]
fn other_probes_are_waited_for_and_nothing_is_started_again() {
    let sandbox = Sandbox::new();
    sandbox.write("here", "");
    sandbox.write("gantry.toml", &file("readiness = { file = \"here\" }"));
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    let is_ready = |status: &Value| service(status, "one")["ready"] == true;

    sandbox.write("there", "");
    sandbox.write("gantry.toml", &file("readiness = { file = \"there\" }"));
    let plan = sandbox.gantry(["plan"]);
    assert!(plan.stdout.contains("update"), "{}", plan.stdout);
    assert!(
        plan.stdout.contains("its probes changed"),
        "{}",
        plan.stdout
    );
    let up = sandbox.gantry(["up", "-d"]);
    up.expect(0);
    assert!(!up.stderr.contains("Nothing to do"), "{}", up.stderr);
    let status = sandbox.status();
    assert!(is_ready(&status), "{status:#}");
    assert_eq!(pids(&status), before);
    let again = sandbox.gantry(["up", "-d"]);
    assert!(again.stderr.contains("Nothing to do"), "{}", again.stderr);

    // What they say counts, as at a start.
    sandbox.write("gantry.toml", &file("readiness = { file = \"nowhere\" }"));
    let late = sandbox.gantry(["up", "-d"]);
    late.expect(4);
    assert!(late.stderr.contains("nowhere"), "{}", late.stderr);
    let status = sandbox.status();
    assert!(!is_ready(&status), "{status:#}");
    assert_eq!(pids(&status), before);

    // None is an answer, too.
    sandbox.write("gantry.toml", &file(""));
    sandbox.gantry(["up", "-d"]).expect(0);
    let status = sandbox.status();
    assert!(is_ready(&status), "{status:#}");
    assert_eq!(pids(&status), before);
    sandbox.gantry(["down"]).expect(0);
}
