//! The same for root and for an ordinary user.

use gantry_test::{Sandbox, User, skip};

use crate::support::{address, get, pids, quickstart_file, wait_until_ready};

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn round(user: User) {
    let sandbox = Sandbox::of(user);
    sandbox.write("gantry.toml", &quickstart_file());
    sandbox.gantry(["up", "-d"]).expect(0);
    let status = wait_until_ready(&sandbox);
    assert_eq!(
        get(&address(&status, "gateway"), "/healthz")
            .expect("an answer")
            .0,
        200
    );
    for (instance, pid) in pids(&status) {
        let owner = std::fs::metadata(format!("/proc/{pid}")).expect("it runs");
        let owner = std::os::unix::fs::MetadataExt::uid(&owner);
        assert_eq!(
            owner == 65534,
            user == User::Ordinary,
            "{instance} runs as {owner}"
        );
    }
    sandbox.gantry(["restart", "worker"]).expect(0);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn as_root() {
    if is_root() {
        round(User::Same);
    } else {
        skip("as_root", "root");
    }
}

#[test]
fn as_an_ordinary_user() {
    round(if is_root() {
        User::Ordinary
    } else {
        User::Same
    });
}
