//! What services may take, what they took, and what is said of it.

use std::time::Duration;

use gantry_test::{Sandbox, skip, wait_for};
use serde_json::Value;

use crate::support::service;

const PATIENCE: Duration = Duration::from_secs(20);

fn usage(sandbox: &Sandbox) -> Value {
    let run = sandbox.gantry(["status", "--usage", "-o", "json"]);
    serde_json::from_str(&run.expect(0).stdout).expect("JSON")
}

#[test]
fn what_services_use_is_shown_to_those_who_ask() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = 'use'\n[services.busy]\nreplicas = 2\nprocess = { shell = 'while :; do :; done' }\n",
    );
    sandbox.gantry(["up", "-d"]).expect(0);
    assert!(
        service(&sandbox.status(), "busy")["usage"].is_null(),
        "nobody asked"
    );
    wait_for(PATIENCE, "it has used something", || {
        let used = usage(&sandbox)["services"][0]["usage"]["cpu_s"].as_f64();
        used.filter(|used| *used > 0.02)
    });
    let status = usage(&sandbox);
    let busy = service(&status, "busy");
    let sum = &busy["usage"];
    assert!(sum["memory"].as_u64().expect("memory") > 100_000, "{sum}");
    assert!(sum["pids"].as_u64().expect("pids") >= 2, "{sum}");
    assert!(sum["cpus"].as_f64().expect("a rate") > 0.0, "{sum}");
    let one = &busy["instances"][0]["usage"];
    assert!(one["memory"].as_u64() < sum["memory"].as_u64(), "{busy}");
    let wide = sandbox.gantry(["status", "-o", "wide"]);
    let wide = &wide.expect(0).stdout;
    assert!(wide.contains("CPU") && wide.contains("MEMORY"), "{wide}");
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn want_of_memory_is_the_reason_that_is_given() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = 'hog'\n[services.hog]\nresources = { memory = '24MiB' }\nrestart = { policy = 'never' }\n\
         process = { shell = 'a=0123456789abcdef; while :; do a=$$a$$a; done' }\n",
    );
    let run = sandbox.gantry(["up", "-d"]);
    if run.stderr.contains("will not be limited") {
        skip(
            "want_of_memory_is_the_reason_that_is_given",
            "a controller of memory",
        );
        sandbox.gantry(["down"]).expect(0);
        return;
    }
    wait_for(PATIENCE, "it failed", || {
        (service(&sandbox.status(), "hog")["state"] == "failed").then_some(())
    });
    let reason = "killed for want of memory (limit 24MiB)";
    let status = sandbox.status();
    assert_eq!(service(&status, "hog")["message"], reason);
    for verb in [&["explain", "hog"] as &[_], &["events"], &["status"]] {
        let told = sandbox.gantry(verb.iter().copied());
        assert!(told.stdout.contains(reason), "{verb:?}: {}", told.stdout);
    }
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn what_will_not_be_limited_is_said_before_and_after() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = 'free'\n[services.a]\nresources = { memory = '24MiB' }\n\
         process = { command = ['sleep', '1000'] }\n",
    );
    let mut up = sandbox.command(["up", "-d"]);
    let up = gantry_test::output(up.env("GANTRY_NO_CGROUP", "1"));
    let said = String::from_utf8_lossy(&up.stderr);
    assert!(up.status.success(), "{said}");
    let why = "a: will not be limited: memory: GANTRY_NO_CGROUP is set";
    assert!(said.contains(why), "{said}");
    let status = sandbox.status();
    let warnings = &service(&status, "a")["instances"][0]["warnings"];
    assert_eq!(warnings[0], "not limited: memory: GANTRY_NO_CGROUP is set");
    let table = sandbox.gantry(["status"]);
    assert!(
        table.stdout.contains("not limited: memory"),
        "{}",
        table.stdout
    );
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn a_capability_that_means_nothing_is_missing_before_the_start() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = 'cap'\n[services.a]\n\
         process = { command = ['sleep', '1000'], drop-capabilities = ['fly'] }\n",
    );
    let up = sandbox.gantry(["up", "-d"]);
    up.expect(3);
    assert!(
        up.stderr.contains("there is no capability `fly`"),
        "{}",
        up.stderr
    );
}
