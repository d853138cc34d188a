//! Engines that are stopped and started again while a stack is up. They are the tests' own.

use std::time::Duration;

use gantry_test::{Engine, Sandbox, wait_until};
use serde_json::Value;

use crate::own::{Own, Stop};
use crate::support::{pids, restarts, service};

/// An engine looks for all that it had before it answers.
const PATIENCE: Duration = Duration::from_mins(1);

/// A service that is started again, and one that is not.
fn sandbox(engine: &Engine) -> Sandbox {
    let sandbox = Sandbox::new();
    let service = |name: &str, policy: &str| {
        format!(
            "[services.{name}]\nstop = {{ grace = \"0s\" }}\nrestart = {{ policy = \"{policy}\" }}\n\
             [services.{name}.container]\nimage = \"{}\"\nengine = \"{}\"\npull = \"never\"\n\
             command = [\"sleep\", \"1000\"]\n",
            engine.image(),
            engine.address()
        )
    };
    let services = service("again", "always") + &service("once", "never");
    sandbox.write("gantry.toml", &format!("name = \"away\"\n{services}"));
    sandbox.gantry(["up", "-d"]).expect(0);
    sandbox
}

fn is(name: &'static str, state: &'static str) -> impl Fn(&Value) -> bool {
    move |status| service(status, name)["state"] == state
}

/// The services of an engine that was stopped: nothing is known of them, and it is said why.
#[track_caller]
fn unknown(sandbox: &Sandbox) {
    let both = |status: &Value| is("again", "unknown")(status) && is("once", "unknown")(status);
    let status = wait_until(PATIENCE, "they are unknown", || sandbox.status(), both);
    let said = service(&status, "once").to_string();
    // Refused, or reset: that depends on what it was doing when it was stopped. Docker takes its socket along.
    let why = [
        "the engine does not answer: connection re",
        "the engine does not answer: no such file",
    ];
    assert!(why.iter().any(|why| said.contains(why)), "{said}");
}

/// What lives on without its engine is the same when that is back.
fn nobody_is_ended(mut own: Own, engine: &Engine, how: Stop) {
    let sandbox = sandbox(engine);
    let before = pids(&sandbox.status());
    own.stop(how);
    unknown(&sandbox);
    assert!(own.start());
    let both = |status: &Value| is("again", "running")(status) && is("once", "running")(status);
    let status = wait_until(PATIENCE, "they run", || sandbox.status(), both);
    assert_eq!(pids(&status), before, "nobody was ended");
    assert_eq!(restarts(&status), 0);

    // What happens from now on is heard.
    let id = crate::support::stack_id(&sandbox);
    engine
        .say(&["kill", &format!("gantry-{id}-again-1")])
        .expect("it is killed");
    let again = |status: &Value| restarts(status) == 1 && is("again", "running")(status);
    wait_until(PATIENCE, "it is started again", || sandbox.status(), again);
    sandbox.gantry(["down"]).expect(0);
    assert_eq!(engine.things_of(&id), Vec::<String>::new());
}

/// What an engine takes along is started again as the stack file says.
fn policies_decide(mut own: Own, engine: &Engine, how: Stop) {
    let sandbox = sandbox(engine);
    let before = pids(&sandbox.status());
    own.stop(how);
    unknown(&sandbox);
    assert!(own.start());
    let both = |status: &Value| {
        is("again", "running")(status)
            && service(status, "again")["ready"] == true
            && is("once", "failed")(status)
    };
    let status = wait_until(
        PATIENCE,
        "policies were followed",
        || sandbox.status(),
        both,
    );
    let after = pids(&status);
    assert!(after.iter().all(|one| !before.contains(one)), "{status:#}");
    assert!(
        service(&status, "again")["restarts"].as_u64() >= Some(1),
        "{status:#}"
    );
    sandbox.gantry(["down"]).expect(0);
    let id = crate::support::stack_id(&sandbox);
    assert_eq!(engine.things_of(&id), Vec::<String>::new());
}

#[test]
fn a_podman_that_is_away_ends_nobodys_life() {
    let Some((own, engine)) = Own::podman(&[]) else {
        return gantry_test::skip("a Podman that is away", "root and Podman");
    };
    nobody_is_ended(own, &engine, Stop::Killed);
}

#[test]
fn a_docker_that_lets_live_ends_nobodys_life_by_its_death() {
    let Some((own, engine)) = Own::docker(true) else {
        return gantry_test::skip("a Docker that is killed", "root and Docker");
    };
    nobody_is_ended(own, &engine, Stop::Killed);
}

#[test]
fn a_docker_that_lets_live_ends_nobodys_life_by_its_end() {
    let Some((own, engine)) = Own::docker(true) else {
        return gantry_test::skip("a Docker that is stopped", "root and Docker");
    };
    nobody_is_ended(own, &engine, Stop::Asked);
}

/// Its containers live on until it is back, and ends them then.
#[test]
fn what_a_docker_ends_when_it_is_back_is_started_again() {
    let Some((own, engine)) = Own::docker(false) else {
        return gantry_test::skip("a Docker that ends containers late", "root and Docker");
    };
    policies_decide(own, &engine, Stop::Killed);
}

#[test]
fn what_a_docker_takes_along_is_started_again() {
    let Some((own, engine)) = Own::docker(false) else {
        return gantry_test::skip("a Docker that ends containers", "root and Docker");
    };
    policies_decide(own, &engine, Stop::Asked);
}
