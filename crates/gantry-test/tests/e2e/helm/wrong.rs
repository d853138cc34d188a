//! Ways to fail with Helm: what is refused before anything changed, and what fails when it was begun.

use std::time::{Duration, Instant};

use super::Stack;

/// Nothing may wait for its `start-timeout` of a minute.
const SOON: Duration = Duration::from_secs(45);

/// A stack with these lines for its release: `up` ends with this code, and says all of this.
fn with(name: &str, more: &str, code: i32, says: &[&str]) {
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    stack.file(more);
    fails(&stack, code, says);
}

fn fails(stack: &Stack, code: i32, says: &[&str]) {
    let begin = Instant::now();
    let up = stack.gantry(&["up", "-d"]);
    up.expect(code);
    for words in says {
        assert!(
            up.stderr.contains(words),
            "{words:?} is not said:\n{}",
            up.stderr
        );
    }
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    if code == 3 {
        assert_eq!(stack.release(), None, "something was made");
    }
}

#[test]
fn a_hook_that_fails() {
    let values = "values = { hook = \"echo no database; exit 7\" }";
    let says = ["its hook", "exit code 7", "no database"];
    with("a_hook_that_fails", values, 1, &says);
}

/// A hook that says something and goes on for ever.
const ENDLESS: &str = "values = { hook = \"echo waits for a database; sleep 600\" }";

#[test]
fn a_hook_that_does_not_end_in_the_time_of_its_service() {
    let name = "a_hook_that_does_not_end_in_the_time_of_its_service";
    let more = format!("{ENDLESS}\n[services.web]\nstart-timeout = \"8s\"");
    let says = [
        "its start did not end within 8s",
        "its hook job/web-init: pod/web-init-",
        "is Running",
        "waits for a database",
    ];
    with(name, &more, 4, &says);
}

#[test]
fn a_hook_that_does_not_end_in_its_own_time() {
    for helm in [3, 4] {
        let name = format!("a_hook_that_does_not_end_in_its_own_time_{helm}");
        let Some(stack) = Stack::new(&format!("wrong::{name}"), helm) else {
            return;
        };
        stack.file(&format!("{ENDLESS}\ntimeout = \"4s\""));
        let says = [
            "failed to install: its hook has not ended within 4s: job/web-init: pod/web-init-",
            "is Running",
            "waits for a database",
        ];
        fails(&stack, 4, &says);
        assert_eq!(
            stack.release(),
            None,
            "a first installation is taken away again"
        );
    }
}

#[test]
fn an_upgrade_whose_hook_does_not_end_has_the_time_of_a_start() {
    let name = "an_upgrade_whose_hook_does_not_end";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    stack.up();
    stack.file(&format!(
        "{ENDLESS}\n[services.web]\nstart-timeout = \"6s\""
    ));
    let says = [
        "failed to upgrade: its hook has not ended within 6s: job/web-init: pod/web-init-",
        "waits for a database",
    ];
    fails(&stack, 4, &says);
    stack.gantry(&["down"]).expect(0);
    assert_eq!(stack.release(), None);
}

#[test]
fn a_hook_that_is_waited_for_is_named_when_an_up_waits_no_longer() {
    let name = "a_hook_that_is_waited_for";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    stack.file(ENDLESS);
    let up = stack.gantry(&["up", "-d", "--timeout", "8s"]);
    up.expect(4);
    for words in ["its hook job/web-init", "waits for a database"] {
        assert!(up.stderr.contains(words), "{words} in {}", up.stderr);
    }
    let status = stack.gantry(&["status", "-o", "wide"]);
    assert!(
        status.stdout.contains("its hook job/web-init"),
        "{}",
        status.stdout
    );
    stack.gantry(&["down"]).expect(0);
    assert_eq!(stack.release(), None);
}

#[test]
fn an_upgrade_that_is_not_ready_in_time_goes_back_if_asked() {
    let name = "an_upgrade_that_is_not_ready_in_time";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    let probe = "          readinessProbe: { periodSeconds: 1, exec: { command: [sh, -c, {{ .Values.ready | default \"true\" | \
                 quote }}] } }\n          command:";
    let web = super::TEMPLATES[2].1.replace("          command:", probe);
    stack.sandbox.write("web/templates/web.yaml", &web);
    stack.up();
    let more = "rollback-on-failure = true\nvalues = { ready = \"false\" }\n[services.web]\nstart-timeout = \"8s\"";
    stack.file(more);
    let up = stack.gantry(&["up", "-d"]);
    up.expect(4);
    assert!(up.stderr.contains("not ready within 8s"), "{}", up.stderr);
    let back = || stack.release() == Some(("deployed".to_owned(), 3));
    gantry_test::wait_until(SOON, "it went back", back, |back| *back);
    let ready = || stack.status()["services"][0]["state"].clone();
    gantry_test::wait_until(SOON, "it is ready", ready, |state| *state == "running");
    let plan = || stack.gantry(&["plan"]).stdout;
    gantry_test::wait_until(SOON, "it is told", plan, |plan| plan.contains("back at 1"));
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_hook_without_its_image() {
    let name = "a_hook_without_its_image";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 4) else {
        return;
    };
    let hook = super::TEMPLATES[3].1.replace(
        "busybox:1.36",
        "nobody.example/none:1\", imagePullPolicy: \"Never",
    );
    stack.sandbox.write("web/templates/hook.yaml", &hook);
    let says = ["its hook", "nobody.example/none:1"];
    fails(&stack, 1, &says);
}

