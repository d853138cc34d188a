//! Compose projects of real engines, beside containers and native processes.

use std::process::Command;
use std::time::{Duration, Instant};

use gantry_test::{Engine, Process, Relay, Run, Sandbox, wait_until};
use serde_json::Value;

use crate::support::{PATIENCE, kill_supervisor, printed, service, stack_id, wait_until_printed};

/// A process before a project, a container behind a part of it, another project behind that container, and a
/// process behind that one and behind a job of the first.
const MIXED: &str = r#"
name = "mixed"
[services.before.process]
command = ["sleep", "1000"]

[services.shop]
depends-on = ["before"]
stop = { grace = "3s" }
[services.shop.compose]
files = ["shop.yaml", "shop.over.yaml"]
engine = "ENGINE"
profiles = ["front"]
env-files = ["shop.env"]

[services.box]
depends-on = ["shop/db"]
[services.box.container]
image = "IMAGE"
engine = "ENGINE"
pull = "never"
command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]

[services.part]
depends-on = ["box"]
[services.part.compose]
files = ["shop.yaml"]
services = ["alone"]
profiles = ["other"]
engine = "ENGINE"

[services.last]
depends-on = ["part", { service = "shop/migrate", condition = "completed" }]
[services.last.process]
command = ["sleep", "1000"]
"#;

const SHOP: &str = r#"
x-base: &base
  image: IMAGE
  pull_policy: never
