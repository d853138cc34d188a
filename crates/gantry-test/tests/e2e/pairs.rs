//! More services than one guard and keeper are given: nobody sees that there are several.

use gantry_test::{Process, Run, Sandbox, wait_for, wait_until};

use crate::support::{PATIENCE, pids, restarts, services, sleepers};

/// Kill guard and keeper of the pair whose lock is so near its stack's folder, as if at one instant.
fn lose_pair(sandbox: &Sandbox, folder: &str) {
    let (guard, keeper) = wait_for(PATIENCE, "a guard with a keeper", || {
        let mut all = sandbox.processes();
        all.retain(|process| {
            let lock = process.open_file("guard.lock");
            lock.is_some_and(|lock| lock.parent().is_some_and(|at| at.ends_with(folder)))
        });
        let is_child = |one: &&Process| all.iter().any(|other| one.parent == other.pid);
        let keeper = all.iter().find(is_child)?;
        let guard = all.iter().find(|one| one.pid == keeper.parent)?;
        Some((guard.clone(), keeper.clone()))
    });
    // It is held, or it would take the guard's place.
    keeper.hold();
    guard.kill();
    keeper.kill();
    wait_until(
        PATIENCE,
        "both are gone",
        || guard.is_alive() || keeper.is_alive(),
        |alive| !alive,
    );
}

/// The folder of the one stack of this sandbox.
fn folder(sandbox: &Sandbox) -> String {
    let stacks = std::fs::read_dir(sandbox.home().join("stacks")).expect("a home");
    let mut names = stacks.flatten().filter(|entry| entry.path().is_dir());
    let stack = names.next().expect("a stack");
    stack.file_name().to_string_lossy().into_owned()
}

#[test]
fn services_of_all_pairs_outlive_the_loss_of_one_and_of_the_supervisor() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(8));
    let mut up = sandbox.command(["up", "-d"]);
    let up = gantry_test::output(up.env("GANTRY_PAIR_CAPACITY", "3"));
    Run::from(up).expect(0);
    let before = pids(&sandbox.status());
    assert_eq!(before.len(), 8);
    let guards = || {
        let mut all = sandbox.processes();
        all.retain(|process| process.command.contains("__guard"));
        all.len()
    };
    assert_eq!(guards(), 6, "three pairs");

    lose_pair(&sandbox, "keepers/2");
    let supervisor = sandbox.status()["supervisor"]["pid"].as_i64();
    let supervisor = supervisor.and_then(|pid| Process::find(i32::try_from(pid).ok()?));
    supervisor.expect("a supervisor").kill();
    let after = wait_until(
        PATIENCE,
        "those of the lost pair are unguarded",
        || sandbox.status(),
        |status| {
            let all = services(status).iter();
            all.filter(|service| service["instances"][0]["unguarded"] == true)
                .count()
                == 3
        },
    );
    assert_eq!(pids(&after), before);
    assert_eq!(restarts(&after), 0);
    assert_eq!(guards(), 6, "there is another pair in its place");

    // A started one is in the place that it had, and guarded.
    sandbox.gantry(["restart"]).expect(0);
    let again = sandbox.status();
    let again = services(&again).iter();
    assert!(
        again
            .clone()
            .all(|service| service["instances"][0]["unguarded"] != true)
    );
    assert_eq!(guards(), 6);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn up_and_down_start_guard_and_keeper_again_that_only_the_supervisor_outlived() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(3));
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    lose_pair(&sandbox, &folder(&sandbox));
    sandbox.gantry(["up", "-d"]).expect(0);
    assert_eq!(pids(&sandbox.status()), before);
    lose_pair(&sandbox, &folder(&sandbox));
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}
