//! What the machine may do to a stack: each is said clearly, and nothing is lost.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use gantry_test::{Process, Sandbox, User, skip, wait_until};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{PATIENCE, kill_parts, pids, restarts, service, sleepers};

fn message(status: &Value, name: &str) -> String {
    service(status, name)["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn find(pid: &Value) -> Process {
    let pid = pid.as_i64().and_then(|pid| i32::try_from(pid).ok());
    Process::find(pid.expect("a pid")).expect("it runs")
}

fn plan_file(sandbox: &Sandbox) -> PathBuf {
    let stacks = fs::read_dir(sandbox.home().join("stacks")).expect("stacks");
    let folder = stacks.flatten().next().expect("a stack").path();
    folder.join("plan.json")
}

/// Damage the plan, and let a new supervisor begin with it.
fn lose_plan(sandbox: &Sandbox) {
    let supervisor = find(&sandbox.status()["supervisor"]["pid"]);
    fs::write(plan_file(sandbox), "{ \"format\": 1, \"sta").expect("the plan is written");
    supervisor.kill();
    wait_until(
        PATIENCE,
        "the supervisor dies",
        || supervisor.is_alive(),
        |alive| !alive,
    );
}

#[test]
fn a_lost_plan_loses_no_service() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(3));
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());

    lose_plan(&sandbox);
    let status = sandbox.status();
    assert_eq!(
        status["strays"],
        serde_json::json!(["s01.1", "s02.1", "s03.1"])
    );
    let table = sandbox.gantry(["status"]).expect(0).stdout.clone();
    assert!(
        table.contains("s01.1, s02.1 and s03.1 still run"),
        "{table}"
    );
    let aside = plan_file(&sandbox).with_extension("json.broken");
    assert!(aside.exists(), "the damaged plan is set aside");

    // One has left the file meanwhile: it must not run on.
    sandbox.write("gantry.toml", &sleepers(2));
    sandbox.gantry(["up", "-d"]).expect(0);
    let status = sandbox.status();
    assert_eq!(pids(&status), before[..2], "the same processes");
    assert_eq!(status.get("strays"), None);
    let third = i32::try_from(before[2].1).expect("a pid");
    wait_until(
        PATIENCE,
        "what left the file ends",
        || Process::find(third),
        Option::is_none,
    );

    lose_plan(&sandbox);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn a_stranger_with_a_number_that_is_written_down_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(1));
    sandbox.gantry(["up", "-d"]).expect(0);
    let status = sandbox.status();
    let mut stranger = Command::new("sleep").arg("1000").spawn().expect("sleep");
    let folder = plan_file(&sandbox).with_file_name("");
    let record = folder.join("services/s01/1/run.json");
    wait_until(PATIENCE, "it is written", || record.exists(), |is| *is);
    kill_parts(&sandbox);
    let service = pids(&status)[0].1;
    // While they were being killed, another one may have begun.
    let last = fs::read_to_string(folder.join("supervisor.json")).expect("a file");
    let last: Value = serde_json::from_str(&last).expect("what a supervisor wrote");
    let supervisor = last["pid"].as_u64().expect("a pid");
    for (file, pid) in [
        (folder.join("supervisor.json"), supervisor),
        (folder.join("starts"), service),
        (record, service),
    ] {
        let text = fs::read_to_string(&file).expect("a file");
        let forged = text.replace(&pid.to_string(), &stranger.id().to_string());
        assert_ne!(forged, text, "{}", file.display());
        fs::write(&file, forged).expect("the file");
    }
    // With nobody there, and then with a new supervisor.
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
    sandbox.gantry(["up", "-d"]).expect(0);
    sandbox.gantry(["restart", "s01"]).expect(0);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
    assert!(stranger.try_wait().expect("it is ours").is_none());
    stranger.kill().expect("it is ours");
    stranger.wait().expect("it is ours");
}

