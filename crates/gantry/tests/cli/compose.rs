//! What is wrong with Compose projects, told before anything is started. The engine is a fake, and so is the command.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;

use crate::containers::{Answer, engine};
use crate::support::Stack;

/// What the command makes of the files.
const PROJECT: &str = r#"{ "name": "p", "services": {
  "db": { "image": "db:9", "pull_policy": "never", "container_name": "db" },
  "web": { "image": "x", "ports": [{ "target": 80, "published": "64999" }],
           "depends_on": { "db": { "condition": "service_healthy" } } } },
  "networks": { "default": { "name": "p_default" } } }"#;

/// An engine with all that the project needs.
const THERE: &[Answer] = &[("/images/db:9/json", 200, r#"{"Id":"sha256:1"}"#)];

/// Somebody else has a port and a name.
const HELD: &[Answer] = &[
    THERE[0],
    (
        "/containers/json",
        200,
        r#"[{"Id":"1","Names":["/old-shop"],"Image":"shop:1","Labels":{"com.docker.compose.project":"old"},
             "Ports":[{"PrivatePort":80,"PublicPort":64999,"Type":"tcp"}]},
            {"Id":"2","Names":["/db"],"Image":"db:9","Labels":{}}]"#,
    ),
];

/// A command that says it is of this version, and answers `config` by this line of shell.
fn command(stack: &Stack, version: &str, config: &str) {
    let folder = stack.path().join("bin");
    fs::create_dir(&folder).expect("a folder");
    let file = folder.join("docker-compose");
    let text = format!(
        "#!/bin/sh\ncase \" $* \" in\n*' version '*) echo {version} ;;\n*' config '*) {config} ;;\nesac\n"
    );
    fs::write(&file, text).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("permissions");
    stack.write("project.json", PROJECT);
    stack.write("compose.yaml", "services: {}\n");
}

const KNOWN: &str = "/bin/cat project.json";

/// What an `up` of a stack with these lines says.
fn up(lines: &str, answers: &'static [Answer], version: &str, config: &str) -> String {
    let stack = Stack::empty();
    command(&stack, version, config);
    let socket = engine(&stack.path(), answers);
    shown(&stack, lines, &format!("unix://{}", socket.display()), &[])
}

fn shown(stack: &Stack, lines: &str, engine: &str, env: &[(&str, &str)]) -> String {
    let text =
        format!("name = \"shop\"\n[services.shop.compose]\nengine = \"{engine}\"\n{lines}\n");
    stack.write("gantry.toml", &text);
    // What this machine has of commands is not found.
    let path = stack.path().join("bin");
    let mut command = stack.command(&["up", "-d"]);
    command.env("PATH", path).envs(env.iter().copied());
    stack.show(command)
}

#[test]
fn a_command_that_is_not_to_be_had_is_told() {
    let stack = Stack::empty();
    stack.write("compose.yaml", "services: {}\n");
    let socket = engine(&stack.path(), THERE);
    let address = format!("unix://{}", socket.display());
    let files = "files = \"compose.yaml\"";
    assert_snapshot!("command_none", shown(&stack, files, &address, &[]));
    let unknown = [("GANTRY_COMPOSE", "docker-composer")];
    assert_snapshot!("command_unknown", shown(&stack, files, &address, &unknown));
    assert_snapshot!("command_old", up(files, THERE, "1.29.2", KNOWN));
}

#[test]
fn what_the_command_refuses_is_told_in_its_words() {
    let refuses = "echo 'services.web.ports must be a list' >&2; exit 15";
    assert_snapshot!(
        "config_refused",
        up("files = \"compose.yaml\"", THERE, "2.26.1", refuses)
    );
    let nonsense = "echo nonsense";
    assert_snapshot!(
        "config_nonsense",
        up("files = \"compose.yaml\"", THERE, "2.26.1", nonsense)
    );
    let missing = "echo 'open nothing.yaml: no such file or directory' >&2; exit 14";
    assert_snapshot!(
        "config_missing",
        up("files = \"nothing.yaml\"", THERE, "2.26.1", missing)
    );
}

#[test]
fn what_a_project_does_not_have_is_told() {
    let part = "files = \"compose.yaml\"\nservices = [\"wbe\"]";
    assert_snapshot!("no_part", up(part, THERE, "2.26.1", KNOWN));
    let behind = "files = \"compose.yaml\"\n[services.x]\ndepends-on = [\"shop/dbb\"]\n\
                  [services.x.process]\ncommand = [\"/bin/true\"]";
    assert_snapshot!("no_part_to_wait_for", up(behind, THERE, "2.26.1", KNOWN));
}

#[test]
fn what_others_have_and_what_is_not_there_is_told_at_once() {
    let files = "files = \"compose.yaml\"";
    assert_snapshot!("project_held", up(files, HELD, "2.26.1", KNOWN));
    assert_snapshot!("project_image", up(files, &[], "2.26.1", KNOWN));
}

#[test]
fn what_makes_no_sense_is_told_at_its_place() {
    for (name, lines) in [
        ("compose_nothing", "pull = \"never\""),
        (
            "compose_both",
            "files = \"a.yaml\"\ntemplate = \"b.yaml.j2\"",
        ),
        ("compose_key", "file = \"a.yaml\""),
        ("compose_pull", "files = \"a.yaml\"\npull = \"sometimes\""),
        (
            "compose_part_of_template",
            "template = \"b.yaml.j2\"\nservices = [\"a\"]",
        ),
        (
            "compose_copy",
            "[services.shop.compose.template]\nfile = \"b.yaml.j2\"\nadditional-dirs = [3]",
        ),
    ] {
        assert_snapshot!(name, up(lines, &[], "2.26.1", KNOWN));
    }
}
