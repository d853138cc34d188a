//! What a stop may leave, and what a user may say of being ready.

use gantry_test::wait_until;

use super::{PATIENCE, SERVES, Stack, web};
use crate::support::service;

const REPLICAS: [&str; 5] = [
    "get",
    "deployment",
    "web",
    "-o",
    "jsonpath={.spec.replicas}",
];

#[test]
fn a_stop_may_take_workloads_to_no_copies_and_the_next_start_has_as_many_as_before() {
    let cron = "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: { name: nightly }\nspec:\n  schedule: '0 3 * * *'\n  jobTemplate:\n    spec:\n      \
        template:\n        spec:\n          restartPolicy: Never\n          containers: [{ name: job, image: 'busybox:1.36', command: ['true'] }]\n";
    let manifests = format!("{}{cron}", web(SERVES));
    let Some(stack) = Stack::new("kubernetes::rest::a_stop_may", &manifests) else {
        return;
    };
    stack.file("stop = \"scale\"");
    stack.gantry(&["up", "-d"]).expect(0);
    stack
        .kubectl(&["scale", "deployment", "web", "--replicas=2"])
        .expect(0);
    stack.gantry(&["stop", "web"]).expect(0);
    assert_eq!(stack.kubectl(&REPLICAS).stdout, "0");
    let suspended = [
        "get",
        "cronjob",
        "nightly",
        "-o",
        "jsonpath={.spec.suspend}",
    ];
    assert_eq!(stack.kubectl(&suspended).stdout, "true");
    assert_eq!(
        stack.objects(),
        "deployment.apps/web\nservice/web\nconfigmap/".to_owned() + &inventory(&stack)
    );
    assert_eq!(service(&stack.sandbox.status(), "web")["state"], "stopped");

    stack.gantry(&["up", "-d"]).expect(0);
    assert_eq!(stack.kubectl(&REPLICAS).stdout, "2");
    assert_eq!(stack.kubectl(&suspended).stdout, "false");
    assert!(Stack::is_ready(&stack.sandbox.status()));

    // A manifest that says how many wins.
    let three = manifests.replace(
        "  selector: { matchLabels",
        "  replicas: 1\n  selector: { matchLabels",
    );
    stack.gantry(&["down"]).expect(0);
    assert_eq!(stack.kubectl(&REPLICAS).stdout, "0");
    stack.write(&three);
    stack.gantry(&["up", "-d"]).expect(0);
    assert_eq!(stack.kubectl(&REPLICAS).stdout, "1");
    stack.gantry(&["down", "--purge"]).expect(0);
    let gone = || stack.kubectl(&["get", "namespace", &stack.namespace]).code != 0;
    wait_until(PATIENCE, "the namespace is gone", gone, |gone| *gone);
}

/// The name of the inventory in the cluster.
fn inventory(stack: &Stack) -> String {
    let found = stack.kubectl(&[
        "get",
        "configmaps",
        "-o",
        "name",
        "-l",
        "gantry.service=web",
    ]);
    found
        .stdout
        .trim()
        .trim_start_matches("configmap/")
        .to_owned()
}

const WIDGETS: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.NAMESPACE.example.com }
spec:
  group: NAMESPACE.example.com
  scope: Namespaced
  names: { plural: widgets, singular: widget, kind: Widget }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
---
apiVersion: NAMESPACE.example.com/v1
kind: Widget
metadata: { name: one }
spec: { size: 3 }
";

#[test]
fn an_operators_object_is_ready_when_the_stack_file_says_so() {
    let Some(stack) = Stack::new("kubernetes::rest::ready_when", "") else {
        return;
    };
    // A definition belongs to the whole cluster: this one is this test's.
    let group = format!("{}.example.com", stack.namespace);
    stack.write(&WIDGETS.replace("NAMESPACE", &stack.namespace));
    stack.file("ready-when = { \"widget/*\" = \"self.status.phase == 'Done'\" }");
    let late = stack.gantry(&["up", "-d", "--timeout", "3s"]);
    late.expect(4);
    let words = "widget/one: `self.status.phase == 'Done'` is not true yet: there is no status";
    assert!(late.stderr.contains(words), "{}", late.stderr);
    let done = r#"{"status":{"phase":"Done"}}"#;
    stack
        .kubectl(&[
            "patch",
            &format!("widgets.{group}"),
            "one",
            "--type=merge",
            "-p",
            done,
        ])
        .expect(0);
    stack.gantry(&["up", "-d"]).expect(0);
    assert!(Stack::is_ready(&stack.sandbox.status()));

    stack.file("ready-when = { \"gadget/*\" = \"true\" }");
    let idle = stack.gantry(&["up", "-d", "--timeout", "3s"]);
    idle.expect(4);
    assert!(
        idle.stderr.contains("`ready-when` is about gadget/*"),
        "{}",
        idle.stderr
    );
    stack.gantry(&["down"]).expect(0);
    stack
        .kubectl(&["delete", "crd", &format!("widgets.{group}")])
        .expect(0);
}
