//! `up` after the file has changed restarts what changed, and nothing else.

use gantry_test::Sandbox;

use crate::support::{pids, service};

fn file(greeting: &str, extra: &str) -> String {
    format!(
        "name = \"changing\"\n\
         [services.same.process]\ncommand = [\"sleep\", \"1000\"]\n\
         [services.other]\nenv = {{ GREETING = \"{greeting}\" }}\n\
         [services.other.process]\ncommand = [\"sleep\", \"1000\"]\n{extra}"
    )
}

#[test]
fn only_what_changed_is_restarted() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &file("hello", ""));
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = sandbox.status();

    // Nothing changed: nothing to do.
    assert_eq!(
        sandbox.gantry(["plan", "-o", "json"]).expect(0).json()["steps"]
            .as_array()
            .map(Vec::len),
        Some(0)
    );
    sandbox.gantry(["up", "-d"]).expect(0);
    assert_eq!(pids(&sandbox.status()), pids(&before));

    sandbox.write("gantry.toml", &file("good morning", ""));
    let plan = sandbox.gantry(["plan", "-o", "json"]).expect(0).json();
    let steps = plan["steps"].as_array().expect("steps is an array");
    assert!(
        steps.iter().all(|step| step["service"] == "other"),
        "{plan:#}"
    );
    assert!(
        plan.to_string().contains("GREETING"),
        "the reason names the field: {plan:#}"
    );
    sandbox.gantry(["up", "-d"]).expect(0);
    let after = sandbox.status();
    let pid = |status, name: &str| service(status, name)["instances"][0]["pid"].clone();
    assert_eq!(pid(&before, "same"), pid(&after, "same"));
    assert_ne!(pid(&before, "other"), pid(&after, "other"));
    assert_eq!(
        service(&after, "other")["restarts"],
        0,
        "a new revision is no restart"
    );

    // One more service joins; the others stay.
    let extra = "[services.third.process]\ncommand = [\"sleep\", \"1000\"]\n";
    sandbox.write("gantry.toml", &file("good morning", extra));
    sandbox.gantry(["up", "-d"]).expect(0);
    let grown = sandbox.status();
    assert_eq!(pid(&grown, "other"), pid(&after, "other"));
    assert!(pid(&grown, "third").is_u64());

    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}
