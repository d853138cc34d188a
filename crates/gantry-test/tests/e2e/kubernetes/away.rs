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

/// Within which it is to be seen how things are once the cluster answers, on a machine that does nothing else.
const IN_STEP: Duration = Duration::from_secs(1);

#[expect(clippy::print_stderr, reason = "a test says what it measured")]
fn in_step(what: &str, stack: &Stack, is: impl Fn(&Value) -> bool) {
    let begin = Instant::now();
    wait_until(PATIENCE, what, || stack.sandbox.status(), is);
    let took = begin.elapsed();
    eprintln!("{what} after {took:.1?}");
    assert!(took < 5 * IN_STEP, "{what} after {took:.1?}");
}

/// From the moment in which the cluster answers.
fn expect_known_again(stack: &Stack, cluster: &Cluster) {
    let answers = || cluster.kubectl(&["get", "--raw", "/readyz"]).code == 0;
    wait_until(PATIENCE, "the cluster answers", answers, |answers| *answers);
    in_step("it is known again", stack, |status| {
        service(status, "web")["state"] == "running" && Stack::is_ready(status)
    });
}

fn expect_changes_seen(stack: &Stack) {
    let pods = stack.kubectl(&["get", "pods", "-o", "name"]);
    let pod = pods.expect(0).stdout.trim();
    stack
        .kubectl(&["delete", pod, "--force", "--grace-period=0"])
        .expect(0);
    in_step("a pod's end is seen", stack, |status| {
        !service(status, "web")["children"].to_string().contains(pod)
    });
    // Who replaces it may not be back yet.
    let status = || stack.sandbox.status();
    wait_until(PATIENCE, "it is ready", status, Stack::is_ready);
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
    expect_known_again(&stack, &cluster);
    assert_eq!(uids(&stack), before, "the same pods");
    expect_changes_seen(&stack);
    assert_ne!(uids(&stack), before, "another pod");

    // etcd does not answer for ten seconds.
    let before = uids(&stack);
    let etcd = cluster.process("etcd");
    etcd.signal(Signal::STOP);
    std::thread::sleep(Duration::from_secs(10));
    etcd.signal(Signal::CONT);
    expect_known_again(&stack, &cluster);
    assert_eq!(uids(&stack), before, "the same pods");
    expect_changes_seen(&stack);

    let starts = |event: &&Value| event["service"] == "web" && event["to"] == "starting";
    let events = events(&stack.sandbox);
    assert_eq!(events.iter().filter(starts).count(), 1, "{events:#?}");
    stack.gantry(&["down"]).expect(0);
    cluster.gantry(&["down"]).expect(0);
}
