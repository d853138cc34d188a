//! gantry's own processes at the limit of processes of its user.

use std::process::Command;
use std::time::{Duration, Instant};

use gantry_test::{Process, Run, Sandbox, User, skip, wait_until};
use rustix::process::{Resource, getrlimit};

use crate::support::{PATIENCE, pids, sleepers};

/// Longer than a guard hopes.
const HOPELESS: Duration = Duration::from_secs(15);

/// `gantry` that may not have more processes than that, together with all of its user's.
fn limited(sandbox: &Sandbox, most: u32, words: &[&str]) -> Run {
    let inner = sandbox.command(words);
    let mut command = Command::new("prlimit");
    command.arg(format!("--nproc={most}:{most}"));
    command.arg(inner.get_program()).args(inner.get_args());
    command.envs(
        inner
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command.current_dir(inner.get_current_dir().expect("a folder"));
    gantry_test::output(&mut command).into()
}

/// Bring it up with a pair of guard and keeper for each service.
fn up_in_pairs(sandbox: &Sandbox) {
    let mut up = sandbox.command(["up", "-d"]);
    let up = gantry_test::output(up.env("GANTRY_PAIR_CAPACITY", "1"));
    Run::from(up).expect(0);
}

/// Set the limit of a process, below the hard one; none takes it back. Done by its user, since root
/// need not be allowed to.
fn limit(sandbox: &Sandbox, process: &Process, most: Option<u64>) {
    let most = most.or(getrlimit(Resource::Nproc).maximum);
    let most = most.map_or("unlimited".to_owned(), |most| most.to_string());
    let mut command = sandbox.as_user("prlimit");
    command.arg(format!("--nproc={most}:"));
    command.arg(format!("--pid={}", process.pid));
    assert!(command.status().expect("prlimit runs").success());
}

fn sandbox(test: &str, number: u32) -> Option<Sandbox> {
    if !rustix::process::geteuid().is_root() {
        skip(test, "root");
        return None;
    }
    Some(Sandbox::of(User::Alone(number)))
}

fn with(sandbox: &Sandbox, word: &str) -> Vec<Process> {
    let mut all = sandbox.processes();
    all.retain(|process| process.command.contains(word));
    all
}

/// Kill the supervisor of a stack, none of whose parts may start another.
fn take_supervisor(sandbox: &Sandbox) {
    for process in with(sandbox, "__guard") {
        limit(sandbox, &process, Some(0));
    }
    for process in with(sandbox, "__supervisor") {
        process.kill();
        wait_until(
            PATIENCE,
            "the supervisor dies",
            || process.is_alive(),
            |alive| !alive,
        );
    }
}

const WHY: &str =
    "the limit of processes of the user (`ulimit -u`) or of gantry's control group is reached";

#[test]
fn a_guard_that_never_gets_its_parts_gives_up_and_says_why() {
    let name = "a_guard_that_never_gets_its_parts_gives_up_and_says_why";
    let Some(sandbox) = sandbox(name, 64_101) else {
        return;
    };
    sandbox.write("gantry.toml", &sleepers(1));
    // The client and the guard, then a keeper too: what comes next is refused.
    for (most, what) in [(2, "the keeper"), (3, "cannot start the supervisor")] {
        let begun = Instant::now();
        let up = limited(&sandbox, most, &["up", "-d"]);
        up.expect(1);
        assert!(up.stderr.contains(what), "{}", up.stderr);
        assert!(up.stderr.contains(WHY), "{}", up.stderr);
        assert!(begun.elapsed() < HOPELESS, "{:?}", begun.elapsed());
        sandbox.expect_nothing_left();
    }
    sandbox.gantry(["up", "-d"]).expect(0);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn services_outlive_a_supervisor_that_cannot_be_started() {
    let name = "services_outlive_a_supervisor_that_cannot_be_started";
    let Some(sandbox) = sandbox(name, 64_102) else {
        return;
    };
    sandbox.write("gantry.toml", &sleepers(2));
    up_in_pairs(&sandbox);
    let before = pids(&sandbox.status());
    take_supervisor(&sandbox);
    for verb in ["status", "down"] {
        let run = sandbox.gantry([verb]);
        run.expect(5);
        assert!(run.stderr.contains(WHY), "{}", run.stderr);
    }
    let down = sandbox.gantry(["down"]);
    assert!(
        down.stderr.starts_with(
            "error: 2 services still run, s01.1 among them, and no supervisor can take them down\n"
        ),
        "{}",
        down.stderr
    );
    // Longer than hope lasts where nothing runs.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(with(&sandbox, "sleep 1000").len(), 2);
    for process in with(&sandbox, "__guard") {
        limit(&sandbox, &process, None);
    }
    let status = wait_until(
        PATIENCE,
        "a supervisor again",
        || sandbox.gantry(["status", "-o", "json"]),
        |status| status.code == 0,
    );
    assert_eq!(pids(&status.json()), before);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn down_ends_a_guard_that_has_nothing_and_no_supervisor() {
    let name = "down_ends_a_guard_that_has_nothing_and_no_supervisor";
    let Some(sandbox) = sandbox(name, 64_103) else {
        return;
    };
    sandbox.write(
        "gantry.toml",
        "name = \"two\"\n[services.a]\nrestart = { policy = \"never\" }\n\
         [services.a.process]\ncommand = [\"sleep\", \"1000\"]\n\
         [services.b]\nrestart = { policy = \"never\" }\n\
         [services.b.process]\ncommand = [\"sleep\", \"1000\"]\n",
    );
    up_in_pairs(&sandbox);
    take_supervisor(&sandbox);
    for service in with(&sandbox, "sleep 1000") {
        service.kill();
        wait_until(PATIENCE, "it dies", || service.is_alive(), |alive| !alive);
    }
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
    let json = sandbox.status();
    assert_eq!(pids(&json), []);
}
