//! `examples/in-cluster`, on the cluster of the tests.

use std::net::{Ipv4Addr, TcpListener};

use gantry_test::{Run, Sandbox, skip};

use super::variable;
use crate::support::{example, get, service};

#[test]
fn the_example_runs_in_the_cluster() {
    let names = ["GANTRY_TEST_KUBECONFIG", "GANTRY_TEST_KUBERNETES"];
    let [Some(kubeconfig), Some(programs)] = names.map(variable) else {
        return skip("examples/in-cluster", "the cluster of examples/kubernetes");
    };
    let sandbox = Sandbox::new();
    sandbox.copy(&example("in-cluster"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let namespace = format!("example-{}", std::process::id());
    let gantry = |words: &[&str]| -> Run {
        let mut command = sandbox.command(words);
        command
            .env("IN_CLUSTER_CONFIG", &kubeconfig)
            .env("IN_CLUSTER_NAMESPACE", &namespace)
            .env("IN_CLUSTER_HELM", format!("{programs}/bin/helm4"))
            .env("IN_CLUSTER_PORT", address.port().to_string());
        gantry_test::output(&mut command).into()
    };
    gantry(&["up", "-d"]).expect(0);
    let status = gantry(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(service(&status, "check")["state"], "completed");
    let (code, page) = get(&address.to_string(), "/").expect("an answer");
    assert_eq!(
        (code, page.trim()),
        (200, "the store says: hello from the store")
    );
    let logs = gantry(&["logs", "check"]);
    let logs = &logs.expect(0).stdout;
    assert!(logs.contains("| hello from the store"), "{logs}");
    assert!(logs.contains("| the store says: hello"), "{logs}");
    gantry(&["down"]).expect(0);
    sandbox.expect_nothing_left();
}
