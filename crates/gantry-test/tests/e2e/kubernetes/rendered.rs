//! Manifests that are made before they are applied: of templates, and by a kustomization.

use super::{SERVES, Stack, web};

#[test]
fn manifests_are_rendered_from_templates() {
    let Some(stack) = Stack::new("kubernetes::rendered::templates", "") else {
        return;
    };
    let template = web("echo {{ vars.word }}; exec httpd -f -p 8000");
    stack.sandbox.write(
        "manifests/all.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: plain }\n",
    );
    stack.sandbox.write("manifests/web.yaml.j2", &template);
    let file = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    let with = |word: &str| {
        let vars = format!("name = \"shop\"\nvars = {{ word = \"{word}\" }}");
        stack
            .sandbox
            .write("gantry.toml", &file.replace("name = \"shop\"", &vars));
    };
    with("hello");
    let drawn = stack.gantry(&["render", "--manifests"]);
    assert!(
        drawn.expect(0).stdout.contains("echo hello"),
        "{}",
        drawn.stdout
    );
    stack.gantry(&["up", "-d"]).expect(0);
    let command = [
        "get",
        "deployment",
        "web",
        "-o",
        "jsonpath={.spec.template.spec.containers[0].command[2]}",
    ];
    assert_eq!(
        stack.kubectl(&command).stdout,
        "echo hello; exec httpd -f -p 8000"
    );
    stack.kubectl(&["get", "configmap", "plain"]).expect(0);
    let same = stack.gantry(&["up", "-d"]);
    assert!(same.stderr.contains("Nothing to do"), "{}", same.stderr);

    // What a template becomes is what counts.
    with("goodbye");
    let plan = stack.gantry(&["plan"]);
    assert!(plan.stdout.contains("update"), "{}", plan.stdout);
    let diff = stack.gantry(&["diff"]);
    assert!(diff.stdout.contains("echo goodbye"), "{}", diff.stdout);
    stack.gantry(&["up", "-d"]).expect(0);
    assert_eq!(
        stack.kubectl(&command).stdout,
        "echo goodbye; exec httpd -f -p 8000"
    );

    // A broken one changes nothing.
    stack.sandbox.write(
        "manifests/web.yaml.j2",
        &template.replace("vars.word", "vars.wrod"),
    );
    let wrong = stack.gantry(&["up", "-d"]);
    wrong.expect(2);
    assert!(
        wrong.stderr.contains("manifests/web.yaml.j2:"),
        "{}",
        wrong.stderr
    );
    assert!(Stack::is_ready(&stack.sandbox.status()));
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_kustomization_is_applied_and_a_broken_one_is_told() {
    let Some(stack) = Stack::new("kubernetes::rendered::kustomization", "") else {
        return;
    };
    stack.sandbox.write("base/web.yaml", &web(SERVES));
    stack
        .sandbox
        .write("base/kustomization.yaml", "resources: [web.yaml]\n");
    let over = "resources: [../base]\nnameSuffix: -blue\nlabels: [{ pairs: { colour: blue }, includeSelectors: true }]\n\
        configMapGenerator: [{ name: settings, literals: [a=b] }]\n";
    stack.sandbox.write("over/kustomization.yaml", over);
    let file = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    let file = file.replace("manifests = \"manifests\"", "kustomize = \"over\"");
    let kubectl = format!("[kubernetes]\nkubectl = [\"{}\"]\n", stack.kubectl);
    let whole = format!("{file}{kubectl}");
    stack.sandbox.write("gantry.toml", &whole);
    stack.gantry(&["up", "-d"]).expect(0);
    let objects = stack.objects();
    assert!(
        objects.contains("deployment.apps/web-blue") && objects.contains("service/web-blue"),
        "{objects}"
    );
    let settings = objects
        .lines()
        .filter(|line| line.starts_with("configmap/settings-blue-"));
    assert_eq!(settings.count(), 1, "{objects}");
    let same = stack.gantry(&["up", "-d"]);
    assert!(same.stderr.contains("Nothing to do"), "{}", same.stderr);

    // A change in the base is one; the map of before goes.
    stack
        .sandbox
        .write("over/kustomization.yaml", &over.replace("a=b", "a=c"));
    stack.gantry(&["up", "-d"]).expect(0);
    let objects = stack.objects();
    let settings = objects
        .lines()
        .filter(|line| line.starts_with("configmap/settings-blue-"));
    assert_eq!(settings.count(), 1, "{objects}");

    for (name, text, words) in [
        (
            "a file that is not there",
            "resources: [nowhere.yaml]\n",
            "nowhere.yaml",
        ),
        (
            "a field that is none",
            "resourcez: [../base]\n",
            "resourcez",
        ),
        ("no YAML", "resources: [\n", "invalid Kustomization"),
    ] {
        stack.sandbox.write("over/kustomization.yaml", text);
        let wrong = stack.gantry(&["up", "-d"]);
        wrong.expect(2);
        assert!(wrong.stderr.contains(words), "{name}: {}", wrong.stderr);
        assert!(
            wrong.stderr.contains("gantry.toml:3"),
            "{name}: {}",
            wrong.stderr
        );
    }
    // What it asks for is looked at before, as that of plain manifests.
    let large = r#"patches:
  - target: { kind: Deployment }
    patch: '[{ "op": "add", "path": "/spec/template/spec/containers/0/resources", "value": { "requests": { "memory": "900Gi" } } }]'
"#;
    stack
        .sandbox
        .write("over/kustomization.yaml", &format!("{over}{large}"));
    let large = stack.gantry(&["up", "-d"]);
    large.expect(3);
    assert!(large.stderr.contains("900Gi"), "{}", large.stderr);
    assert!(Stack::is_ready(&stack.sandbox.status()));

    // Without a kubectl, pre-flight says so.
    stack.sandbox.write("over/kustomization.yaml", over);
    stack.sandbox.write(
        "gantry.toml",
        &whole.replace(&stack.kubectl, "no-such-kubectl"),
    );
    let none = stack.gantry(&["up", "-d"]);
    none.expect(3);
    assert!(none.stderr.contains("no-such-kubectl"), "{}", none.stderr);
    stack.gantry(&["down"]).expect(0);
    assert_eq!(stack.objects(), "");
}
