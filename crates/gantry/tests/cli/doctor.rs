//! What `doctor` says of a machine. Its engine is a fake, and its programs are those of one folder.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use insta::assert_snapshot;
use serde_json::Value;

use crate::containers::{Answer, engine};
use crate::support::{Run, Stack};

const IMAGE: &[Answer] = &[("/images/x/json", 200, r#"{"Id":"sha256:1"}"#)];

/// A machine with one engine, and a Compose plug-in that is this old.
fn machine(compose: &str, answers: &'static [Answer]) -> Stack {
    let stack = Stack::empty();
    engine(&stack.path(), answers);
    let bin = stack.path().join("bin");
    fs::create_dir(&bin).expect("a folder");
    let script = format!("#!/bin/sh\n[ \"$1\" = compose ] && echo {compose}\n");
    let docker = stack.write("bin/docker", &script);
    fs::set_permissions(docker, Permissions::from_mode(0o755)).expect("it can be run");
    stack
}

fn doctor(stack: &Stack, words: &[&str]) -> Command {
    let words = [&["doctor"], words].concat();
    let mut command = stack.command(&words);
    let socket = |name: &str| format!("unix://{}", stack.path().join(name).display());
    command
        .env("PATH", stack.path().join("bin"))
        .env("HOME", stack.path())
        .env_remove("KUBECONFIG")
        .env("DOCKER_HOST", socket("engine.sock"))
        .env("CONTAINER_HOST", socket("none.sock"))
        .env("GANTRY_NO_CGROUP", "1");
    command
}

#[test]
fn a_machine_is_shown_where_no_stack_is() {
    let stack = machine("v2.30.0", &[]);
    assert_snapshot!("nowhere", stack.show(doctor(&stack, &[])));
    assert_snapshot!("nowhere_json", stack.show(doctor(&stack, &["-o", "json"])));
    assert_snapshot!("nowhere_yaml", stack.show(doctor(&stack, &["-o", "yaml"])));
}

#[test]
fn why_an_engine_was_chosen_is_told() {
    let stack = machine("v1.29.2", &[]);
    let mut command = doctor(&stack, &[]);
    command.env("GANTRY_ENGINE", "podman");
    assert_snapshot!("variable", stack.show(command));
    let mut command = doctor(&stack, &[]);
    command.env("GANTRY_COMPOSE", "docker-compose");
    assert_snapshot!("variable_compose", stack.show(command));
}

#[test]
fn what_a_stack_lacks_ends_with_3() {
    let stack = machine("v2.30.0", IMAGE);
    let file = |lines: &str| {
        let text = format!(
            "name = \"shop\"\n[services.api.container]\nimage = \"x\"\n{lines}\n\
             [services.web]\nports = {{ http = 0 }}\n[services.web.process]\n\
             command = [\"./docker\", \"{{{{ ports.http }}}}\"]\nfolder = \"bin\"\n"
        );
        stack.write("gantry.toml", &text);
    };
    file("");
    assert_snapshot!("stack_whole", stack.show(doctor(&stack, &[])));
    file("engine = \"podman\"\nfiles = \"licence.key\"");
    assert_snapshot!("stack_lacks", stack.show(doctor(&stack, &[])));
    let output = doctor(&stack, &["-o", "json"]).output().expect("it runs");
    let run = Run::from(output);
    run.expect(3);
    let told: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(told["lacks"], true);
    assert_eq!(told["stack"]["findings"][0]["services"][0], "api");
}

#[test]
fn what_is_not_known_before_a_start_is_not_missing() {
    let stack = machine("v2.30.0", IMAGE);
    stack.write(
        "gantry.toml",
        "name = \"shop\"\n[services.db]\nports = { sql = 0 }\n[services.db.process]\ncommand = [\"./bin/docker\"]\n\
         [services.api.container]\nimage = \"x:{{ services.db.ports.sql }}\"\n",
    );
    assert_snapshot!("stack_unknown", stack.show(doctor(&stack, &[])));
}

#[test]
fn a_wrong_stack_file_is_told_as_everywhere() {
    let stack = machine("v2.30.0", &[]);
    stack.write("gantry.toml", "name = 3\n");
    let output = doctor(&stack, &[]).output().expect("it runs");
    Run::from(output).expect(2);
}

#[test]
fn clusters_kubectl_and_helm_are_shown() {
    let stack = machine("2.30.0", &[]);
    for (name, says) in [
        ("helm", "v3.19.0+g3d8990f"),
        ("kubectl", "Client Version: v1.34.1"),
    ] {
        let script = stack.write(&format!("bin/{name}"), &format!("#!/bin/sh\necho {says}\n"));
        fs::set_permissions(script, Permissions::from_mode(0o755)).expect("it can be run");
    }
    let context = |name: &str| {
        format!(
            "- {{ name: {name}, cluster: {{ server: 'https://127.0.0.1:1' }} }}\n@- {{ name: {name}, context: {{ cluster: {name}, \
             user: me, namespace: shop }} }}\n"
        )
    };
    let (one, other) = (context("lab"), context("office"));
    let parts: Vec<&str> = one.split('@').chain(other.split('@')).collect();
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: lab\nclusters:\n{}{}contexts:\n{}{}users:\n- {{ name: me, user: {{}} }}\n",
        parts[0], parts[2], parts[1], parts[3]
    );
    stack.write("kubeconfig", &config);
    let mut command = doctor(&stack, &[]);
    command.env("KUBECONFIG", stack.path().join("kubeconfig"));
    let shown = stack.show(command);
    let of_clusters: Vec<&str> = shown
        .lines()
        .skip_while(|line| !line.starts_with("kubernetes"))
        .collect();
    assert_snapshot!("of_clusters", of_clusters.join("\n"));
}
