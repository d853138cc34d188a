//! Commands in containers that someone watches.

use std::io::Write as _;
use std::process::Stdio;

use gantry_test::{Engine, Sandbox, wait_until};

use crate::support::PATIENCE;

/// A service that does nothing, and its engine.
fn up(engine: &Engine) -> Sandbox {
    let sandbox = Sandbox::new();
    let file = format!(
        "name = \"inside\"\n[services.api]\nstop = {{ grace = \"0s\" }}\n[services.api.container]\n\
         image = \"{}\"\nengine = \"{}\"\npull = \"never\"\ncommand = [\"sleep\", \"1000\"]\n\
         [services.native.process]\ncommand = [\"sleep\", \"1000\"]\n",
        engine.image(),
        engine.address()
    );
    sandbox.write("gantry.toml", &file);
    sandbox.gantry(["up", "-d"]).expect(0);
    sandbox
}

/// How many processes of the container have this in their command.
fn inside(sandbox: &Sandbox, words: &str) -> usize {
    let listed = sandbox.gantry(["exec", "api", "--", "ps", "-o", "args"]);
    let lines = listed.expect(0).stdout.lines();
    lines.filter(|line| line.contains(words)).count()
}

fn a_command_is_run_inside(engine: &Engine) {
    let sandbox = up(engine);
    let words = ["exec", "api", "-e", "WORD=seven", "--", "sh", "-c"];
    let script = "cat; echo $WORD; echo wrong >&2; exit 7";
    let mut command = sandbox.command(words.iter().chain(&[script]));
    command.stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("gantry");
    let mut typed = child.stdin.take().expect("a pipe");
    typed.write_all(b"typed\n").expect("it reads");
    drop(typed);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "typed\nseven\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "wrong\n");

    // Nobody looks on any more: it is ended, with its children.
    let mut child = sandbox.spawn(["exec", "api", "--", "sh", "-c", "sleep 777; true"]);
    let runs = || inside(&sandbox, "sleep 777");
    wait_until(PATIENCE, "it runs", runs, |count| *count > 0);
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    wait_until(PATIENCE, "it has ended", runs, |count| *count == 0);

    let refused = sandbox.gantry(["exec", "native", "--", "true"]);
    let said = &refused.expect(1).stderr;
    assert!(
        said.contains("no command can be run in service native: its mode process has no way"),
        "{said}"
    );
    sandbox.gantry(["down"]).expect(0);
}

/// A probe that does not end in its time is ended with all that it started.
fn a_probe_that_hangs_leaves_nothing_behind(engine: &Engine) {
    let sandbox = Sandbox::new();
    let file = format!(
        r#"
name = "hangs"
[services.api]
stop = {{ grace = "0s" }}
readiness = {{ command = ["sh", "-c", "sleep 778; true"], interval = "200ms", timeout = "300ms" }}
[services.api.container]
image = "{}"
engine = "{}"
pull = "never"
command = ["sleep", "1000"]
"#,
        engine.image(),
        engine.address()
    );
    sandbox.write("gantry.toml", &file);
    sandbox.gantry(["up", "-d", "--timeout", "3s"]).expect(4);
    let count = inside(&sandbox, "sleep 778");
    assert!(count <= 2, "the one that runs now, and its shell: {count}");
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn on_docker_a_command_is_run_inside() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("commands inside", "a Docker engine");
    };
    a_command_is_run_inside(&engine);
    a_probe_that_hangs_leaves_nothing_behind(&engine);
}

#[test]
fn on_podman_a_command_is_run_inside() {
    let Some(engine) = Engine::podman() else {
        return gantry_test::skip("commands inside", "a Podman engine");
    };
    a_command_is_run_inside(&engine);
    a_probe_that_hangs_leaves_nothing_behind(&engine);
}