#[test]
fn a_first_installation_that_failed_is_tried_again_with_its_hooks() {
    let name = "a_first_installation_that_failed";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    stack.file("values = { hook = \"exit 7\" }");
    fails(&stack, 1, &["exit code 7"]);
    assert_eq!(stack.release(), None, "nothing of it is left");
    stack.file("values = { hook = \"echo again\" }");
    stack.up();
    let logs = stack.gantry(&["logs", "--raw"]);
    assert!(logs.stdout.contains("again"), "{}", logs.stdout);
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 1)));
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_crash_after_the_installation() {
    let values = "values = { run = \"echo the last words; exit 3\" }";
    let says = ["exit code 3", "the last words"];
    with("a_crash_after_the_installation", values, 1, &says);
}

#[test]
fn an_upgrade_that_crashes_fails_and_leaves_what_ran() {
    let name = "an_upgrade_that_crashes";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    stack.up();
    stack.file("values = { run = \"echo bad news; exit 4\" }");
    fails(&stack, 1, &["exit code 4", "bad news"]);
    stack.file("");
    stack.up();
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn an_upgrade_whose_hook_fails_goes_back_if_asked() {
    let name = "an_upgrade_whose_hook_fails";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    stack.up();
    stack.file("rollback-on-failure = true\nvalues = { hook = \"exit 5\", text = \"never\" }");
    fails(&stack, 1, &["failed to upgrade", "exit code 5"]);
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 3)));
    let notes = stack.gantry(&["notes"]);
    assert!(notes.stdout.contains("says hello"), "{}", notes.stdout);
    let plan = stack.gantry(&["plan"]);
    assert!(plan.stdout.contains("back at 1"), "{}", plan.stdout);
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_chart_that_is_not_there() {
    let name = "a_chart_that_is_not_there";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    std::fs::remove_dir_all(stack.sandbox.path("stack/web")).expect("it is removed");
    fails(&stack, 3, &["there is no chart"]);
}

#[test]
fn a_chart_of_an_unknown_repository() {
    let name = "a_chart_of_an_unknown_repository";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    let text = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    stack
        .sandbox
        .write("gantry.toml", &text.replace("\"./web\"", "\"nobody/web\""));
    fails(&stack, 3, &["repo nobody not found"]);
}

#[test]
fn a_registry_that_does_not_answer() {
    let name = "a_registry_that_does_not_answer";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 4) else {
        return;
    };
    let text = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    let text = text.replace(
        "\"./web\"",
        "\"oci://127.0.0.1:1/charts/web\"\nversion = \"1.0.0\"",
    );
    stack.sandbox.write("gantry.toml", &text);
    fails(&stack, 3, &["connection refused"]);
}

#[test]
fn a_chart_without_a_name() {
    let name = "a_chart_without_a_name";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    stack.sandbox.write("web/Chart.yaml", "version: 1\n");
    fails(&stack, 3, &["names no name or no version"]);
}

#[test]
fn a_template_that_does_not_parse() {
    let name = "a_template_that_does_not_parse";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    stack
        .sandbox
        .write("web/templates/bad.yaml", "a: {{ .Values.x \n");
    fails(&stack, 3, &["bad.yaml", "unclosed action"]);
}

#[test]
fn a_value_that_the_chart_insists_on() {
    let name = "a_value_that_the_chart_insists_on";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 4) else {
        return;
    };
    let text = "a: {{ required \"a password is needed\" .Values.password }}\n";
    stack.sandbox.write("web/templates/need.yaml", text);
    fails(&stack, 3, &["a password is needed"]);
}

#[test]
fn values_that_the_schema_refuses() {
    let name = "values_that_the_schema_refuses";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    let schema = r#"{"properties": {"replicas": {"type": "integer"}}}"#;
    stack.sandbox.write("web/values.schema.json", schema);
    stack.file("values = { replicas = \"many\" }");
    fails(&stack, 3, &["replicas"]);
}

#[test]
fn a_values_file_that_is_not_there() {
    let more = "values-files = [\"no.yaml\"]";
    with(
        "a_values_file_that_is_not_there",
        more,
        3,
        &["no.yaml does not exist"],
    );
}

