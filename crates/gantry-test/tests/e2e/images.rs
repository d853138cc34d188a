//! Images that are built, and health checks that are in them.

use gantry_test::{Engine, Run, Sandbox, wait_until};
use serde_json::Value;

use crate::support::{PATIENCE, example, printed, service, stack_id, wait_until_printed};

/// A service whose image is built from a folder with a Dockerfile.
fn sandbox(engine: &Engine, dockerfile: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let file = format!(
        r#"
name = "built"
[services.api]
stop = {{ grace = "0s" }}
[services.api.container]
engine = "{}"
build = {{ context = "app", args = {{ WORD = "seven" }}, target = "last" }}
"#,
        engine.address()
    );
    sandbox.write("gantry.toml", &file);
    std::fs::create_dir(sandbox.path("stack/app")).expect("app");
    write(&sandbox, engine, dockerfile);
    sandbox
}

fn write(sandbox: &Sandbox, engine: &Engine, dockerfile: &str) {
    let text = dockerfile.replace("IMAGE", engine.image());
    std::fs::write(sandbox.path("stack/app/Dockerfile"), text).expect("it is written");
}

/// The notes of a service in the event log that speak of building.
fn built(sandbox: &Sandbox) -> usize {
    let events = sandbox.gantry(["events", "-o", "json"]);
    let lines = events.expect(0).stdout.lines();
    let events = lines.map(|line| serde_json::from_str::<Value>(line).expect("an event"));
    let messages = events.filter_map(|event| Some(event["message"].as_str()?.to_owned()));
    messages
        .filter(|text| text.starts_with("building its image from"))
        .count()
}

const TWO_STAGES: &str = "\
FROM IMAGE AS first
ARG WORD=none
COPY . /app
RUN echo the word is $WORD > /word
FROM first AS last
CMD [\"sh\", \"-c\", \"cat /word /app/text; exec sleep 1000\"]
FROM first AS never
RUN exit 9
";

fn an_image_is_built_when_its_folder_changed(engine: &Engine) {
    let sandbox = sandbox(engine, TWO_STAGES);
    let text = |text: &str| {
        std::fs::write(sandbox.path("stack/app/text"), text).expect("it is written");
    };
    text("one\n");
    let up = sandbox.gantry(["up", "-d"]);
    let said = &up.expect(0).stderr;
    assert!(said.contains("COPY . /app"), "its steps are told: {said}");
    wait_until_printed(&sandbox, "api", &["the word is seven", "one"]);
    let id = stack_id(&sandbox);
    assert_eq!(engine.images_of(&id).len(), 1);

    sandbox.gantry(["restart", "api"]).expect(0);
    assert_eq!(built(&sandbox), 1, "nothing has changed");
    // What is left out changes nothing.
    std::fs::write(sandbox.path("stack/app/.dockerignore"), "*.tmp\n").expect("it is written");
    text("two\n");
    sandbox.gantry(["restart", "api"]).expect(0);
    assert_eq!(built(&sandbox), 2);
    std::fs::write(sandbox.path("stack/app/x.tmp"), "x").expect("it is written");
    sandbox.gantry(["restart", "api"]).expect(0);
    assert_eq!(built(&sandbox), 2);
    let last = || printed(&sandbox, "api").pop();
    wait_until(PATIENCE, "it is in the log", last, |line| {
        line.as_deref() == Some("two")
    });

    write(
        &sandbox,
        engine,
        "FROM IMAGE AS last\nRUN echo no such library; exit 3\n",
    );
    let failed = sandbox.gantry(["restart", "api"]);
    let said = &failed.expect(1).stderr;
    for words in ["failed to build its image from", "| no such library"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    sandbox.gantry(["down", "--purge"]).expect(0);
    assert_eq!(engine.images_of(&id), [""; 0]);
}

const UNHEALTHY: &str = "\
FROM IMAGE AS last
HEALTHCHECK --interval=1s --retries=1 CMD echo no table yet; exit 1
CMD [\"sh\", \"-c\", \"echo waiting for a table; exec sleep 1000\"]
";

fn a_health_check_that_fails_ends_the_wait(engine: &Engine) {
    let sandbox = sandbox(engine, UNHEALTHY);
    let up = sandbox.gantry(["up", "-d"]);
    let said = &up.expect(4).stderr;
    for words in [
        "its health check says: no table yet",
        "| waiting for a table",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let status = sandbox.status();
    assert_eq!(service(&status, "api")["state"], "failed");
    sandbox.gantry(["down", "--purge"]).expect(0);
}

/// `examples/containers`, with the tests' image in place of one that would be fetched.
fn the_example_runs(engine: &Engine) {
    let sandbox = Sandbox::new();
    let files = [
        "gantry.toml",
        "pages/index.html",
        "image/Dockerfile",
        "image/hello",
    ];
    sandbox.copy_files(&example("containers"), &files);
    let gantry = |words: &[&str]| {
        let mut command = sandbox.command(words);
        command
            .env("GANTRY_ENGINE", engine.address())
            .env("BASE", engine.image());
        Run::from(gantry_test::output(&mut command))
    };
    gantry(&["up", "-d"]).expect(0);
    assert_eq!(printed(&sandbox, "check"), ["from a process"]);
    let hello = gantry(&["exec", "web", "--", "cat", "/hello"]);
    assert_eq!(hello.expect(0).stdout, "built by gantry\n");
    gantry(&["down", "--purge"]).expect(0);
}

#[test]
fn on_docker_the_example_runs() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("examples/containers", "a Docker engine");
    };
    the_example_runs(&engine);
}

#[test]
fn on_podman_the_example_runs() {
    let Some(engine) = Engine::podman() else {
        return gantry_test::skip("examples/containers", "a Podman engine");
    };
    the_example_runs(&engine);
}

#[test]
fn on_docker_an_image_is_built_when_its_folder_changed() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("building images", "a Docker engine");
    };
    an_image_is_built_when_its_folder_changed(&engine);
}

#[test]
fn on_podman_an_image_is_built_when_its_folder_changed() {
    let Some(engine) = Engine::podman() else {
        return gantry_test::skip("building images", "a Podman engine");
    };
    an_image_is_built_when_its_folder_changed(&engine);
}

#[test]
fn on_docker_a_health_check_that_fails_ends_the_wait() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("health checks of images", "a Docker engine");
    };
    a_health_check_that_fails_ends_the_wait(&engine);
}

/// Where there is no systemd, Podman runs no health checks; gantry has them run.
#[test]
fn on_podman_a_health_check_that_fails_ends_the_wait() {
    let Some(engine) = Engine::podman() else {
        return gantry_test::skip("health checks of images", "a Podman engine");
    };
    a_health_check_that_fails_ends_the_wait(&engine);
}