services:
  db:
    <<: *base
    command: [sh, -c, "echo db up; touch /tmp/ok; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    healthcheck: { test: [CMD, test, -f, /tmp/ok], interval: 200ms, retries: 20 }
    volumes: ["data:/data"]
  migrate:
    <<: *base
    command: [sh, -c, "echo migrating ${WHAT}"]
    depends_on: { db: { condition: service_healthy } }
  web:
    <<: *base
    command: [sh, -c, "echo nobody sees this"]
    depends_on: { migrate: { condition: service_completed_successfully } }
    profiles: [front]
  alone:
    <<: *base
    command: [sh, -c, "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    profiles: [other]
volumes: { data: {} }
"#;

/// Compose's own rules say what this means.
const OVER: &str = r#"
services:
  web:
    command: [sh, -c, "echo web up; trap 'echo going; exit 0' TERM; while :; do sleep 0.1; done"]
"#;

mod built;
mod example;
mod killed;
mod parts;
mod shared;

struct Stage {
    sandbox: Sandbox,
    engine: Engine,
    command: &'static str,
}

impl Stage {
    fn new(engine: &Engine, command: &'static str, address: &str) -> Self {
        let sandbox = Sandbox::new();
        let fill = |text: &str| {
            let text = text.replace("IMAGE", engine.image());
            text.replace("ENGINE", address)
        };
        for (name, text) in [
            ("gantry.toml", MIXED),
            ("shop.yaml", SHOP),
            ("shop.over.yaml", OVER),
            ("shop.env", "WHAT=tables\n"),
        ] {
            sandbox.write(name, &fill(text));
        }
        Self {
            sandbox,
            engine: engine.clone(),
            command,
        }
    }

    /// With another stack file, in which IMAGE and ENGINE stand for what they say.
    fn of(engine: &Engine, command: &'static str, file: &str, shop: &str) -> Self {
        let stage = Self::new(engine, command, engine.address());
        stage.write("gantry.toml", file);
        stage.write("shop.yaml", shop);
        stage
    }

    fn write(&self, name: &str, text: &str) {
        let text = text.replace("IMAGE", self.engine.image());
        let text = text.replace("ENGINE", self.engine.address());
        self.sandbox.write(name, &text);
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.sandbox.command(words);
        command.env("GANTRY_COMPOSE", self.command);
        command
    }

    fn gantry(&self, words: &[&str]) -> Run {
        gantry_test::output(&mut self.command(words)).into()
    }

    fn child(status: &Value, name: &str) -> String {
        let (of, part) = name.split_once('/').expect("service/part");
        let children = service(status, of)["children"].as_array();
        let mut children = children.into_iter().flatten();
        let child = children.find(|child| child["name"] == part);
        child.map_or_else(String::new, |child| {
            child["state"].as_str().unwrap_or_default().to_owned()
        })
    }

    /// The containers of the stack: their ids and names.
    fn containers(&self) -> Vec<String> {
        let filter = format!("label=gantry.stack={}", stack_id(&self.sandbox));
        let format = "{{.ID}} {{.Names}}";
        let listed = self
            .engine
            .say(&["ps", "-a", "--format", format, "--filter", &filter]);
        let listed = listed.expect("a list");
        let mut lines: Vec<String> = listed.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    fn container(&self, part: &str) -> String {
        let all = self.containers();
        let found = all.iter().find(|line| line.contains(part));
        let found = found.unwrap_or_else(|| panic!("no {part} in {all:?}"));
        found.split(' ').next().expect("an id").to_owned()
    }
}

/// When a service began to start, by the event stream.
fn began(stage: &Stage, name: &str) -> String {
    let events = stage.gantry(&["events", name, "-o", "json"]);
    let lines = events.expect(0).stdout.lines();
    let events = lines.map(|line| serde_json::from_str::<Value>(line).expect("an event"));
    let mut starts = events.filter(|event| event["to"] == "starting");
    let start = starts.next().expect("it was started");
    start["at"].as_str().expect("a time").to_owned()
}

fn one_stack_of_all(engine: &Engine, command: &'static str) {
    let stage = Stage::new(engine, command, engine.address());
    let foreign = format!(
        "foreign-{}-{}",
        std::process::id(),
        command.replace(' ', "-")
    );
    for made in [
        &["network", "create", &foreign][..],
        &["volume", "create", &foreign],
        &["create", "--name", &foreign, engine.image(), "true"],
    ] {
        engine.say(made).expect("it is made");
    }
    stage.gantry(&["up", "-d"]).expect(0);

    let status = stage.sandbox.status();
    for (child, state) in [
        ("shop/db", "healthy"),
        ("shop/migrate", "completed"),
        ("shop/web", "running"),
        ("part/alone", "running"),
    ] {
        assert_eq!(Stage::child(&status, child), state, "{child}: {status:#}");
    }
    assert_eq!(Stage::child(&status, "shop/alone"), "");
    let order = ["before", "shop", "box", "part", "last"].map(|name| began(&stage, name));
    assert!(order.is_sorted(), "{order:?}");
    wait_until_printed(&stage.sandbox, "shop/migrate", &["migrating tables"]);
    wait_until_printed(&stage.sandbox, "shop/web", &["web up"]);
    wait_until_printed(&stage.sandbox, "shop/db", &["db up"]);
    let mut all = printed(&stage.sandbox, "shop");
    all.sort();
    assert_eq!(all, ["db up", "migrating tables", "web up"]);
    let explained = stage.gantry(&["explain", "shop/db"]);
    let explained = &explained.expect(0).stdout;
    assert!(explained.contains("shop/db is healthy"), "{explained}");

    // The supervisor's death is nothing to them.
    let before = stage.containers();
    kill_supervisor(&stage.sandbox);
    let ready = |status: &Value| service(status, "last")["ready"] == true;
    let status = wait_until(
        PATIENCE,
        "all is found again",
        || stage.sandbox.status(),
        |status| ready(status) && service(status, "shop")["ready"] == true,
    );
    assert_eq!(Stage::child(&status, "shop/db"), "healthy");
    assert_eq!(stage.containers(), before);

    // The death of a container is told within a second, with its last words, and mended.
    let web = stage.container("web");
    engine.say(&["kill", &web]).expect("it is killed");
    let killed = Instant::now();
    let told = |text: &String| text.contains("web") && text.contains("137");
    wait_until(
        PATIENCE,
        "it is explained",
        || stage.gantry(&["explain", "shop"]).stdout,
        told,
    );
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(1), "explained after {took:?}");
    wait_until(
        PATIENCE,
        "it is started again",
        || stage.sandbox.status(),
        |status| {
            let shop = service(status, "shop");
            shop["restarts"] == 1 && shop["ready"] == true
        },
    );

    // Nothing is left but data, and what is not the stack's.
    let id = stack_id(&stage.sandbox);
    stage.gantry(&["down"]).expect(0);
    let left = engine.things_of(&id);
    assert!(!left.is_empty());
    assert!(left.iter().all(|it| it.ends_with("_data")), "{left:?}");
    stage.gantry(&["up", "-d", "part"]).expect(0);
    stage.gantry(&["down", "--purge"]).expect(0);
    assert_eq!(engine.things_of(&id), Vec::<String>::new());
    stage.sandbox.expect_nothing_left();
    for removed in [
        &["rm", &foreign][..],
        &["network", "rm", &foreign],
        &["volume", "rm", &foreign],
    ] {
        engine.say(removed).expect("it is still there");
    }
}

fn on(engine: Option<Engine>, command: &'static str, what: &str, test: fn(&Engine, &'static str)) {
    match engine.filter(|engine| engine.has_compose(command)) {
        Some(engine) => test(&engine, command),
        None => gantry_test::skip(what, command),
    }
}

#[test]
fn docker_compose_is_one_stack_with_all_others() {
    on(
        Engine::docker(),
        "docker compose",
        "one stack of all",
        one_stack_of_all,
    );
}

#[test]
fn podman_compose_is_one_stack_with_all_others() {
    on(
        Engine::podman(),
        "podman-compose",
        "one stack of all",
        one_stack_of_all,
    );
}

#[test]
fn docker_compose_on_podman_is_one_stack_with_all_others() {
    on(
        Engine::podman(),
        "docker compose",
        "one stack of all",
        one_stack_of_all,
    );
}

#[test]
fn an_engine_that_is_away_is_told_and_nothing_is_concluded() {
    on(
        Engine::docker(),
        "docker compose",
        "an engine that is away",
        |engine, command| {
            let to = engine.address().trim_start_matches("unix://").to_owned();
            let folder = tempfile::tempdir().expect("a folder");
            let relay = Relay::new(folder.path().join("engine.sock"), to);
            let stage = Stage::new(
                engine,
                command,
                &format!("unix://{}", relay.path().display()),
            );
            stage.gantry(&["up", "-d", "shop"]).expect(0);
            let before = stage.containers();
            relay.cut();
            let status = wait_until(
                PATIENCE,
                "it is unknown",
                || stage.sandbox.status(),
                |status| service(status, "shop")["state"] == "unknown",
            );
            let message = service(&status, "shop")["message"].as_str();
            assert!(
                message.is_some_and(|message| !message.is_empty()),
                "{status:#}"
            );
            relay.mend();
            let status = wait_until(
                PATIENCE,
                "it is known again",
                || stage.sandbox.status(),
                |status| service(status, "shop")["ready"] == true,
            );
            assert_eq!(service(&status, "shop")["restarts"], 0);
            assert_eq!(stage.containers(), before);
            stage.gantry(&["down", "--purge"]).expect(0);
        },
    );
}

/// A project with a service that ends badly at once fails an `up` at once, with its last words.
#[test]
fn a_container_that_ends_badly_fails_the_wait_at_once() {
    on(
        Engine::docker(),
        "docker compose",
        "a bad end",
        |engine, command| {
            let stage = Stage::new(engine, command, engine.address());
            stage.sandbox.write(
                "shop.over.yaml",
                "services:\n  web:\n    command: [sh, -c, 'echo no such table; exit 3']\n",
            );
            let begun = Instant::now();
            let up = stage.gantry(&["up", "-d"]);
            let said = &up.expect(1).stderr;
            assert!(said.contains("web: ended with exit code 3"), "{said}");
            assert!(said.contains("no such table"), "{said}");
            assert!(begun.elapsed() < Duration::from_secs(30));
            let left = stage.containers();
            assert!(left.iter().all(|line| !line.contains("shop")), "{left:?}");
            stage.gantry(&["down", "--purge"]).expect(0);
        },
    );
}

#[test]
fn two_stacks_of_one_file_share_nothing() {
    on(
        Engine::docker(),
        "docker compose",
        "two stacks",
        |engine, command| {
            let one = Stage::new(engine, command, engine.address());
            let other = Stage::new(engine, command, engine.address());
            for stage in [&one, &other] {
                stage.gantry(&["up", "-d", "shop"]).expect(0);
            }
            let kept = other.containers();
            assert_eq!(one.containers().len(), kept.len());
            one.gantry(&["down", "--purge"]).expect(0);
            assert_eq!(other.containers(), kept);
            let processes = one.sandbox.processes();
            assert_eq!(
                processes
                    .iter()
                    .filter(|it: &&Process| it.is_alive())
                    .count(),
                0
            );
            other.gantry(&["down", "--purge"]).expect(0);
        },
    );
}

/// What is wrong is said before anything starts, and a Compose file alone is a stack.
#[test]
fn compose_files_are_looked_at_before_and_need_no_stack_file() {
    let test = |engine: &Engine, command: &'static str| {
        let stage = Stage::new(engine, command, engine.address());
        let project = |more: &str| {
            let engine = engine.address();
            format!(
                "[services.shop.compose]\nfiles = [\"shop.yaml\"]\nengine = \"{engine}\"\n{more}"
            )
        };
        let needs = "[services.x]\ndepends-on = [\"shop/dbb\"]\n\
                     [services.x.process]\ncommand = [\"true\"]\n";
        for (text, said) in [
            (
                project("services = [\"dbb\"]\n"),
                "have no service `dbb` (did you mean `db`?)",
            ),
            (project(needs), "shop has no part dbb"),
            (project("").replace("shop.yaml", "shop.env"), "shop.env: "),
        ] {
            stage.sandbox.write("gantry.toml", &text);
            let up = stage.gantry(&["up", "-d"]);
            let stderr = &up.expect(3).stderr;
            assert!(stderr.contains(said), "{said}: {stderr}");
        }
        let text = std::fs::read_to_string(stage.sandbox.path("stack/shop.yaml"));
        stage
            .sandbox
            .write("docker-compose.yaml", &text.expect("a file"));
        let file = ["-f", "docker-compose.yaml"];
        let mut up = stage.sandbox.command([&file[..], &["up", "-d"]].concat());
        up.env("GANTRY_ENGINE", engine.address());
        Run::from(gantry_test::output(&mut up)).expect(0);
        let status = stage.gantry(&[&file[..], &["status", "-o", "json"]].concat());
        assert_eq!(Stage::child(&status.json(), "compose/db"), "healthy");
        let down = stage.gantry(&[&file[..], &["down", "--purge"]].concat());
        down.expect(0);
    };
    match Engine::docker().filter(|engine| engine.has_compose("docker compose")) {
        Some(engine) => test(&engine, "docker compose"),
        None => gantry_test::skip("wrong projects", "docker compose"),
    }
}
