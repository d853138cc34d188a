//! `gantry up` without `-d`: the stack lives as long as its terminal.

use std::time::{Duration, Instant};

use gantry_test::{Process, Run, Sandbox, wait_until};

use crate::support::{PATIENCE, all_ready, services};

/// How a terminal's Ctrl-C arrives.
fn interrupt(client: &Process) {
    let status = std::process::Command::new("kill")
        .args(["-INT", &client.pid.to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

fn client(child: &std::process::Child) -> Process {
    Process::find(i32::try_from(child.id()).expect("a pid")).expect("the client runs")
}

fn wait_until_up(sandbox: &Sandbox) {
    wait_until(
        PATIENCE,
        "the stack is up",
        || sandbox.status(),
        |status| !services(status).is_empty() && all_ready(status),
    );
}

#[test]
fn one_ctrl_c_takes_down_in_order() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        r#"
name = "fore"
[services.talker.process]
command = ["sh", "-c", "echo words from the service; exec sleep 1000"]
[services.second]
depends-on = ["talker"]
[services.second.process]
command = ["sleep", "1000"]
"#,
    );
    let output = sandbox.path("output");
    let file = std::fs::File::create(&output).expect("a file in the sandbox");
    let mut command = sandbox.command(["up"]);
    command
        .stdout(file.try_clone().expect("a second handle"))
        .stderr(file);
    let mut child = command.spawn().expect("gantry runs");
    let client = client(&child);
    let shown = || std::fs::read_to_string(&output).unwrap_or_default();
    let words = "words from the service";
    wait_until(PATIENCE, "the service's output is shown", shown, |text| {
        text.contains(words)
    });
    interrupt(&client);
    assert_eq!(
        child.wait().expect("gantry ends").code(),
        Some(130),
        "{}",
        shown()
    );
    sandbox.expect_nothing_left();
}

#[test]
fn two_ctrl_c_kill() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        r#"
name = "stubborn"
[services.mule]
stop = { signal = "TERM", grace = "60s" }
readiness = { file = "deaf" }
[services.mule.process]
command = ["sh", "-c", "trap '' TERM INT; touch deaf; while :; do sleep 1; done"]
"#,
    );
    let child = sandbox.spawn(["up"]);
    let client = client(&child);
    wait_until_up(&sandbox);
    interrupt(&client);
    wait_until(
        PATIENCE,
        "the service is being stopped",
        || sandbox.status(),
        |status| services(status)[0]["state"] == "stopping",
    );
    interrupt(&client);
    let begin = Instant::now();
    let run = Run::from(child.wait_with_output().expect("gantry ends"));
    run.expect(130);
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "killed at once: {:?}",
        begin.elapsed()
    );
    sandbox.expect_nothing_left();
}

#[test]
fn the_clients_death_takes_down() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = \"dies\"\n[services.a.process]\ncommand = [\"sleep\", \"1000\"]\n",
    );
    let mut child = sandbox.spawn(["up"]);
    wait_until_up(&sandbox);
    child.kill().expect("the client is ours");
    child.wait().expect("the client ends");
    wait_until(
        PATIENCE,
        "everything ends",
        || sandbox.processes(),
        Vec::is_empty,
    );
}

/// One that is not ready before the file `open` is there, and one that is at once.
const HALF_UP: &str = r#"
name = "half"
[services.slow]
readiness = { file = "open" }
[services.slow.process]
command = ["sleep", "1000"]
[services.quick.process]
command = ["sleep", "1000"]
"#;

fn wait_until_half_up(sandbox: &Sandbox) {
    wait_until(
        PATIENCE,
        "one starts, the other is ready",
        || sandbox.status(),
        |status| {
            let states = services(status).iter().map(|service| &service["state"]);
            states.eq(["starting", "running"])
        },
    );
}

#[test]
fn who_is_taken_down_by_another_while_it_starts_says_so_and_no_more() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", HALF_UP);
    let child = sandbox.spawn(["up"]);
    wait_until_half_up(&sandbox);
    sandbox.gantry(["down"]).expect(0);
    let run = Run::from(child.wait_with_output().expect("gantry ends"));
    run.expect(1);
    assert!(
        run.stderr
            .contains("slow and quick: stopped by another command"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stderr.matches("error:").count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains("up was cancelled"), "{}", run.stderr);
    sandbox.expect_nothing_left();
    let timeline = sandbox.gantry(["timeline"]);
    timeline.expect(0);
    assert!(
        timeline.stdout.contains("cancelled after"),
        "{}",
        timeline.stdout
    );
}

#[test]
fn what_another_stops_meanwhile_leaves_the_rest_of_a_terminals_stack() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", HALF_UP);
    let child = sandbox.spawn(["up"]);
    let client = client(&child);
    wait_until_half_up(&sandbox);
    sandbox.gantry(["stop", "slow"]).expect(0);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(services(&sandbox.status())[1]["state"], "running");
    sandbox.write("open", "");
    sandbox.gantry(["start", "slow"]).expect(0);
    interrupt(&client);
    let run = Run::from(child.wait_with_output().expect("gantry ends"));
    run.expect(130);
    assert!(
        run.stderr.contains("slow: stopped by another command"),
        "{}",
        run.stderr
    );
    sandbox.expect_nothing_left();
}
