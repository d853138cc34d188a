//! What `--help` says.

use crate::support::Stack;

#[test]
fn of_gantry() {
    insta::assert_snapshot!(Stack::empty().shown(&["--help"]));
}

#[test]
fn of_up() {
    insta::assert_snapshot!(Stack::empty().shown(&["up", "--help"]));
}

#[test]
fn of_every_verb_fits_a_terminal() {
    let stack = Stack::empty();
    let verbs = [
        "up",
        "down",
        "start",
        "stop",
        "restart",
        "status",
        "logs",
        "explain",
        "events",
        "timeline",
        "plan",
        "graph",
        "validate",
        "ls",
        "config",
        "schema",
        "completions",
    ];
    for verb in verbs {
        let run = stack.gantry(&[verb, "--help"]);
        run.expect(0);
        assert!(run.stdout.contains("Usage: gantry"), "{}", run.stdout);
        assert!(
            !run.stdout.contains('\x1b'),
            "no colour in a pipe: {}",
            run.stdout
        );
        let longest = run.stdout.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(100), "{verb}: {}", run.stdout);
    }
}
