//! `gantry attach` to a pod, by somebody at a terminal of their own.

use gantry_test::wait_until;

use super::{PATIENCE, SERVES, Stack, web};
use crate::attach::Desk;
use crate::support::service;

/// Reads words, says what it got and how large its terminal is, and ends at `end`.
const CONSOLE: &str = r#"
apiVersion: v1
kind: Pod
metadata: { name: console }
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers:
    - { name: beside, image: "busybox:1.36", command: [sleep, "1000"] }
    - name: console
      image: busybox:1.36
      command: [sh, -c, "echo ready; while read word; do echo got $word; stty size; test $word != end || exit 7; done"]
"#;

fn console(more: &str) -> String {
    CONSOLE.replace(
        "      image: busybox:1.36\n      command",
        &format!("      image: busybox:1.36\n{more}      command"),
    )
}

#[test]
fn a_terminal_of_a_pod_is_joined_left_and_joined_again() {
    let manifests = console("      stdin: true\n      tty: true\n");
    let Some(stack) = Stack::new("kubernetes::attach::a_terminal", &manifests) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let mut desk = Desk::sit(&stack.sandbox, &["attach", "web"]);
    desk.sees("ready");
    desk.types("one\r");
    desk.sees("got one");
    desk.sees("30 90");
    desk.resize(40, 100);
    // The new size has a way of its own into the pod.
    desk.asks("two\r", "40 100");
    desk.types("three\r");
    desk.sees("got three");
    // By the usual keys.
    desk.types("\u{10}\u{11}");
    assert_eq!(desk.ends(), 0);
    assert_eq!(service(&stack.sandbox.status(), "web")["state"], "running");

    let mut desk = Desk::sit(&stack.sandbox, &["attach", "web"]);
    desk.sees("got three");
    desk.types("end\r");
    desk.sees("exit code 7");
    assert_eq!(desk.ends(), 1);
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn an_input_without_a_terminal_is_joined() {
    let manifests = console("      stdin: true\n").replace("stty size; ", "");
    let Some(stack) = Stack::new("kubernetes::attach::an_input", &manifests) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let mut desk = Desk::sit(&stack.sandbox, &["attach", "web"]);
    desk.sees("ready");
    desk.types("word\r");
    desk.sees("got word");
    desk.types("end\r");
    assert_eq!(desk.ends(), 1);
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn what_cannot_be_joined_says_what_would_help() {
    let Some(stack) = Stack::new("kubernetes::attach::what_cannot", &web(SERVES)) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let mut desk = Desk::sit(&stack.sandbox, &["attach", "web"]);
    desk.sees("`stdin: true` and `tty: true`");
    assert_eq!(desk.ends(), 1);
    stack
        .kubectl(&["scale", "deployment", "web", "--replicas=0"])
        .expect(0);
    let pods = ["get", "pods", "-o", "name"];
    let none = || stack.kubectl(&pods).stdout;
    wait_until(PATIENCE, "no pod is there", none, String::is_empty);
    let mut desk = Desk::sit(&stack.sandbox, &["attach", "web"]);
    desk.sees("none of its pods runs");
    assert_eq!(desk.ends(), 1);
    stack.gantry(&["down"]).expect(0);
}
