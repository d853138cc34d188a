//! Values of releases from the command line and the environment.

use serde_json::{Value, json};

use super::Stack;

/// What the chart was given as `extra`.
fn extra(stack: &Stack) -> Value {
    let found = stack.kubectl(&[
        "get",
        "configmap",
        "web-values",
        "-o",
        "jsonpath={.data.extra}",
    ]);
    let mut found: Value = serde_json::from_str(&found.stdout).expect("JSON");
    // Helm itself takes a nothing for a wish to leave it out; some of its releases hand it on.
    if let Some(map) = found.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    found
}

/// With these flags, then without any.
fn from_flags(test: &str, helm: u32) {
    let Some(stack) = Stack::new(test, helm) else {
        return;
    };
    stack.sandbox.write(
        "own.yaml",
        "extra: { a: file, b: file, c: file, d: file }\n",
    );
    stack.sandbox.write(
        "ci.yaml",
        "extra: { c: ci, d: ci, nvidia.com/gpu: 1, zeros: '007' }\n",
    );
    stack.file("values-files = \"own.yaml\"\nvalues = { \"extra.b\" = \"inline\", extra = { c = \"inline\", e = 5 } }");
    stack.up();
    let without = json!({ "a": "file", "b": "inline", "c": "inline", "d": "file", "e": 5 });
    assert_eq!(extra(&stack), without);
    let flags = [
        "--values",
        "web:ci.yaml",
        "--set-value",
        "extra.d=flag",
        "--set-value",
        "web:extra.one=1",
        "--set-value",
        "extra.text=\"1\"",
        "--set-value",
        "extra.version=1.10",
        "--set-value",
        "extra.yes=true",
        "--set-value",
        "extra.list=[1, two, {a: 1}]",
        "--set-value",
        "extra.x\\.y=dot",
        "--set-value",
        "extra.empty={}",
        "--set-value",
        "extra.e=null",
        "--set-value",
        "extra.mail=a:b=c",
    ];
    let with = |verb: &[&str]| stack.gantry(&[verb, &flags].concat());
    let plan = with(&["plan"]);
    for words in ["values-files", "values.extra"] {
        assert!(plan.stdout.contains(words), "{words} in {}", plan.stdout);
    }
    let diff = with(&["diff"]);
    assert!(
        diff.stdout.contains("~ configmap/web-values"),
        "{}",
        diff.stdout
    );
    with(&["up", "-d"]).expect(0);
    let given = json!({
        "a": "file", "b": "inline", "c": "ci", "d": "flag", "nvidia.com/gpu": 1, "zeros": "007", "one": 1, "text": "1",
        "version": "1.10", "yes": true, "list": [1, "two", { "a": 1 }], "x.y": "dot", "empty": {}, "mail": "a:b=c",
    });
    assert_eq!(extra(&stack), given);
    let again = with(&["up", "-d"]);
    assert!(again.stderr.contains("Nothing to do"), "{}", again.stderr);
    // What the file says is what an `up` without flags goes by.
    stack.up();
    assert_eq!(extra(&stack), without);
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 3)));
    let origins = stack.gantry(&["config", "show", "--origins", "--set-value", "extra.b=flag"]);
    assert!(origins.stdout.contains("--set-value"), "{}", origins.stdout);
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn values_of_the_command_line_lie_over_all_others_with_helm_3() {
    from_flags("values_of_the_command_line_with_helm_3", 3);
}

#[test]
fn values_of_the_command_line_lie_over_all_others_with_helm_4() {
    from_flags("values_of_the_command_line_with_helm_4", 4);
}

#[test]
fn a_values_file_of_the_command_line_that_is_not_there_stops_before_anything() {
    let Some(stack) = Stack::new("a_values_file_of_the_command_line", 3) else {
        return;
    };
    let up = stack.gantry(&["up", "-d", "--values", "nowhere.yaml"]);
    up.expect(3);
    assert!(up.stderr.contains("nowhere.yaml"), "{}", up.stderr);
    assert_eq!(stack.release(), None);
}

#[test]
fn secrets_are_those_of_the_environment_of_the_up_that_is_run() {
    let Some(stack) = Stack::new("secrets_are_those_of_the_environment", 4) else {
        return;
    };
    stack.file("values = { \"extra.pw\" = { from-env = \"GANTRY_TEST_PW\" } }");
    let run = |verb: &[&str], password: Option<&str>| {
        let mut command = stack.sandbox.command(verb);
        command.env_remove("GANTRY_TEST_PW");
        if let Some(password) = password {
            command.env("GANTRY_TEST_PW", password);
        }
        gantry_test::Run::from(gantry_test::output(&mut command))
    };
    run(&["up", "-d"], Some("first")).expect(0);
    assert_eq!(extra(&stack), json!({ "pw": "first" }));
    let plan = run(&["plan"], Some("second"));
    for words in ["update", "its secrets changed"] {
        assert!(plan.stdout.contains(words), "{words} in {}", plan.stdout);
    }
    let same = run(&["plan"], Some("first"));
    assert!(same.stdout.contains("Nothing to do"), "{}", same.stdout);
    run(&["up", "-d"], Some("second")).expect(0);
    assert_eq!(extra(&stack), json!({ "pw": "second" }));
    // One that is gone is not taken from an earlier `up`.
    let gone = run(&["up", "-d"], None);
    assert_ne!(gone.code, 0);
    for words in ["GANTRY_TEST_PW", "not set"] {
        assert!(gone.stderr.contains(words), "{words} in {}", gone.stderr);
    }
    assert_eq!(extra(&stack), json!({ "pw": "second" }));
    run(&["down"], None).expect(0);
}
