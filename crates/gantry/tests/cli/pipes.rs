//! Readers that go away early.

use std::process::Stdio;

use crate::nothing_up::SHOP;
use crate::support::Stack;

#[test]
fn a_broken_pipe_is_no_panic() {
    let stack = Stack::of(SHOP);
    for verb in [
        &["schema"][..],
        &["status"],
        &["config", "show"],
        &["__reference"],
    ] {
        let mut command = stack.command(verb);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("gantry runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("gantry ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{verb:?}: {said}");
        assert_eq!(said, "", "{verb:?}");
    }
}
