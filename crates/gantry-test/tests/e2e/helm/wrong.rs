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
