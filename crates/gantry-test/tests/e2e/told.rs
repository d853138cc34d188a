//! Services that say themselves how they are doing: by a line on a descriptor, or by messages.

use std::path::Path;
use std::time::Duration;

use gantry_test::{Process, Sandbox, User, skip, wait_until};
use serde_json::Value;

use crate::support::{PATIENCE, pids, restarts, service, wait_until_ready};

/// The service whose every step can be seen, in the sandbox, where every user reaches it.
fn speaker(sandbox: &Sandbox) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_gantry-test-service"));
    let copy = sandbox.path("bin/speaker");
    std::fs::copy(program, &copy).expect("a copy of the test's service");
    copy.to_string_lossy().into_owned()
}

/// The keeper: the guard's child that was forked from it, and so has its command line.
fn keeper(sandbox: &Sandbox) -> Process {
    let supervisor = supervisor(&sandbox.status());
    let guard = Process::find(supervisor.parent).expect("a guard");
    let all = sandbox.processes();
    let mut ours = all
        .into_iter()
        .filter(|process| process.parent == guard.pid && process.command == guard.command);
    ours.next().expect("a keeper")
}

fn kill(process: &Process) {
    process.kill();
    wait_until(PATIENCE, "it dies", || process.is_alive(), |alive| !alive);
}

fn supervisor(status: &Value) -> Process {
    let pid = status["supervisor"]["pid"].as_i64().expect("a supervisor");
    Process::find(i32::try_from(pid).expect("a pid")).expect("the supervisor runs")
}

