//! `examples/in-cluster`, on the cluster of the tests.

use gantry_test::{Run, Sandbox, free_port, skip};

use crate::support::{example, get, service};

#[test]
fn the_example_runs_in_the_cluster() {
    let Some([kubeconfig, programs]) = gantry_test::cluster() else {
        return skip("examples/in-cluster", "the cluster of examples/kubernetes");
    };
    let sandbox = Sandbox::new();
    sandbox.copy(&example("in-cluster"));
    let port = free_port();
    let namespace = format!("example-{}", std::process::id());
    let gantry = |words: &[&str]| -> Run {
        let mut command = sandbox.command(words);
        command
            .env("IN_CLUSTER_CONFIG", &kubeconfig)
            .env("IN_CLUSTER_NAMESPACE", &namespace)
            .env("IN_CLUSTER_HELM", format!("{programs}/bin/helm4"))
            .env("IN_CLUSTER_PORT", port.to_string());
        gantry_test::output(&mut command).into()
    };
    gantry(&["up", "-d"]).expect(0);
    let status = gantry(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(service(&status, "check")["state"], "completed");
    let (code, page) = get(&format!("127.0.0.1:{port}"), "/").expect("an answer");
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
