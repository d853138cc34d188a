//! What follows when a part of a project ends after all were ready.

use gantry_test::{Engine, wait_until};

use super::{Stage, on};
use crate::support::{PATIENCE, service};

const SHOP: &str = r#"
x-base: &base
  image: IMAGE
  pull_policy: never
  # Ends badly when it is told to by a file: of what is killed from without, engines make nothing.
  command: [sh, -c, "trap 'exit 0' TERM; while ! rm /tmp/end; do sleep 0.1; done 2>/tmp/said; exit 3"]
services:
  kept: { <<: *base, restart: on-failure }
  other: { <<: *base }
"#;

const STACK: &str = r#"
name = "parts"
[services.shop]
restart = { backoff = "100ms..200ms" }
[services.shop.compose]
files = ["shop.yaml"]
engine = "ENGINE"
"#;

fn the_files_own_policy_counts(engine: &Engine, command: &'static str) {
    let stage = Stage::of(engine, command, STACK, SHOP);
    stage.gantry(&["up", "-d"]).expect(0);
    let (kept, other) = (stage.container("kept"), stage.container("other"));
    let ask = |format: &str, id: &str| engine.say(&["inspect", "--format", format, id]);
    let since = "{{.State.StartedAt}}";
    let before = ask(since, &other);
    engine
        .say(&["exec", &kept, "touch", "/tmp/end"])
        .expect("it runs");
    wait_until(
        PATIENCE,
        "its engine starts it again",
        || ask("{{.RestartCount}}", &kept),
        |count| count.as_deref() == Some("1"),
    );
    wait_until(
        PATIENCE,
        "all is well again",
        || stage.sandbox.status(),
        |status| {
            Stage::child(status, "shop/kept") == "running"
                && service(status, "shop")["ready"] == true
        },
    );
    assert_eq!(ask(since, &other), before, "the others are left alone");
    let status = stage.sandbox.status();
    assert_eq!(service(&status, "shop")["restarts"], 0, "{status:#}");
    stage.gantry(&["down", "--purge"]).expect(0);
}

#[test]
fn what_its_engine_starts_again_is_left_to_it() {
    on(
        Engine::docker(),
        "docker compose",
        "restart in a Compose file",
        the_files_own_policy_counts,
    );
}
