//! Images that a Compose file has built.

use gantry_test::Engine;

use super::{Stage, on};
use crate::support::{printed, wait_until_printed};

const SHOP: &str = r"
services:
  web:
    image: PROJECT
    build: { context: app, args: { WORD: seven } }
    stop_grace_period: 1s
";

const DOCKERFILE: &str = "FROM IMAGE\nARG WORD\nCOPY text /text\nRUN echo $WORD > /word\n\
    CMD [\"sh\", \"-c\", \"cat /word /text; trap 'exit 0' TERM; sleep 1000 & wait\"]\n";

const STACK: &str = r#"
name = "built"
[services.shop.compose]
files = ["shop.yaml"]
engine = "ENGINE"
BUILD
"#;

fn a_changed_folder_is_built_when_it_is_to_be(engine: &Engine, command: &'static str) {
    let image = format!(
        "gantry-built-{}-{}",
        std::process::id(),
        command.replace(' ', "-")
    );
    let shop = SHOP.replace("PROJECT", &image);
    let stage = Stage::of(engine, command, &STACK.replace("BUILD", ""), &shop);
    stage.write("app/Dockerfile", DOCKERFILE);
    stage.write("app/text", "one\n");
    // One that is not there is built in any case.
    stage.gantry(&["up", "-d"]).expect(0);
    wait_until_printed(&stage.sandbox, "shop/web", &["seven", "one"]);
    stage.write("app/text", "two\n");
    stage.gantry(&["restart", "shop"]).expect(0);
    wait_until_printed(
        &stage.sandbox,
        "shop/web",
        &["seven", "one", "seven", "one"],
    );

    // Whoever asks for it gets what runs built anew, and nothing is started again for an image that is the same.
    stage.gantry(&["up", "-d", "--build"]).expect(0);
    let mut said = vec!["seven", "one", "seven", "one", "seven", "two"];
    wait_until_printed(&stage.sandbox, "shop/web", &said);
    stage.gantry(&["up", "-d", "--build"]).expect(0);
    assert_eq!(printed(&stage.sandbox, "shop/web"), said);

    stage.write("app/text", "three\n");
    stage.write("gantry.toml", &STACK.replace("BUILD", "build = true"));
    stage.gantry(&["up", "-d"]).expect(0);
    stage.gantry(&["restart", "shop"]).expect(0);
    said.extend(["seven", "three"]);
    wait_until_printed(&stage.sandbox, "shop/web", &said);

    stage.write(
        "app/Dockerfile",
        "FROM IMAGE\nRUN echo no such library; exit 3\n",
    );
    let failed = stage.gantry(&["restart", "shop"]);
    let said = &failed.expect(1).stderr;
    for words in ["failed to start", "no such library"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    stage.gantry(&["down", "--purge"]).expect(0);
    engine.say(&["image", "rm", "--force", &image]);
}

#[test]
fn docker_compose_builds() {
    on(
        Engine::docker(),
        "docker compose",
        "building",
        a_changed_folder_is_built_when_it_is_to_be,
    );
}

#[test]
fn docker_compose_builds_on_podman() {
    on(
        Engine::podman(),
        "docker compose",
        "building",
        a_changed_folder_is_built_when_it_is_to_be,
    );
}

#[test]
fn podman_compose_builds() {
    on(
        Engine::podman(),
        "podman-compose",
        "building",
        a_changed_folder_is_built_when_it_is_to_be,
    );
}
