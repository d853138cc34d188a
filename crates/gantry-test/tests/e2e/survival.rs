//! The supervisor may be killed at any instant: its services go on, and none is started twice.

use gantry_test::{Process, Sandbox, wait_until};
use serde_json::Value;

use crate::support::{PATIENCE, pids, restarts, services, sleepers};

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