fn round(user: User) {
    let sandbox = Sandbox::of(user);
    let speaker = speaker(&sandbox);
    sandbox.write(
        "gantry.toml",
        &format!(
            r#"
name = "told"
[services.line]
readiness = {{ fd = 3 }}
[services.line.process]
command = ["{speaker}", "line"]
[services.says]
readiness = {{ notify = true }}
depends-on = ["line"]
[services.says.process]
command = ["{speaker}", "say", "STATUS=loading", "READY=1", "STATUS=serves 7 clients"]
[services.last]
depends-on = ["says"]
[services.last.process]
command = ["sleep", "1000"]
"#
        ),
    );
    sandbox.gantry(["up", "-d"]).expect(0);
    let status = wait_until(
        PATIENCE,
        "its own words",
        || sandbox.status(),
        |status| service(status, "says")["message"] == "serves 7 clients",
    );
    assert_eq!(service(&status, "line")["ready"], true);
    let before = pids(&status);
    // Neither who decides nor who listens is needed to remember it.
    kill(&supervisor(&status));
    let status = wait_until_ready(&sandbox);
    assert_eq!(service(&status, "says")["message"], "serves 7 clients");
    kill(&keeper(&sandbox));
    kill(&supervisor(&sandbox.status()));
    let status = wait_until_ready(&sandbox);
    assert_eq!(service(&status, "says")["message"], "serves 7 clients");
    assert_eq!(pids(&status), before);
    assert_eq!(restarts(&status), 0);
    sandbox.gantry(["restart", "line"]).expect(0);
    wait_until_ready(&sandbox);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn what_is_told_is_remembered_by_everybody_elses_death() {
    round(User::Same);
}

#[test]
fn the_same_for_an_ordinary_user() {
    if rustix::process::geteuid().is_root() {
        round(User::Ordinary);
    } else {
        skip("the_same_for_an_ordinary_user", "root");
    }
}

#[test]
fn a_service_that_never_says_so_fails_with_what_was_awaited() {
    let sandbox = Sandbox::new();
    let speaker = speaker(&sandbox);
    sandbox.write(
        "gantry.toml",
        &format!(
            r#"
name = "mute"
[services.line]
start-timeout = "300ms"
readiness = {{ fd = 4 }}
process.command = ["sleep", "1000"]
[services.closed]
start-timeout = "300ms"
readiness = {{ fd = 4 }}
process.command = ["sh", "-c", "exec 4>&-; sleep 1000"]
[services.says]
start-timeout = "300ms"
readiness = {{ notify = true }}
process.command = ["{speaker}", "say", "STATUS=half way"]
"#
        ),
    );
    let run = sandbox.gantry(["up", "-d"]);
    run.expect(4);
    for said in [
        "it has not written a line to descriptor 4",
        "it closed descriptor 4 without having written a line to it",
        "it has not said READY=1; it says: half way",
    ] {
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn a_missed_watchdog_restarts_and_a_replaced_keeper_or_supervisor_does_not() {
    let sandbox = Sandbox::new();
    let speaker = speaker(&sandbox);
    let file = sandbox.write("alive", "");
    sandbox.write(
        "gantry.toml",
        &format!(
            r#"
name = "watched"
[services.one]
readiness = {{ notify = true }}
liveness = {{ notify = true, interval = "400ms" }}
restart = {{ policy = "on-failure", backoff = "1ms..1s" }}
process.command = ["{speaker}", "live", "20", "{}"]
"#,
            file.display()
        ),
    );
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    for _ in 0..3 {
        kill(&keeper(&sandbox));
        kill(&supervisor(&sandbox.status()));
        // Longer than the watchdog: whoever was accused would be known by now.
        std::thread::sleep(Duration::from_millis(500));
    }
    let status = wait_until_ready(&sandbox);
    let events = sandbox.gantry(["events"]).stdout;
    assert_eq!(pids(&status), before, "{events}");
    assert_eq!(restarts(&status), 0, "{events}");

    std::fs::remove_file(&file).expect("the file is there");
    let status = wait_until(
        PATIENCE,
        "a restart",
        || sandbox.status(),
        |status| restarts(status) >= 1,
    );
    assert_ne!(pids(&status), before);
    let events = sandbox.gantry(["events"]);
    assert!(
        events
            .stdout
            .contains("it did not say WATCHDOG=1 within 400ms"),
        "{}",
        events.stdout
    );
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn a_line_of_the_log_counts_from_its_own_start_on() {
    let sandbox = Sandbox::new();
    // The first start says so at once, each later one waits for a file.
    sandbox.write(
        "run.sh",
        "if test -e second; then while ! test -e go; do sleep 0.02; done; fi\n\
         touch second\necho listening on port 80\nwhile :; do echo noise; sleep 0.2; done\n",
    );
    sandbox.write(
        "gantry.toml",
        r#"
name = "logged"
[services.one]
readiness = { log = "^listening on port [0-9]+$$" }
logs = { max-size = "4KiB", keep = 1 }
process.command = ["sh", "run.sh"]
[services.two]
depends-on = ["one"]
process.command = ["sleep", "1000"]
"#,
    );
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    // The line is remembered, whether or not it is still in the log.
    kill(&supervisor(&sandbox.status()));
    let status = wait_until_ready(&sandbox);
    assert_eq!(pids(&status), before);
    let folder = sandbox.gantry(["logs", "one", "--raw"]).stdout;
    assert!(folder.contains("listening on port 80"), "{folder}");

    // The line of the first start does not make the second one ready.
    let restart = sandbox.spawn(["restart", "one"]);
    let status = wait_until(
        PATIENCE,
        "the second start",
        || sandbox.status(),
        |status| {
            let one = service(status, "one");
            // What is awaited is told a moment after the start.
            one["state"] == "starting" && pids(status) != before && one["message"] != ""
        },
    );
    assert_eq!(service(&status, "one")["ready"], false);
    assert_eq!(
        service(&status, "one")["message"],
        "no line of its output has matched `^listening on port [0-9]+$`"
    );
    sandbox.write("go", "");
    let output = restart.wait_with_output().expect("gantry ends");
    assert!(output.status.success(), "{output:?}");
    wait_until_ready(&sandbox);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

/// Programs that others wrote agree on how one speaks.
#[test]
fn others_speak_the_same_language() {
    let sandbox = Sandbox::new();
    let script = r#"
import os, socket, time
path = os.environ["NOTIFY_SOCKET"]
path = "\0" + path[1:] if path.startswith("@") else path
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
child = os.fork()
if child == 0:
    time.sleep(1000)
sock.sendto(f"READY=1\nSTATUS=from python\nMAINPID={child}\n".encode(), path)
print(child, flush=True)
"#;
    let has = |program: &str| {
        let found = std::process::Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output();
        found.is_ok_and(|output| output.status.success())
    };
    if !has("python3") {
        skip("others_speak_the_same_language", "python3");
        return;
    }
    sandbox.write("forks.py", script);
    let mut text = "name = \"others\"\n[services.forks]\nreadiness = { notify = true }\n\
                    process.command = [\"python3\", \"forks.py\"]\n"
        .to_owned();
    if has("systemd-notify") {
        text.push_str(
            "[services.shell]\nreadiness = { notify = true }\nprocess.command = [\"sh\", \"-c\", \
             \"systemd-notify --ready --status='from a shell'; exec sleep 1000\"]\n",
        );
    } else {
        skip("others_speak_the_same_language: a shell", "systemd-notify");
    }
    sandbox.write("gantry.toml", &text);
    sandbox.gantry(["up", "-d"]).expect(0);
    let status = wait_until_ready(&sandbox);
    assert_eq!(service(&status, "forks")["message"], "from python");
    if has("systemd-notify") {
        assert_eq!(service(&status, "shell")["message"], "from a shell");
    }
    // The first process has ended, as a daemon's does; the one that it named counts.
    let child = sandbox.gantry(["logs", "forks", "--raw"]).stdout;
    assert_eq!(
        service(&status, "forks")["pid"].to_string(),
        child.trim(),
        "{status:#}"
    );
    assert_eq!(restarts(&status), 0);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}
