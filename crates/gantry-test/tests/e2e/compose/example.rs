//! `examples/compose`, from an image that is made as it says there.

use gantry_test::{Engine, Run, Sandbox};

use super::{Stage, on};
use crate::support::{all_ready, example, wait_until_printed};

fn the_example_runs(engine: &Engine, command: &'static str) {
    let sandbox = Sandbox::new();
    let files = ["gantry.toml", "compose.yaml", "image.sh"];
    sandbox.copy_files(&example("compose"), &files);
    let image = format!("gantry-example-{}", std::process::id());
    let client = engine.client();
    let client = client.get_program();
    let mut make = sandbox.as_user("sh");
    make.arg("image.sh").arg(client).arg(&image);
    make.current_dir(sandbox.path("stack"))
        .env("DOCKER_HOST", engine.address())
        .env("CONTAINER_HOST", engine.address());
    Run::from(gantry_test::output(&mut make)).expect(0);
    let gantry = |words: &[&str]| {
        let mut gantry = sandbox.command(words);
        gantry
            .env("GANTRY_ENGINE", engine.address())
            .env("GANTRY_COMPOSE", command)
            .env("BASE", &image);
        Run::from(gantry_test::output(&mut gantry))
    };
    gantry(&["up", "-d"]).expect(0);
    let status = gantry(&["status", "-o", "json"]).expect(0).json();
    assert!(all_ready(&status), "{status:#}");
    assert_eq!(Stage::child(&status, "shop/site"), "running");
    wait_until_printed(&sandbox, "shop/migrate", &["migrated"]);
    wait_until_printed(&sandbox, "worker", &["working"]);
    gantry(&["down", "--purge"]).expect(0);
    engine.say(&["image", "rm", "--force", &image]);
}

#[test]
fn on_docker_the_example_runs() {
    on(
        Engine::docker(),
        "docker compose",
        "examples/compose",
        the_example_runs,
    );
}

#[test]
fn on_podman_the_example_runs() {
    on(
        Engine::podman(),
        "podman-compose",
        "examples/compose",
        the_example_runs,
    );
}
