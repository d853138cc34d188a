//! A stack as the first release left it when the machine went down, kept as files: every later release
//! reads them and goes on.
//!
//! `db` had ended meanwhile, as the guard wrote down; `bad` had failed for good; `api` had a port.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use gantry_test::{Sandbox, wait_until};

use crate::support::{PATIENCE, address, service, services};

/// Copy a folder and what is below it, with the sandbox's paths in place of those that were.
fn copy(sandbox: &Sandbox, stack: &str, from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(sandbox, stack, &entry.path(), &to);
            continue;
        }
        let bytes = fs::read(entry.path()).expect("a file");
        let bytes = match String::from_utf8(bytes) {
            Ok(text) => text
                .replace("@SANDBOX@", &sandbox.path("").to_string_lossy())
                .replace("@STACK@", stack)
                .replace("//", "/")
                .into_bytes(),
            Err(error) => error.into_bytes(),
        };
        fs::write(to, bytes).expect("a file");
    }
}

/// A sandbox with the old stack in it, and the stack's folder.
fn oldest() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/oldest");
    let file = fs::read_to_string(samples.join("gantry.toml")).expect("a stack file");
    sandbox.write("gantry.toml", &file);
    // The folder's name has a hash of the stack file's path in it.
    sandbox.gantry(["up", "-d"]).expect(1);
    sandbox.gantry(["down"]).expect(0);
    let stacks = sandbox.home().join("stacks");
    let folder = fs::read_dir(&stacks).expect("stacks").flatten().next();
    let folder = folder.expect("a stack").path();
    fs::remove_dir_all(&folder).expect("its folder goes");
    let name = folder.file_name().expect("a name").to_string_lossy();
    copy(&sandbox, &name, &samples.join("stack"), &folder);
    let ports = fs::read_to_string(samples.join("ports.json")).expect("ports");
    let ports = ports
        .replace("@SANDBOX@", &sandbox.path("").to_string_lossy())
        .replace("@STACK@", &name)
        .replace("//", "/");
    fs::write(sandbox.home().join("ports.json"), ports).expect("ports");
    // As whoever is killed leaves it: nobody listens.
    drop(UnixListener::bind(folder.join("guard.sock")).expect("a socket"));
    (sandbox, folder)
}

#[test]
fn the_oldest_stack_is_taken_over() {
    let (sandbox, folder) = oldest();
    let status = sandbox.gantry(["status"]);
    status.expect(0);
    assert!(
        status.stderr.contains("nobody took it down"),
        "{}",
        status.stderr
    );
    sandbox.gantry(["up", "-d", "api"]).expect(0);
    let status = sandbox.status();
    assert_eq!(services(&status).len(), 3);
    for name in ["api", "db"] {
        assert_eq!(service(&status, name)["state"], "running", "{status:#}");
    }
    let bad = service(&status, "bad");
    assert_eq!(bad["state"], "failed", "{status:#}");
    assert_eq!(bad["message"], "ended with exit code 3", "{status:#}");
    assert_eq!(address(&status, "api"), "127.0.0.1:31831");
    let run = folder.join("services/api/1/run.json");
    wait_until(
        PATIENCE,
        "the second generation",
        || fs::read_to_string(&run).expect("run.json"),
        |run| run.contains("\"generation\": 2"),
    );

    let events = sandbox.gantry(["events"]).expect(0).stdout.clone();
    for (event, count) in [
        ("supervisor begun", 2),
        ("waiting  waits for db", 2),
        ("db        unknown -> backoff  ended with exit code 7", 1),
        ("bad       unknown -> failed  ended with exit code 3", 1),
        (
            "api       unknown -> backoff  ended, exit unknown: the machine was started anew",
            1,
        ),
    ] {
        assert_eq!(events.matches(event).count(), count, "{event}:\n{events}");
    }
    let logs = sandbox.gantry(["logs"]).expect(0).stdout.clone();
    assert_eq!(logs.matches("listening on 31831").count(), 2, "{logs}");
    assert_eq!(logs.matches("bad | broken").count(), 1, "{logs}");
    // Everything was understood.
    for log in ["guard.log", "supervisor.log"] {
        let log = fs::read_to_string(folder.join(log)).expect("a log");
        assert!(
            !log.contains("ERROR") && !log.contains("unreadable"),
            "{log}"
        );
    }
    let aside = ["plan.json.broken", "keepers/1/ledger.unreadable"];
    assert!(!aside.iter().any(|file| folder.join(file).exists()));
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}
