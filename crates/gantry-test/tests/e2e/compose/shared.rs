//! Several services of a stack that are parts of one Compose project.

use gantry_test::{Engine, wait_until};

use super::{Stage, on};
use crate::support::{PATIENCE, service, stack_id};

const SHOP: &str = r#"
x-base: &base
  image: IMAGE
  pull_policy: never
  command: [sh, -c, "trap 'exit 0' TERM; sleep 1000 & wait"]
services:
  db: { <<: *base, volumes: ["data:/data"] }
  web: { <<: *base, depends_on: [db] }
  alone: { <<: *base }
volumes: { data: {} }
"#;

const STACK: &str = r#"
name = "shared"
[services.data.compose]
files = ["shop.yaml"]
project = "PROJECT"
services = ["db"]
engine = "ENGINE"

[services.front]
EDGE
[services.front.compose]
files = ["shop.yaml"]
project = "PROJECT"
services = ["web"]
engine = "ENGINE"

[services.side.compose]
files = ["shop.yaml"]
project = "PROJECT"
services = ["alone"]
engine = "ENGINE"
"#;

fn stage(engine: &Engine, command: &'static str, edge: &str) -> Stage {
    let project = format!(
        "shared-{}-{}-{}",
        std::process::id(),
        edge.len(),
        command.replace(' ', "-")
    );
    let file = STACK.replace("PROJECT", &project).replace("EDGE", edge);
    Stage::of(engine, command, &file, SHOP)
}

fn one_goes_and_the_others_stay(engine: &Engine, command: &'static str) {
    let stage = stage(engine, command, "depends-on = [\"data\"]");
    stage.gantry(&["up", "-d"]).expect(0);
    let status = stage.sandbox.status();
    for (name, children) in [("data", "db"), ("front", "web"), ("side", "alone")] {
        let child = format!("{name}/{children}");
        assert_eq!(Stage::child(&status, &child), "running", "{status:#}");
        let all = service(&status, name)["children"].as_array();
        assert_eq!(all.map(Vec::len), Some(1), "{name}: {status:#}");
    }
    // They are in one network, by their names.
    let reach = |from: &str, to: &str| engine.say(&["exec", from, "ping", "-c", "1", to]);
    assert!(reach(&stage.container("web"), "db").is_some());
    assert!(reach(&stage.container("alone"), "db").is_some());

    let before = stage.containers();
    stage.gantry(&["stop", "front"]).expect(0);
    let left = stage.containers();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().all(|one| before.contains(one)), "{left:?}");
    stage.gantry(&["start", "front"]).expect(0);
    assert!(left.iter().all(|one| stage.containers().contains(one)));
    assert!(reach(&stage.container("web"), "db").is_some());

    let id = stack_id(&stage.sandbox);
    stage.gantry(&["down"]).expect(0);
    let left = engine.things_of(&id);
    assert!(left.iter().all(|it| it.ends_with("_data")), "{left:?}");
    stage.gantry(&["up", "-d", "side"]).expect(0);
    stage.gantry(&["down", "--purge"]).expect(0);
    assert_eq!(engine.things_of(&id), Vec::<String>::new());
}

/// What one brings along because it needs it cannot be another's as well.
fn what_is_needed_belongs_to_one(engine: &Engine, command: &'static str) {
    let stage = stage(engine, command, "");
    stage.gantry(&["up", "-d", "front"]).expect(0);
    let up = stage.gantry(&["up", "-d"]);
    let said = &up.expect(1).stderr;
    let told = "is a part of front already; if front only needs it, let it depend on data";
    assert!(said.contains(told), "{said}");
    wait_until(
        PATIENCE,
        "the others run",
        || stage.sandbox.status(),
        |status| {
            service(status, "side")["ready"] == true && service(status, "front")["ready"] == true
        },
    );
    stage.gantry(&["down", "--purge"]).expect(0);
}

#[test]
fn parts_of_one_project_may_be_several_services() {
    on(
        Engine::docker(),
        "docker compose",
        "a shared project",
        one_goes_and_the_others_stay,
    );
}

#[test]
fn a_part_that_two_services_have_is_told() {
    on(
        Engine::docker(),
        "docker compose",
        "a shared project",
        what_is_needed_belongs_to_one,
    );
}

/// It would take down what others have in the project.
#[test]
fn podman_compose_needs_no_part_of_another() {
    on(
        Engine::podman(),
        "podman-compose",
        "a shared project",
        |engine, command| {
            let stage = stage(engine, command, "depends-on = [\"data\"]");
            let up = stage.gantry(&["up", "-d"]);
            let said = &up.expect(1).stderr;
            assert!(said.contains("would take down and make anew"), "{said}");
            stage.gantry(&["up", "-d", "side"]).expect(0);
            stage.gantry(&["down", "--purge"]).expect(0);
        },
    );
}
