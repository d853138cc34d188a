//! Joining a service's terminal, where that cannot be.

use insta::assert_snapshot;

use crate::support::Stack;

const ROOMS: &str = r#"
name = "rooms"

[services.console.process]
command = ["cat"]
tty = true

[services.pair]
replicas = 2
[services.pair.process]
command = ["cat"]
tty = true

[services.plain.process]
command = ["sleep", "1000"]

[services.off]
auto-start = false
[services.off.process]
command = ["cat"]
tty = true
"#;

#[test]
fn whoever_cannot_join_is_told_why() {
    let stack = Stack::of(ROOMS);
    assert_snapshot!("attach_not_up", stack.shown(&["attach", "console"]));
    stack.gantry(&["up", "-d"]).expect(0);
    assert_snapshot!("attach_unknown", stack.shown(&["attach", "consle"]));
    assert_snapshot!("attach_without_tty", stack.shown(&["attach", "plain"]));
    assert_snapshot!("attach_of_several", stack.shown(&["attach", "pair"]));
    assert_snapshot!("attach_of_too_few", stack.shown(&["attach", "pair/3"]));
    assert_snapshot!("attach_stopped", stack.shown(&["attach", "off"]));
    assert_snapshot!("attach_wrong_seat", stack.shown(&["attach", "pair/x"]));
    assert_snapshot!(
        "attach_wrong_keys",
        stack.shown(&["attach", "console", "--detach-keys", "alt-x"])
    );
}