#[test]
fn a_deleted_working_folder_is_named() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("work/here", "");
    let folder = file.parent().expect("a folder");
    sandbox.write(
        "gantry.toml",
        "name = \"one\"\n[services.only]\nrestart = { policy = \"always\", backoff = \"10ms..20ms\" }\n\
         [services.only.process]\ncommand = [\"sleep\", \"1000\"]\nfolder = \"work\"\n",
    );
    sandbox.gantry(["up", "-d"]).expect(0);
    fs::remove_dir_all(folder).expect("the folder goes");
    find(&service(&sandbox.status(), "only")["pid"]).kill();
    let status = wait_until(
        PATIENCE,
        "the restart fails",
        || sandbox.status(),
        |status| service(status, "only")["state"] == "failed",
    );
    let message = message(&status, "only");
    assert!(message.contains("cannot change to folder"), "{message}");
    assert!(message.contains("/work"), "{message}");

    fs::create_dir(folder).expect("the folder is back");
    sandbox.gantry(["start", "only"]).expect(0);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn the_stacks_folder_may_go_while_it_runs() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("gantry.toml", &sleepers(1));
    sandbox.gantry(["up", "-d"]).expect(0);
    let text = fs::read_to_string(&file).expect("the stack file");
    fs::remove_file(&file).expect("the stack file goes");
    let list = sandbox.gantry(["ls"]).expect(0).stdout.clone();
    assert!(list.contains("sleepers"), "{list}");
    // Named, it is found although it is not there; in its folder, too.
    let name = file.to_string_lossy().into_owned();
    sandbox.gantry(["-f", &name, "status"]).expect(0);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
    sandbox.gantry(["status"]).expect(2);
    fs::write(&file, text).expect("the stack file is back");
    sandbox.gantry(["status"]).expect(0);
}

#[test]
fn a_machine_that_slept_finds_everything_as_it_was() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = \"slept\"\n[services.web]\nports = { http = 0 }\n\
         readiness = { tcp = \"http\", interval = \"50ms\", timeout = \"200ms\", failures = 2 }\n\
         liveness = { tcp = \"http\", interval = \"50ms\", timeout = \"200ms\", failures = 2 }\n\
         [services.web.process]\n\
         command = [\"python3\", \"-m\", \"http.server\", \"--bind\", \"127.0.0.1\", \"{{ ports.http }}\"]\n",
    );
    if Command::new("python3").arg("--version").output().is_err() {
        skip("a_machine_that_slept_finds_everything_as_it_was", "python3");
        return;
    }
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    // As the kernel does it when the machine is suspended: everybody halts, in any order, and goes on.
    let everybody = sandbox.processes();
    assert!(everybody.len() >= 4, "{everybody:?}");
    for process in &everybody {
        process.signal(Signal::STOP);
    }
    std::thread::sleep(Duration::from_secs(2));
    for process in everybody.iter().rev() {
        process.signal(Signal::CONT);
    }
    // Several rounds of probes.
    std::thread::sleep(Duration::from_millis(500));
    let status = sandbox.status();
    assert_eq!(pids(&status), before, "{status:#}");
    assert_eq!(restarts(&status), 0, "{status:#}");
    wait_until(
        PATIENCE,
        "it is ready",
        || sandbox.status(),
        |status| service(status, "web")["ready"] == true,
    );
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn the_limit_of_descriptors_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(60));
    let limit = "--nofile=90:90";
    // By itself gantry takes as many pairs of guard and keeper as the limit makes necessary.
    limited(&sandbox, limit, None, &["up", "-d"]).expect(0);
    sandbox.gantry(["down"]).expect(0);
    let up = limited(&sandbox, limit, Some("1000"), &["up", "-d"]);
    up.expect(1);
    assert!(up.stderr.contains("`ulimit -n`"), "{}", up.stderr);
    // What could be started runs, and can be asked and stopped.
    let status = sandbox.status();
    let running = pids(&status).len();
    assert!((1..60).contains(&running), "{running} run");
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn the_limit_of_processes_is_named() {
    if !rustix::process::geteuid().is_root() {
        skip("the_limit_of_processes_is_named", "root");
        return;
    }
    let sandbox = Sandbox::of(User::Ordinary);
    sandbox.write(
        "gantry.toml",
        "name = \"tree\"\n[services.limited]\nrestart = { policy = \"never\" }\n\
         [services.limited.process]\n\
         command = [\"prlimit\", \"--nproc=0\", \"sh\", \"-c\", \"sleep 1000 & wait\"]\n",
    );
    // The service's own limit: it is told what the service printed.
    let up = sandbox.gantry(["up", "-d"]);
    assert_ne!(up.code, 0, "{}", up.stderr);
    assert!(
        up.stderr.to_lowercase().contains("fork"),
        "what it printed is told: {}",
        up.stderr
    );
    sandbox.gantry(["down"]);
    sandbox.expect_nothing_left();
}

/// `gantry` under a resource limit, where so many instances come to one pair of guard and keeper.
fn limited(
    sandbox: &Sandbox,
    limit: &str,
    capacity: Option<&str>,
    words: &[&str],
) -> gantry_test::Run {
    let inner = sandbox.command(words);
    let mut command = Command::new("prlimit");
    command.arg(limit).arg(inner.get_program());
    command.args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(capacity) = capacity {
        command.env("GANTRY_PAIR_CAPACITY", capacity);
    }
    command.current_dir(inner.get_current_dir().expect("a folder"));
    gantry_test::output(&mut command).into()
}
