//! Files of other tools, of the size that they have, as stack files.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use crate::support::Stack;

/// A stack's folder with these files.
fn with(folder: &str) -> Stack {
    let stack = Stack::empty();
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cli/import")
        .join(folder);
    copy(&from, &stack.path());
    stack
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to.join(from.file_name().expect("a name"))).expect("a file");
        return;
    }
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let into = if path.is_dir() {
            to.join(path.file_name().expect("a name"))
        } else {
            to.to_owned()
        };
        copy(&path, &into);
    }
}

#[test]
fn a_large_compose_file() {
    let stack = with("compose.yaml");
    let more = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/import/search.yaml");
    copy(&more, &stack.path());
    for folder in ["migrate", "schema", "secrets"] {
        fs::create_dir(stack.path().join(folder)).expect("a folder");
    }
    stack.write("api.env", "X=1\n");
    stack
        .gantry(&["import", "compose", "compose.yaml", "--to", "gantry.toml"])
        .expect(0);
    let text = fs::read_to_string(stack.path().join("gantry.toml")).expect("a stack file");
    assert_snapshot!("import_large_compose", text);
    assert_snapshot!("import_large_valid", stack.shown(&["validate"]));
    stack.gantry(&["validate", "--profile", "*"]).expect(0);
    assert_snapshot!(
        "import_large_graph",
        stack.shown(&["graph", "--profile", "*"])
    );
}

fn configuration(name: &str) {
    let stack = with(name);
    stack
        .gantry(&["import", "config", "config.yml", "--to", "gantry.toml"])
        .expect(0);
    let text = fs::read_to_string(stack.path().join("gantry.toml")).expect("a stack file");
    assert_snapshot!(format!("import_{name}"), text);
    // What the configuration is about is not a part of it.
    let folders = ["src", "_agent_data/docs"];
    let folders = folders.iter().map(|name| stack.path().join(name));
    folders.for_each(|folder| fs::create_dir_all(folder).expect("folders"));
    let templates = text.lines().filter_map(|line| line.strip_prefix("file = "));
    for (number, template) in templates.enumerate() {
        let path = stack.path().join(template.trim_matches('"'));
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        let text = format!("services:\n  one-{number}:\n    image: x\n");
        fs::write(path, text).expect("a template");
    }
    assert_snapshot!(
        format!("import_{name}_valid"),
        stack.shown(&["-f", "gantry.toml", "validate"])
    );
    // Both name the same services.
    let services = |file: &str| {
        let graph = stack.gantry(&["-f", file, "graph"]);
        graph.expect(0).stdout.clone()
    };
    assert_eq!(services("gantry.toml"), services("config.yml"));
}

#[test]
fn a_configuration_of_the_older_generation() {
    configuration("older");
}

#[test]
fn a_configuration_of_the_newer_generation() {
    configuration("newer");
}
