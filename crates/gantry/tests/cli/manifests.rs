//! Templates of manifests, through the command.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::support::Stack;

const STACK: &str = "\
name = \"shop\"
[vars]
tag = \"1.4\"
copies = 2
[services.web.kubernetes]
manifests = [\"k8s/web.yaml.j2\", \"k8s/plain.yaml\"]
[services.api.process]
command = [\"true\"]
[services.api]
ports = { http = 8080 }
";

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: {{ vars.copies }}
  template:
    spec:
      containers:
        - { name: web, image: \"web:{{ vars.tag }}\" }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ name }}-web }
data: { port: \"{{ services.api.ports.http }}\" }
";

const PLAIN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: plain }\n";

fn stack(text: &str, web: &str) -> Stack {
    let stack = Stack::empty();
    std::fs::create_dir_all(stack.path().join("k8s")).expect("a folder");
    stack.write("k8s/web.yaml.j2", web);
    stack.write("k8s/plain.yaml", PLAIN);
    stack.write("gantry.toml", text);
    stack
}

fn read(stack: &Stack, name: &str) -> String {
    std::fs::read_to_string(stack.path().join(name)).expect("a rendered file")
}

#[test]
fn manifests_are_rendered_into_the_build_folder() {
    let stack = stack(STACK, WEB);
    assert_snapshot!("rendered", stack.shown(&["render"]));
    assert_snapshot!("rendered_text", read(&stack, "build/k8s/web.yaml"));
    assert_snapshot!("rendered_again", stack.shown(&["render"]));
    let plan = stack.shown(&["plan"]);
    assert!(plan.contains("start"), "{plan}");
}

#[test]
fn the_templates_of_a_folder_and_of_a_pattern_are_rendered() {
    let folder = STACK.replace("[\"k8s/web.yaml.j2\", \"k8s/plain.yaml\"]", "\"k8s\"");
    assert_snapshot!("folder", stack(&folder, WEB).shown(&["render"]));
    let pattern = STACK.replace("k8s/web.yaml.j2", "k8s/*.j2");
    assert_snapshot!("pattern", stack(&pattern, WEB).shown(&["render"]));
}

#[test]
fn what_is_wrong_with_a_template_is_told_with_its_place() {
    let web = |from: &str, to: &str| {
        assert!(WEB.contains(from), "{from}");
        (STACK.to_owned(), WEB.replace(from, to))
    };
    let file = |from: &str, to: &str| {
        assert!(STACK.contains(from), "{from}");
        (STACK.replace(from, to), WEB.to_owned())
    };
    let cases = [
        ("a name that is not there", web("vars.tag", "vars.tga")),
        (
            "a tag that has no end",
            web("{{ vars.copies }}", "{% if vars.copies %}2"),
        ),
        ("what is known only when it runs", {
            let text = STACK.replace("tag = \"1.4\"", "tag = \"{{ services.api.host }}\"");
            (text, WEB.to_owned())
        }),
        (
            "a document that does not parse",
            web("metadata: { name: {{ name }}-web }", "metadata: { name: ]"),
        ),
        ("a document without a kind", web("kind: ConfigMap\n", "")),
        ("the same object twice", web("{{ name }}-web", "plain")),
        (
            "nothing",
            (
                STACK.replace(", \"k8s/plain.yaml\"", ""),
                "# {{ name }}\n".to_owned(),
            ),
        ),
        (
            "a file that is not there",
            file("k8s/web.yaml.j2", "k8s/wbe.yaml.j2"),
        ),
        (
            "a pattern that matches nothing",
            file("k8s/web.yaml.j2", "k8s/*.yml.j2"),
        ),
        (
            "a file outside",
            file("k8s/web.yaml.j2", "/tmp/web.yaml.j2"),
        ),
        ("a template without its ending", {
            let text = STACK.replace(
                "[\"k8s/web.yaml.j2\", \"k8s/plain.yaml\"]",
                "\"k8s/plain.yaml\"",
            );
            (text, WEB.to_owned())
        }),
    ];
    let mut told = String::new();
    for (name, (text, template)) in cases {
        let stack = stack(&text, &template);
        if name == "a template without its ending" {
            stack.write("k8s/plain.yaml", &template);
        }
        let _ = writeln!(told, "# {name}\n{}", stack.shown(&["render", "--dry-run"]));
        let up = stack.shown(&["up", "-d"]);
        assert!(up.starts_with("exit code: 2\n"), "{name}: {up}");
    }
    assert_snapshot!("wrong", told);
}
