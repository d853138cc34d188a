//! Somebody removes `$GANTRY_HOME` while stacks run.

use std::fs;

use gantry_test::{Process, Run, Sandbox, wait_until};

use crate::support::{PATIENCE, pids, sleepers};

fn sleepers_of(sandbox: &Sandbox) -> usize {
    let all = sandbox.processes();
    let sleeps = |one: &&Process| one.command.starts_with("sleep ");
    all.iter().filter(sleeps).count()
}

fn supervisors_of(sandbox: &Sandbox) -> usize {
    let all = sandbox.processes();
    let supervise = |one: &&Process| one.command.contains(" __supervisor");
    all.iter().filter(supervise).count()
}

#[test]
fn nothing_is_started_twice() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(3));
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    fs::remove_dir_all(sandbox.home()).expect("the home goes");

    sandbox.gantry(["up", "-d"]).expect(0);
    assert_eq!(pids(&sandbox.status()), before, "the same processes");
    assert_eq!(sleepers_of(&sandbox), 3);
    assert_eq!(supervisors_of(&sandbox), 1, "the old supervisor has ended");
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn a_home_that_was_moved_away_starts_nothing_twice() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(2));
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    fs::rename(sandbox.home(), sandbox.path("moved")).expect("the home moves");

    sandbox.gantry(["up", "-d"]).expect(0);
    assert_eq!(pids(&sandbox.status()), before, "the same processes");
    assert_eq!(sleepers_of(&sandbox), 2);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn it_is_made_again_and_what_runs_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(2));
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    fs::remove_dir_all(sandbox.home()).expect("the home goes");

    let status = wait_until(
        PATIENCE,
        "the guard sees it",
        || sandbox.status(),
        |status| status.get("strays").is_some(),
    );
    assert_eq!(status["strays"], serde_json::json!(["s01.1", "s02.1"]));
    sandbox.gantry(["up", "-d"]).expect(0);
    assert_eq!(pids(&sandbox.status()), before, "the same processes");

    fs::remove_dir_all(sandbox.home()).expect("the home goes");
    wait_until(
        PATIENCE,
        "the guard sees it",
        || sandbox.status(),
        |status| status.get("strays").is_some(),
    );
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn further_pairs_let_go_too() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(5));
    let up = || {
        let mut command = sandbox.command(["up", "-d"]);
        Run::from(gantry_test::output(
            command.env("GANTRY_PAIR_CAPACITY", "2"),
        ))
    };
    up().expect(0);
    let before = pids(&sandbox.status());
    fs::remove_dir_all(sandbox.home()).expect("the home goes");

    up().expect(0);
    assert_eq!(pids(&sandbox.status()), before, "the same processes");
    assert_eq!(sleepers_of(&sandbox), 5);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}
