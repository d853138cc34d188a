//! The stack of the README, from `up` to nothing left.

use std::net::TcpStream;

use gantry_test::{Sandbox, wait_until};

use crate::support::{
    PATIENCE, address, all_ready, get, pids, quickstart_file, restarts, service, wait_until_ready,
};

#[test]
fn comes_up_heals_and_goes() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &quickstart_file());
    sandbox.gantry(["up", "-d"]).expect(0);

    let status = sandbox.status();
    assert!(
        all_ready(&status),
        "up returned before everything was ready: {status:#}"
    );
    assert_eq!(service(&status, "migrate")["state"], "completed");
    assert_eq!(
        service(&status, "api")["instances"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let gateway = address(&status, "gateway");
    assert_eq!(get(&gateway, "/healthz").expect("an answer").0, 200);
    let (_, items) = get(&gateway, "/items").expect("an answer");
    assert!(items.contains("crane: lifts a container"), "{items}");

    // One copy of the API crashes, and comes back.
    let (_, who) = get(&gateway, "/crash").expect("an answer");
    let name = who
        .split(' ')
        .next()
        .expect("the answer begins with the name");
    let healed = wait_until(
        PATIENCE,
        "the crashed copy is back",
        || sandbox.status(),
        |status| restarts(status) == 1 && all_ready(status),
    );
    for (instance, pid) in pids(&healed) {
        let before = pids(&status)
            .into_iter()
            .find(|(id, _)| *id == instance)
            .map(|(_, pid)| pid);
        assert_eq!(
            before != Some(pid),
            instance == name,
            "{instance} was {before:?}, is {pid}"
        );
    }

    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
    assert!(
        TcpStream::connect(&gateway).is_err(),
        "somebody still listens on {gateway}"
    );
}

#[test]
fn comes_up_again_with_its_data() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &quickstart_file());
    for round in 1..=2 {
        sandbox.gantry(["up", "-d"]).expect(0);
        let status = wait_until_ready(&sandbox);
        let (_, text) = get(&address(&status, "gateway"), "/").expect("an answer");
        assert!(
            text.contains(&format!("visit {round}")),
            "round {round}: {text}"
        );
        sandbox.gantry(["down"]).expect(0);
    }
    sandbox.expect_nothing_left();
}
