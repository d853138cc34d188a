//! Parts of the cluster die under a stack: nothing is taken for dead that lives, and nothing is done twice.

use std::time::{Duration, Instant};

use gantry_test::{Sandbox, skip, wait_until};
use rustix::process::Signal;
use serde_json::Value;

use super::{PATIENCE, SERVES, Stack, web};
use crate::cluster::{Cluster, missing};
use crate::support::service;

fn uids(stack: &Stack) -> String {
    let all = ["get", "pods", "-o", "jsonpath={.items[*].metadata.uid}"];
    stack.kubectl(&all).expect(0).stdout.clone()
}

fn events(sandbox: &Sandbox) -> Vec<Value> {
    let events = sandbox.gantry(["events", "-o", "json"]);
    let lines = events.expect(0).stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect()
}

#[test]
fn a_cluster_whose_parts_die_is_waited_for() {
    let test = "kubernetes::away::a_cluster_whose_parts_die_is_waited_for";
    if let Some(what) = missing() {
        return skip(test, what);
    }
    let cluster = Cluster::new(233);
    cluster.gantry(&["up", "-d", "--timeout", "110s"]).expect(0);
    let kubeconfig = cluster.folder().join("admin.conf");
    let Some(stack) = Stack::at(test, &web(SERVES), &kubeconfig.to_string_lossy()) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let before = uids(&stack);
    let state = |status: &Value| service(status, "web")["state"].as_str().map(str::to_owned);

    // The API server is killed: that is told, and nothing is concluded.
    cluster.process("apiserver").kill();
    let is = |wanted: &'static str| move |status: &Value| state(status).as_deref() == Some(wanted);
    wait_until(
        PATIENCE,
        "it is unknown",
        || stack.sandbox.status(),
        is("unknown"),
    );
    let ready =
        |status: &Value| state(status).as_deref() == Some("running") && Stack::is_ready(status);
    wait_until(
        PATIENCE,
        "it is known again",
        || stack.sandbox.status(),
        ready,
    );
    assert_eq!(uids(&stack), before, "the same pods");

    // What happened while nobody looked is seen.
    stack
        .kubectl(&["delete", "pod", "--all", "--wait=false"])
        .expect(0);
    let another = |status: &Value| {
        let now = uids(&stack);
        // The old one is listed until it has ended.
        ready(status) && now != before && !now.contains(' ')
    };
    wait_until(
        PATIENCE,
        "another pod is seen",
        || stack.sandbox.status(),
        another,
    );

    // etcd does not answer for ten seconds.
    let before = uids(&stack);
    let etcd = cluster.process("etcd");
    etcd.signal(Signal::STOP);
    std::thread::sleep(Duration::from_secs(10));
    etcd.signal(Signal::CONT);
    let begin = Instant::now();
    wait_until(PATIENCE, "it is ready", || stack.sandbox.status(), ready);
    assert!(begin.elapsed() < PATIENCE);
    assert_eq!(uids(&stack), before, "the same pods");

    let starts = |event: &&Value| event["service"] == "web" && event["to"] == "starting";
    let events = events(&stack.sandbox);
    assert_eq!(events.iter().filter(starts).count(), 1, "{events:#?}");
    stack.gantry(&["down"]).expect(0);
    cluster.gantry(&["down"]).expect(0);
}
