//! The revisions of a release: shown, gone back to, and left when somebody else has made another one.

use gantry_test::wait_until;

use super::{PATIENCE, Stack};
use crate::support::service;

#[test]
fn a_release_goes_back_and_the_next_up_goes_by_the_file() {
    let Some(stack) = Stack::new("history::a_release_goes_back", 3) else {
        return;
    };
    stack.up();
    let none = stack.gantry(&["rollback", "web"]);
    none.expect(3);
    assert!(
        none.stderr.contains("no earlier revision"),
        "{}",
        none.stderr
    );
    stack.file("values = { text = \"goodbye\" }");
    stack.up();
    let history = stack
        .gantry(&["history", "web", "-o", "json"])
        .expect(0)
        .json();
    let states = history["revisions"].as_array().expect("revisions").iter();
    let states: Vec<_> = states
        .map(|one| (one["number"].as_u64(), one["state"].as_str()))
        .collect();
    assert_eq!(
        states,
        [(Some(1), Some("superseded")), (Some(2), Some("deployed"))]
    );
    assert_eq!(history["revisions"][0]["of"], "web-1.2.3");

    let unknown = stack.gantry(&["rollback", "web", "9"]);
    unknown.expect(3);
    assert!(
        unknown.stderr.contains("these worked: 1, 2"),
        "{}",
        unknown.stderr
    );
    stack.gantry(&["rollback", "web", "2"]).expect(3);
    let back = stack.gantry(&["rollback", "web"]);
    back.expect(0);
    assert!(
        back.stderr.contains("back at revision 1 (web-1.2.3)"),
        "{}",
        back.stderr
    );
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 3)));
    let notes = stack.gantry(&["notes"]).stdout;
    assert!(notes.contains("web says hello."), "{notes}");
    assert_eq!(service(&stack.status(), "web")["ready"], true);

    let plan = stack.gantry(&["plan"]);
    assert!(
        plan.stdout.contains("revision (back at 1)"),
        "{}",
        plan.stdout
    );
    stack.up();
    let notes = stack.gantry(&["notes"]).stdout;
    assert!(notes.contains("web says goodbye."), "{notes}");
    let again = stack.up();
    assert!(again.stderr.contains("Nothing to do"), "{}", again.stderr);
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 4)));
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_way_back_whose_hook_fails_is_told_with_its_last_words() {
    let Some(stack) = Stack::new("history::a_way_back_whose_hook_fails", 4) else {
        return;
    };
    let hook = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: web-back\n  annotations: { helm.sh/hook: pre-rollback }\nspec:\n  \
        backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n      containers:\n        - { name: back, image: \"busybox:1.36\", \
        command: [sh, -c, \"echo no way; exit 7\"] }\n";
    stack.sandbox.write("web/templates/back.yaml", hook);
    stack.up();
    stack.file("values = { text = \"two\" }");
    stack.up();
    let back = stack.gantry(&["rollback", "web"]);
    back.expect(1);
    for words in ["failed to go back", "pod/web-back", "no way"] {
        assert!(back.stderr.contains(words), "{words} in {}", back.stderr);
    }
    // It goes on as it was.
    let notes = stack.gantry(&["notes"]).stdout;
    assert!(notes.contains("web says two."), "{notes}");
    stack.gantry(&["down"]).expect(0);
}

/// What others have changed is found and changed back, by a Helm of this release.
fn drift(test: &str, helm: u32) {
    let Some(stack) = Stack::new(test, helm) else {
        return;
    };
    stack.up();
    stack
        .kubectl(&["delete", "configmap", "web-values"])
        .expect(0);
    let plan = stack.gantry(&["plan"]);
    assert!(
        plan.stdout
            .contains("configmap/web-values (deleted) changed"),
        "{}",
        plan.stdout
    );
    stack.up();
    stack.kubectl(&["get", "configmap", "web-values"]).expect(0);
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 2)));

    stack
        .kubectl(&["scale", "deployment", "web", "--replicas=2"])
        .expect(0);
    let plan = stack.gantry(&["plan"]).stdout;
    // What Helm 4 applies has owners, and who has scaled it owns that.
    let is_found = plan.contains("deployment/web (spec.replicas) changed");
    assert_eq!(is_found, helm == 3, "{plan}");
    stack.up();
    let replicas = stack.kubectl(&[
        "get",
        "deployment",
        "web",
        "-o",
        "jsonpath={.spec.replicas}",
    ]);
    assert_eq!(replicas.stdout, if helm == 3 { "1" } else { "2" });
    let again = stack.up();
    assert!(again.stderr.contains("Nothing to do"), "{}", again.stderr);

    stack
        .kubectl(&["scale", "deployment", "web", "--replicas=1"])
        .expect(0);

    let chart = stack.sandbox.path("stack/web").display().to_string();
    stack
        .helm(&["upgrade", "web", &chart, "--set", "text=mine"])
        .expect(0);
    let plan = stack.gantry(&["plan"]);
    assert!(
        plan.stdout.contains("is somebody else's"),
        "{}",
        plan.stdout
    );
    stack.up();
    let notes = stack.gantry(&["notes"]).stdout;
    assert!(notes.contains("web says hello."), "{notes}");
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn what_others_change_is_found_and_changed_back_with_helm_3() {
    drift("history::what_others_change_with_helm_3", 3);
}

#[test]
fn what_others_change_is_found_and_changed_back_with_helm_4() {
    drift("history::what_others_change_with_helm_4", 4);
}

#[test]
fn an_upgrade_whose_pods_crash_is_taken_back_if_that_is_asked_for() {
    let Some(stack) = Stack::new("history::an_upgrade_whose_pods_crash", 3) else {
        return;
    };
    stack.file("rollback-on-failure = true");
    stack.up();
    stack.file("rollback-on-failure = true\nvalues = { run = \"exit 3\" }");
    let up = stack.gantry(&["up", "-d"]);
    up.expect(1);
    assert!(up.stderr.contains("exit code 3"), "{}", up.stderr);
    let ready = || service(&stack.status(), "web")["ready"] == true;
    wait_until(PATIENCE, "it is ready again", ready, |ready| *ready);
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 3)));
    let plan = stack.gantry(&["plan"]).stdout;
    assert!(plan.contains("back at 1"), "{plan}");
    stack.gantry(&["down"]).expect(0);
}