#[test]
fn a_values_file_that_does_not_parse() {
    let name = "a_values_file_that_does_not_parse";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    stack.sandbox.write("bad.yaml", "a: [\n");
    stack.file("values-files = [\"bad.yaml\"]");
    fails(&stack, 3, &["bad.yaml"]);
}

#[test]
fn a_key_that_is_written_twice_in_a_values_file() {
    let name = "a_key_that_is_written_twice";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    stack
        .sandbox
        .write("twice.yaml", "text: a\nreplicas: 1\ntext: b\n");
    stack.file("values-files = [\"twice.yaml\"]");
    let validate = stack.gantry(&["validate"]);
    validate.expect(0);
    let says = [
        "the key `text` is written twice",
        "twice.yaml:3",
        "Helm takes the last one",
    ];
    for words in says {
        let all = format!("{}{}", validate.stdout, validate.stderr);
        assert!(all.contains(words), "{words} in {all}");
    }
}

#[test]
fn a_namespace_that_is_not_there() {
    let name = "a_namespace_that_is_not_there";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    let text = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    let text = text.replace("create-namespace = true\n", "");
    stack.sandbox.write("gantry.toml", &text);
    fails(
        &stack,
        3,
        &["there is no namespace", "create-namespace = true"],
    );
}

#[test]
fn a_helm_that_is_not_there() {
    let name = "a_helm_that_is_not_there";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 9) else {
        return;
    };
    let up = stack.gantry(&["up", "-d"]);
    up.expect(3);
    for words in ["bin/helm9` cannot be run", "GANTRY_HELM"] {
        assert!(up.stderr.contains(words), "{}", up.stderr);
    }
}

#[test]
fn an_object_that_somebody_else_has() {
    let name = "an_object_that_somebody_else_has";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    stack
        .kubectl(&["create", "namespace", &stack.namespace])
        .expect(0);
    stack
        .kubectl(&["create", "configmap", "web-values"])
        .expect(0);
    fails(&stack, 3, &["web-values", "invalid ownership metadata"]);
}

#[test]
fn kinds_that_the_cluster_does_not_know() {
    let name = "kinds_that_the_cluster_does_not_know";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 4) else {
        return;
    };
    let old = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: { name: old }\n---\n\
               apiVersion: apps/v1\nkind: Deploymnet\nmetadata: { name: typo }\n";
    stack.sandbox.write("web/templates/old.yaml", old);
    let says = [
        "the cluster knows no kind PodDisruptionBudget of policy/v1beta1 (poddisruptionbudget/old in \
         web/templates/old.yaml)",
        "it knows PodDisruptionBudget of policy/v1",
        "Deploymnet of apps/v1",
        "did you mean Deployment of apps/v1?",
    ];
    fails(&stack, 3, &says);
}

/// A definition of a kind in a group of its own, and an object of it.
fn own_kind(stack: &Stack) -> (String, String) {
    let group = format!("{}.example.com", stack.namespace);
    let definition = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{ name: owns.{group} }}\nspec:\n  \
         group: {group}\n  scope: Namespaced\n  names: {{ kind: Own, plural: owns, singular: own }}\n  versions:\n  - name: v1\n    \
         served: true\n    storage: true\n    schema: {{ openAPIV3Schema: {{ type: object }} }}\n"
    );
    let object = format!("apiVersion: {group}/v1\nkind: Own\nmetadata: {{ name: own }}\n");
    (definition, object)
}

#[test]
fn kinds_that_the_chart_brings_along_are_known() {
    let name = "kinds_that_the_chart_brings_along";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    let (definition, object) = own_kind(&stack);
    stack.sandbox.write("web/crds/own.yaml", &definition);
    stack.sandbox.write("web/templates/own.yaml", &object);
    stack.up();
    stack.gantry(&["down"]).expect(0);
    stack.kubectl(&[
        "delete",
        "-f",
        &stack
            .sandbox
            .path("stack/web/crds/own.yaml")
            .display()
            .to_string(),
    ]);
}

#[test]
fn kinds_that_an_earlier_service_brings_along_are_waited_for() {
    let name = "kinds_that_an_earlier_service_brings_along";
    let Some(stack) = Stack::new(&format!("wrong::{name}"), 3) else {
        return;
    };
    let (definition, object) = own_kind(&stack);
    stack.sandbox.write(
        "operator/Chart.yaml",
        "apiVersion: v2\nname: operator\nversion: 1.0.0\n",
    );
    stack
        .sandbox
        .write("operator/templates/own.yaml", &definition);
    stack.sandbox.write("web/templates/own.yaml", &object);
    stack.file(
        "[services.web]\ndepends-on = [\"operator\"]\n[services.operator.helm]\nchart = \"./operator\"\n\
         create-namespace = true",
    );
    stack.up();
    stack.gantry(&["down"]).expect(0);
}
