//! The supervisor may be killed at any instant: its services go on, and none is started twice.

use std::time::Duration;

use gantry_test::{Process, Run, Sandbox, wait_for, wait_until};
use serde_json::Value;

use crate::support::{PATIENCE, all_ready, pids, restarts, services, sleepers};

fn supervisor(status: &Value) -> Process {
    let pid = status["supervisor"]["pid"]
        .as_i64()
        .expect("a running stack has a supervisor");
    Process::find(i32::try_from(pid).expect("a pid")).expect("the supervisor runs")
}

#[test]
fn services_outlive_five_supervisors() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(20));
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = sandbox.status();
    let services_before = pids(&before);
    assert_eq!(services_before.len(), 20);

    for round in 1..=5 {
        let killed = supervisor(&sandbox.status());
        killed.kill();
        wait_until(
            PATIENCE,
            "the supervisor dies",
            || killed.is_alive(),
            |alive| !alive,
        );
        let after = sandbox.status();
        assert_ne!(supervisor(&after).pid, killed.pid, "round {round}");
        assert_eq!(pids(&after), services_before, "round {round}");
        assert_eq!(restarts(&after), 0, "round {round}");
        assert!(
            services(&after)
                .iter()
                .all(|service| service["state"] == "running"),
            "{after:#}"
        );
        let sleeping = sandbox.processes();
        let sleeping = sleeping
            .iter()
            .filter(|process| process.command == "sleep 1000");
        assert_eq!(sleeping.count(), 20, "round {round}");
    }

    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn a_new_supervisor_goes_on_restarting() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = \"one\"\n[services.only]\nrestart = { policy = \"always\", backoff = \"10ms..1s\" }\n\
         [services.only.process]\ncommand = [\"sleep\", \"1000\"]\n",
    );
    sandbox.gantry(["up", "-d"]).expect(0);
    supervisor(&sandbox.status()).kill();
    let status = sandbox.status();
    let (_, pid) = pids(&status).remove(0);
    Process::find(i32::try_from(pid).expect("a pid"))
        .expect("the service runs")
        .kill();
    let after = wait_until(
        PATIENCE,
        "the service is started again",
        || sandbox.status(),
        |status| restarts(status) == 1 && pids(status).len() == 1,
    );
    assert_ne!(pids(&after)[0].1, pid);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

/// Guard and keeper: both have the guard's arguments, and one is the other's child.
pub(crate) fn guard_and_keeper(sandbox: &Sandbox) -> (Process, Process) {
    wait_for(PATIENCE, "a guard with a keeper", || {
        let all = sandbox.processes();
        let pair: Vec<&Process> = all
            .iter()
            .filter(|process| process.command.contains("__guard"))
            .collect();
        let keeper = pair
            .iter()
            .find(|one| pair.iter().any(|other| one.parent == other.pid))?;
        let guard = pair.iter().find(|one| one.pid == keeper.parent)?;
        Some(((*guard).clone(), (*keeper).clone()))
    })
}

#[test]
fn status_says_what_is_unguarded_until_it_is_started_again() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &sleepers(2));
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    let (guard, keeper) = guard_and_keeper(&sandbox);
    guard.kill();
    let flags = |status: &Value| -> Vec<bool> {
        let all = services(status).iter();
        all.map(|service| service["instances"][0]["unguarded"] == true)
            .collect()
    };
    wait_until(
        PATIENCE,
        "both are unguarded",
        || flags(&sandbox.status()),
        |flags| *flags == [true, true],
    );
    assert_eq!(pids(&sandbox.status()), before);
    assert_eq!(guard_and_keeper(&sandbox).0.pid, keeper.pid);
    let table = sandbox.gantry(["status"]).expect(0).stdout.clone();
    assert_eq!(
        table.matches("unguarded until its next start").count(),
        2,
        "{table}"
    );
    let name = services(&sandbox.status())[0]["name"]
        .as_str()
        .expect("a name")
        .to_owned();
    sandbox.gantry(["restart", &name]).expect(0);
    assert_eq!(flags(&sandbox.status()), [false, true]);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn what_has_failed_for_good_is_not_tried_again_by_a_new_supervisor() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = \"one\"\n[services.bad]\nrestart = { policy = \"on-failure\", backoff = \"1ms..1ms\", max = 2 }\n\
         [services.bad.process]\ncommand = [\"sh\", \"-c\", \"echo again >> tries; exit 3\"]\n",
    );
    sandbox.gantry(["up", "-d"]).expect(1);
    let tries = || {
        std::fs::read_to_string(sandbox.path("stack/tries"))
            .unwrap_or_default()
            .lines()
            .count()
    };
    assert_eq!(tries(), 3);
    for _ in 0..3 {
        let killed = supervisor(&sandbox.status());
        killed.kill();
        let status = wait_until(
            PATIENCE,
            "another supervisor",
            || sandbox.status(),
            |status| supervisor(status).pid != killed.pid,
        );
        assert_eq!(services(&status)[0]["state"], "failed", "{status:#}");
        assert_eq!(services(&status)[0]["restarts"], 2, "{status:#}");
    }
    assert_eq!(tries(), 3);
    // Whoever asks for it gets it.
    sandbox.gantry(["start", "bad"]).expect(1);
    assert!(tries() > 3);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

/// A restart says what is to happen and not what is to be: whoever asks again for all of it makes it happen twice, and a
/// supervisor that dies over it forgets it.
#[test]
fn a_restart_happens_once_whatever_becomes_of_its_supervisor() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = \"again\"\n[services.a.process]\ncommand = [\"sleep\", \"1000\"]\n\
         [services.b]\ndepends-on = [\"a\"]\n[services.b.process]\ncommand = [\"sleep\", \"1000\"]\n",
    );
    sandbox.gantry(["up", "-d"]).expect(0);
    let generations = |status: &Value| {
        let of = |service: &Value| service["instances"][0]["generation"].as_u64();
        services(status)
            .iter()
            .map(of)
            .collect::<Option<Vec<u64>>>()
    };
    for round in 0..30_u64 {
        let before = sandbox.status();
        let wanted = if round % 2 == 0 {
            vec!["a"]
        } else {
            vec!["a", "b"]
        };
        let restart = sandbox.spawn(["restart"].iter().chain(&wanted));
        std::thread::sleep(Duration::from_millis(round));
        supervisor(&before).kill();
        Run::from(restart.wait_with_output().expect("gantry ends")).expect(0);
        let status = sandbox.status();
        let (before, after) = (generations(&before), generations(&status));
        let (before, after) = (before.expect("two starts"), after.expect("two starts"));
        assert_eq!(after[0], before[0] + 1, "round {round}: {status}");
        assert!(all_ready(&status), "{status}");
    }
}
