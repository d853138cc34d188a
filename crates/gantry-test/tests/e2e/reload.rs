//! `gantry reload`: by signal, by command, and where it is refused.

use std::fs;

use gantry_test::{Sandbox, wait_until};
use serde_json::{Value, json};

use crate::support::{PATIENCE, pids, service};

const FILE: &str = r#"name = "reloading"
[services.signalled]
replicas = 2
reload = "HUP"
[services.signalled.process]
shell = """
trap 'echo $$GANTRY_INSTANCE >> hups' HUP
touch up.$$GANTRY_INSTANCE
while :; do sleep 0.02; done
"""
[services.commanded]
reload = { command = ["sh", "-c", "echo $$GANTRY_PID; test -e good || { echo line 7 is wrong >&2; exit 4; }; touch broken"] }
# A configuration that breaks it shows at once, not after an hour.
readiness = { command = ["sh", "-c", "test ! -e broken"], interval = "1h", failures = 1 }
[services.commanded.process]
command = ["sleep", "1000"]
[services.slow]
reload = { command = ["sleep", "1000"], timeout = "200ms" }
[services.slow.process]
command = ["sleep", "1000"]
[services.plain.process]
command = ["sleep", "1000"]
"#;

fn up() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", FILE);
    sandbox.gantry(["up", "-d"]).expect(0);
    for which in ["signalled.1", "signalled.2"] {
        let path = sandbox.path("stack").join(format!("up.{which}"));
        wait_until(PATIENCE, "it listens", || path.exists(), |there| *there);
    }
    sandbox
}

#[test]
fn a_signal_goes_to_every_copy_once() {
    let sandbox = up();
    let before = pids(&sandbox.status());
    let report = sandbox.gantry(["reload", "signalled", "-o", "json"]);
    let report = report.expect(0).json();
    let told: Vec<&Value> = report["instances"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(told, ["signalled.1", "signalled.2"], "{report:#}");
    assert_eq!(report["instances"][0]["how"], "SIGHUP");
    assert_eq!(report["instances"][0]["error"], Value::Null);
    let hups = || fs::read_to_string(sandbox.path("stack/hups")).unwrap_or_default();
    wait_until(PATIENCE, "both heard it", hups, |text| {
        text.lines().count() >= 2
    });
    let mut heard: Vec<String> = hups().lines().map(str::to_owned).collect();
    heard.sort();
    assert_eq!(heard, ["signalled.1", "signalled.2"]);
    assert_eq!(pids(&sandbox.status()), before, "nothing was restarted");
    let events = sandbox
        .gantry(["events", "-o", "json"])
        .expect(0)
        .stdout
        .clone();
    let reloads = events
        .lines()
        .filter(|line| line.contains(r#""kind":"reload""#));
    assert_eq!(reloads.count(), 2, "{events}");
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn a_command_tells_what_is_wrong_and_probes_are_asked_at_once() {
    let sandbox = up();
    let failed = sandbox.gantry(["reload", "commanded"]);
    let said = "not reloaded by sh: failed with exit code 4: line 7 is wrong";
    assert!(failed.expect(1).stdout.contains(said), "{failed:?}");
    let slow = sandbox.gantry(["reload", "slow", "-o", "json"]);
    let error = &slow.expect(1).json()["instances"][0]["error"];
    assert_eq!(*error, json!("did not end within 200ms"));

    sandbox.write("good", "");
    let done = sandbox.gantry(["reload", "commanded"]);
    assert!(done.expect(0).stdout.contains("reloaded by sh"), "{done:?}");
    let unready = |status: &Value| service(status, "commanded")["ready"] == false;
    wait_until(PATIENCE, "its probe says so", || sandbox.status(), unready);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn what_cannot_be_told_is_refused_before_anyone_is() {
    let sandbox = up();
    let plain = sandbox.gantry(["reload", "signalled", "plain"]);
    assert!(
        plain
            .expect(1)
            .stderr
            .contains("service plain has no `reload`"),
        "{plain:?}"
    );
    assert!(
        plain.stderr.contains("reload = { signal = \"HUP\" }"),
        "{plain:?}"
    );
    let unknown = sandbox.gantry(["reload", "sow"]);
    assert!(unknown.expect(2).stderr.contains("slow"), "{unknown:?}");
    sandbox.gantry(["stop", "slow"]).expect(0);
    let stopped = sandbox.gantry(["reload", "slow"]);
    assert!(
        stopped
            .expect(1)
            .stderr
            .contains("service slow does not run"),
        "{stopped:?}"
    );
    assert!(!sandbox.path("stack/hups").exists());

    // A `reload` that is new in the file needs no restart.
    let before = pids(&sandbox.status());
    let new = FILE.replace(
        "[services.plain.process]",
        "[services.plain]\nreload = \"URG\"\n[services.plain.process]",
    );
    sandbox.write("gantry.toml", &new);
    let changes = sandbox
        .gantry(["plan", "plain", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(changes["steps"], json!([]), "{changes:#}");
    sandbox.gantry(["up", "-d", "plain"]).expect(0);
    assert_eq!(pids(&sandbox.status()), before);
    sandbox.gantry(["reload", "plain"]).expect(0);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
    sandbox.gantry(["reload"]).expect(5);
}
