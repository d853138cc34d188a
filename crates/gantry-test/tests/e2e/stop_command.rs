//! `stop = { command = … }`: it asks in place of the signal, and the tree goes in time whatever it does.

use std::fs;
use std::time::{Duration, Instant};

use gantry_test::{Process, Sandbox, wait_until};

use crate::support::{PATIENCE, address, pids};

/// A service that ends when it finds a file, says which signals came, and takes a child along.
fn file(stop: &str) -> String {
    format!(
        r#"name = "asked"
[services.one]
env = {{ WHERE = "{{{{ stack.dir }}}}" }}
ports = {{ main = 0 }}
stop = {stop}
readiness = {{ file = "ready" }}
[services.one.process]
shell = """
trap 'echo TERM >> signals' TERM
sleep 1000 &
touch ready
until [ -e please ]; do sleep 0.02; done
"""
"#
    )
}

fn text(sandbox: &Sandbox, name: &str) -> String {
    fs::read_to_string(sandbox.path("stack").join(name)).unwrap_or_default()
}

/// The notes about a service, oldest first.
fn notes(sandbox: &Sandbox) -> Vec<String> {
    let events = sandbox.gantry(["events", "-o", "json"]);
    let lines = events.expect(0).stdout.lines();
    let events = lines.map(|line| serde_json::from_str(line).expect("an event a line"));
    events
        .filter(|event: &serde_json::Value| event["kind"] == "note")
        .map(|event| event["message"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn it_asks_in_place_of_the_signal() {
    let sandbox = Sandbox::new();
    let stop = r#"{ command = ["sh", "-c", "echo $$GANTRY_PID $$WHERE $$0 > asked; touch please; sleep 0.2; touch put-away", "{{ ports.main }}"], grace = "5s" }"#;
    sandbox.write("gantry.toml", &file(stop));
    sandbox.gantry(["up", "-d"]).expect(0);
    let status = sandbox.status();
    let pid = pids(&status)[0].1;
    let address = address(&status, "one");
    let port = address.rsplit(':').next().expect("a port");
    sandbox.gantry(["stop", "one"]).expect(0);
    let dir = sandbox.path("stack");
    assert_eq!(
        text(&sandbox, "asked"),
        format!("{pid} {} {port}\n", dir.display())
    );
    assert_eq!(text(&sandbox, "signals"), "");
    // The stop is over when the command is.
    assert!(dir.join("put-away").exists());
    assert_eq!(notes(&sandbox), [""; 0]);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn a_failing_one_is_said_and_the_signal_follows() {
    let sandbox = Sandbox::new();
    let stop = r#"{ command = ["sh", "-c", "echo no such lock >&2; exit 3"], grace = "700ms" }"#;
    sandbox.write("gantry.toml", &file(stop));
    sandbox.gantry(["up", "-d"]).expect(0);
    let begun = Instant::now();
    let stopped = sandbox.gantry(["stop", "one"]);
    let took = begun.elapsed();
    let said = "its stop command failed with exit code 3: no such lock; SIGTERM follows";
    assert!(
        stopped.expect(0).stderr.contains(said),
        "{}",
        stopped.stderr
    );
    assert_eq!(notes(&sandbox), [said]);
    assert_eq!(text(&sandbox, "signals"), "TERM\n");
    // It does not heed the signal: then it is killed, when the grace of the command is over.
    assert!(took >= Duration::from_millis(700), "{took:?}");
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn a_hanging_one_does_not_keep_the_tree_alive() {
    let sandbox = Sandbox::new();
    let stop = r#"{ command = ["sleep", "1000"], grace = "400ms" }"#;
    sandbox.write("gantry.toml", &file(stop));
    sandbox.gantry(["up", "-d"]).expect(0);
    let stopped = sandbox.gantry(["down"]);
    let said = "its stop command did not end within 400ms";
    assert!(
        stopped.expect(0).stderr.contains(said),
        "{}",
        stopped.stderr
    );
    assert_eq!(text(&sandbox, "signals"), "");
    sandbox.expect_nothing_left();
}

#[test]
fn a_supervisor_that_dies_meanwhile_keeps_nothing_alive() {
    let sandbox = Sandbox::new();
    let stop = r#"{ command = ["sh", "-c", "echo run >> asked; exec sleep 1000"], grace = "2s" }"#;
    sandbox.write("gantry.toml", &file(stop));
    sandbox.gantry(["up", "-d"]).expect(0);
    let begun = Instant::now();
    let stop = sandbox.spawn(["stop", "one"]);
    wait_until(
        PATIENCE,
        "it is asked",
        || text(&sandbox, "asked"),
        |it| !it.is_empty(),
    );
    let all = sandbox.processes();
    let supervisor = all.iter().find(|it| it.command.contains("__supervisor"));
    supervisor.map(Process::kill).expect("a supervisor");
    let gone =
        |processes: &Vec<Process>| !processes.iter().any(|it| it.command.contains("sleep 1000"));
    wait_until(PATIENCE, "all is gone", || sandbox.processes(), gone);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(2), "{took:?}");
    // The command is not run a second time.
    assert_eq!(text(&sandbox, "asked"), "run\n");
    drop(stop.wait_with_output());
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}
