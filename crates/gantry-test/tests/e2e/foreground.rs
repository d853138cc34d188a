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
