//! The API server dies while Helm is at work: nothing is done twice, and the end is the right one.

use gantry_test::{Sandbox, skip, variable, wait_until};
use serde_json::Value;

use super::{PATIENCE, Stack};
use crate::cluster::{Cluster, missing};
use crate::support::service;

/// The revisions that Helm has, each with its state.
fn history(stack: &Stack) -> Vec<(u64, String)> {
    let told = stack.helm(&["history", "web", "-o", "json"]);
    let all: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let one = |one: &Value| {
        let state = one["status"].as_str().unwrap_or_default().to_owned();
        (one["revision"].as_u64().unwrap_or_default(), state)
    };
    all.as_array().into_iter().flatten().map(one).collect()
}

#[test]
fn an_upgrade_survives_the_death_of_the_api_server() {
    let test = "helm::away::an_upgrade_survives_the_death_of_the_api_server";
    if let Some(what) = missing() {
        return skip(test, what);
    }
    let cluster = Cluster::new(234);
    cluster.gantry(&["up", "-d", "--timeout", "110s"]).expect(0);
    let kubeconfig = cluster.folder().join("admin.conf").display().to_string();
    let programs = variable("GANTRY_TEST_KUBERNETES").expect("the cluster's programs");
    for helm in [3, 4] {
        let stack = Stack::at(Sandbox::new(), helm, kubeconfig.clone(), programs.clone());
        stack.up();
        stack.file("values = { hook = \"sleep 5\", text = \"two\" }");
        stack.gantry(&["up", "-d", "--no-wait"]).expect(0);
        let at_work = || {
            stack
                .release()
                .is_some_and(|(status, _)| status == "pending-upgrade")
        };
        wait_until(PATIENCE, "Helm is at work", at_work, |at_work| *at_work);
        cluster.process("apiserver").kill();
        let told = || {
            let status = stack.status();
            let web = service(&status, "web");
            let is = |state: &str| web["state"] == state;
            (is("running") && !is("updating"), status.to_string())
        };
        // What is asked for again is what is under way.
        let up = stack.gantry(&["up", "-d", "--timeout", "100s"]);
        up.expect(0);
        wait_until(PATIENCE, "it is ready", told, |(ready, _)| *ready);
        let wanted = [(1, "superseded".to_owned()), (2, "deployed".to_owned())];
        assert_eq!(history(&stack), wanted, "helm {helm}");
        // The Deployment was written twice in all: when it was made, and now.
        let generation = stack.kubectl(&[
            "get",
            "deployment",
            "web",
            "-o",
            "jsonpath={.metadata.generation}",
        ]);
        assert_eq!(generation.stdout, "2", "helm {helm}");
        let notes = stack.gantry(&["notes"]);
        assert!(notes.stdout.contains("web says two."), "{}", notes.stdout);
        let again = stack.up();
        assert!(again.stderr.contains("Nothing to do"), "{}", again.stderr);
        stack.gantry(&["down"]).expect(0);
        assert_eq!(stack.release(), None);
    }
    cluster.gantry(&["down"]).expect(0);
}
