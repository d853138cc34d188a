//! What a shell gets.

use crate::support::Stack;

#[test]
fn scripts_for_shells() {
    let stack = Stack::empty();
    for shell in ["bash", "zsh", "fish"] {
        let run = stack.gantry(&["completions", shell]);
        run.expect(0);
        assert!(run.stdout.contains("COMPLETE"), "{}", run.stdout);
    }
    stack.gantry(&["completions", "cmd.exe"]).expect(2);
}

#[test]
fn names_of_services_are_offered() {
    let stack = Stack::of(
        "name = \"shop\"\n[services.store.process]\ncommand = [\"sleep\", \"9\"]\n\
         [services.api]\ndescription = \"Items\"\n[services.api.process]\ncommand = [\"sleep\", \"9\"]\n",
    );
    let mut command = stack.command(&["--", "gantry", "stop", ""]);
    command.env("COMPLETE", "fish");
    let output = gantry_test::output(&mut command);
    let offered = String::from_utf8_lossy(&output.stdout);
    assert!(offered.contains("store"), "{offered}");
    assert!(offered.contains("api\tItems"), "{offered}");
}

#[test]
fn a_wrong_file_offers_nothing_and_says_nothing() {
    let stack = Stack::of("name = ");
    let mut command = stack.command(&["--", "gantry", "stop", ""]);
    command.env("COMPLETE", "fish");
    let output = gantry_test::output(&mut command);
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
