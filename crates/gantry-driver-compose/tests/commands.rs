//! The driver with real engines and real Compose commands: those that the test command has started and
//! installed, or that are there anyway.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;
use futures::future::LocalBoxFuture;
use gantry_driver::conformance::{self, Harness, JobRecipe, Recipe};
use gantry_driver::{Driver, OpenContext, StackIdentity};
use gantry_driver_compose::ComposeDriver;
use gantry_test::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Projects {
    engine: Engine,
    command: &'static str,
    /// What the names of its stacks end in: several of these share an engine.
    mark: String,
    home: TempDir,
}

impl Projects {
    fn folder(&self) -> &Utf8Path {
        Utf8Path::from_path(self.home.path()).expect("UTF-8")
    }

    /// A project of one service, in a file that is named after what it is. Without a network it is quicker, and an
    /// engine has few of them.
    fn project(&self, part: &str, more: &Value) -> Value {
        let mut service = json!({ "image": self.engine.image(), "pull_policy": "never" });
        if part == "main" {
            service["network_mode"] = "none".into();
        }
        for (name, value) in more.as_object().into_iter().flatten() {
            service[name] = value.clone();
        }
        let text = json!({ "services": { part: service } }).to_string();
        let name = text.bytes().fold(7_u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        let file = self.folder().join(format!("{name:x}.yaml"));
        // Another case may be reading it.
        if !file.exists() {
            std::fs::write(&file, text).expect("a file");
        }
        json!({ "files": [file], "engine": self.engine.address(), "services": [part] })
    }

    fn shell(&self, script: &str, arguments: &[String]) -> Value {
        let mut command = vec!["sh".to_owned(), "-c".into(), script.into(), "sh".into()];
        command.extend(arguments.iter().cloned());
        // Compose would put variables in.
        let command: Vec<_> = command.iter().map(|it| it.replace('$', "$$")).collect();
        self.project("main", &json!({ "command": command }))
    }
}

const PRINT: &str = r#"for line; do printf '%s\n' "$line"; done"#;

/// The first process of a container ignores a signal that it has no answer to.
const FOREVER: &str = "trap 'exit 0' TERM; sleep 1000 & wait";

impl Harness for Projects {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(ComposeDriver::new())
    }

    fn context(&self, stack: &str) -> LocalBoxFuture<'_, OpenContext> {
        // Two runs at once are two homes.
        let id = format!("{stack}-{}", self.mark);
        let mut context = OpenContext::new(StackIdentity {
            name: stack.into(),
            id: id.as_str().into(),
            state_dir: self.folder().join(stack),
            base_dir: self.folder().to_owned(),
        });
        let choice = ("GANTRY_COMPOSE".to_owned(), self.command.to_owned());
        context.environment = Arc::new(BTreeMap::from([choice]));
        context.host = Some(Arc::new(conformance::Commands::default()));
        Box::pin(std::future::ready(context))
    }

    fn recipe(&self, recipe: &Recipe) -> Option<Value> {
        let forever = json!({ "command": ["sh", "-c", FOREVER] });
        Some(match recipe {
            Recipe::RunsForever => self.shell(FOREVER, &[]),
            Recipe::RunsForeverOtherwise => self.shell(&format!(": otherwise; {FOREVER}"), &[]),
            Recipe::ExitsWith(code) => self.shell(&format!("exit {code}"), &[]),
            Recipe::RunsFor(time) => self.shell(&format!("sleep {}", time.as_secs_f64()), &[]),
            Recipe::IgnoresStop => self.shell("trap '' TERM; sleep 1000", &[]),
            Recipe::FailsToStart => {
                self.project("main", &json!({ "command": ["no-such-program"] }))
            }
            Recipe::Prints(lines) => self.shell(&format!("{PRINT}; {FOREVER}"), lines),
            Recipe::PrintsAndExits(lines, code) => {
                self.shell(&format!("{PRINT}; exit {code}"), lines)
            }
            Recipe::HasChild(part) => self.project(part, &forever),
            Recipe::BecomesReady => self.project("ready", &forever),
            _ => return None,
        })
    }

    fn job(&self, recipe: &JobRecipe) -> Option<Vec<String>> {
        let shell = |script: String| vec!["sh".to_owned(), "-c".into(), script];
        Some(match recipe {
            JobRecipe::ExitsWith(code) => shell(format!("exit {code}")),
            JobRecipe::Prints(line) => vec!["echo".into(), line.clone()],
            JobRecipe::RunsFor(time) => vec!["sleep".into(), time.as_secs().to_string()],
            JobRecipe::FailsToStart => vec!["no-such-program".into()],
        })
    }

    /// Each takes several runs of a command, which begins slowly.
    fn many(&self) -> u16 {
        8
    }

    /// Most of the time is spent waiting for engines.
    fn at_once(&self) -> usize {
        4
    }

    fn patience(&self) -> Duration {
        Duration::from_mins(2)
    }
}

async fn conforms(engine: Option<Engine>, command: &'static str) {
    let engine = engine.filter(|engine| engine.has_compose(command));
    let Some(engine) = engine else {
        return gantry_test::skip("conformance of Compose", command);
    };
    let mark = format!("{}-{}", std::process::id(), command.replace(' ', "_"));
    let projects = Projects {
        engine,
        command,
        mark,
        home: tempfile::tempdir().expect("a folder"),
    };
    let wanted = std::env::var("GANTRY_TEST_CASE").unwrap_or_default();
    let report = conformance::run_some(&projects, |name| name.contains(&wanted)).await;
    projects.engine.clean(&projects.mark);
    report.assert_passed();
}

#[tokio::test]
async fn docker_compose_conforms() {
    conforms(Engine::docker(), "docker compose").await;
}

#[tokio::test]
async fn docker_compose_conforms_on_podman() {
    conforms(Engine::podman(), "docker compose").await;
}

#[tokio::test]
async fn standalone_docker_compose_conforms() {
    conforms(Engine::docker(), "docker-compose").await;
}

#[tokio::test]
async fn podman_compose_conforms() {
    conforms(Engine::podman(), "podman-compose").await;
}

#[tokio::test]
async fn podmans_own_compose_conforms() {
    conforms(Engine::podman(), "podman compose").await;
}
