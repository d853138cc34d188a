//! How the stack file is found and named.

use std::fs;

use crate::support::Stack;

const SMALL: &str = "name = \"small\"\n[services.one.process]\ncommand = [\"sleep\", \"1000\"]\n";

#[test]
fn in_a_folder_above() {
    let stack = Stack::of(SMALL);
    let below = stack.path().join("a/b");
    fs::create_dir_all(&below).expect("folders");
    let output = gantry_test::output(stack.command(&["validate"]).current_dir(below));
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn named_before_the_verb_or_after_it() {
    let stack = Stack::empty();
    stack.write("other.toml", SMALL);
    stack.gantry(&["-f", "other.toml", "validate"]).expect(0);
    stack.gantry(&["validate", "-f", "other.toml"]).expect(0);
    stack.gantry(&["logs", "--file", "other.toml"]).expect(0);
    stack.gantry(&["validate"]).expect(2);
}

#[test]
fn later_files_lie_over_earlier_ones() {
    let stack = Stack::of(SMALL);
    stack.write(
        "more.toml",
        "[services.two.process]\ncommand = [\"sleep\", \"1000\"]\n",
    );
    let run = stack.gantry(&[
        "-f",
        "gantry.toml",
        "-f",
        "more.toml",
        "status",
        "-o",
        "json",
    ]);
    let status: serde_json::Value = serde_json::from_str(&run.expect(0).stdout).expect("JSON");
    assert_eq!(
        status["services"].as_array().map(Vec::len),
        Some(2),
        "{status:#}"
    );
}

#[test]
fn yaml_is_read_too() {
    let stack = Stack::empty();
    stack.write(
        "gantry.yaml",
        "name: small\nservices:\n  one:\n    process:\n      command: [sleep, '1000']\n",
    );
    stack.gantry(&["validate"]).expect(0);
}
