//! The driver with real engines: those that the test command has started, or that answer at the usual
//! places of this machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;
use futures::future::LocalBoxFuture;
use gantry_driver::conformance::{self, Harness, JobRecipe, Recipe};
use gantry_driver::{Driver, OpenContext, StackIdentity};
use gantry_driver_container::ContainerDriver;
use gantry_test::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Containers {
    engine: Engine,
    home: TempDir,
}

impl Containers {
    fn folder(&self) -> &Utf8Path {
        Utf8Path::from_path(self.home.path()).expect("UTF-8")
    }

    fn spec(&self, more: Value) -> Value {
        let mut spec = json!({
            "image": self.engine.image(),
            "engine": self.engine.address(),
            "pull": "never",
        });
        let Value::Object(more) = more else {
            return spec;
        };
        for (name, value) in more {
            spec[name] = value;
        }
        spec
    }

    fn shell(&self, script: &str, arguments: &[String]) -> Value {
        let mut command = vec!["sh".to_owned(), "-c".into(), script.into(), "sh".into()];
        command.extend(arguments.iter().cloned());
        self.spec(json!({ "command": command }))
    }
}

const PRINT: &str = r#"for line; do printf '%s\n' "$line"; done"#;

/// The first process of a container ignores a signal that it has no answer to.
const FOREVER: &str = "trap 'exit 0' TERM; while :; do sleep 0.05; done";

impl Harness for Containers {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(ContainerDriver::new())
    }

    fn context(&self, stack: &str) -> LocalBoxFuture<'_, OpenContext> {
        // Two runs at once are two homes.
        let id = format!("{stack}-{}", std::process::id());
        let mut context = OpenContext::new(StackIdentity {
            name: stack.into(),
            id: id.as_str().into(),
            state_dir: self.folder().join(stack),
            base_dir: self.folder().to_owned(),
        });
        context.environment = Arc::new(BTreeMap::new());
        Box::pin(std::future::ready(context))
    }

    fn recipe(&self, recipe: &Recipe) -> Option<Value> {
        Some(match recipe {
            Recipe::RunsForever | Recipe::BecomesReady => self.shell(FOREVER, &[]),
            Recipe::RunsForeverOtherwise => self.shell(&format!(": otherwise; {FOREVER}"), &[]),
            Recipe::ExitsWith(code) => self.shell(&format!("exit {code}"), &[]),
            Recipe::RunsFor(time) => self.shell(&format!("sleep {}", time.as_secs_f64()), &[]),
            Recipe::IgnoresStop => self.shell("trap '' TERM; while :; do sleep 0.05; done", &[]),
            Recipe::FailsToStart => self.spec(json!({ "command": ["no-such-program"] })),
            Recipe::Prints(lines) => self.shell(&format!("{PRINT}; {FOREVER}"), lines),
            Recipe::PrintsAndExits(lines, code) => {
                self.shell(&format!("{PRINT}; exit {code}"), lines)
            }
            Recipe::Answers => {
                let script = "stty -echo; echo ready; while read -r line; do echo \"got $line\"; \
                              [ \"$line\" != end ] || exit 7; done";
                let command = ["sh", "-c", script];
                self.spec(json!({ "command": command, "tty": true }))
            }
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

    fn patience(&self) -> Duration {
        Duration::from_mins(1)
    }
}

async fn conforms(engine: Option<Engine>, name: &str) {
    let Some(engine) = engine else {
        return gantry_test::skip("conformance of containers", name);
    };
    let home = tempfile::tempdir().expect("a folder");
    let containers = Containers { engine, home };
    let report = conformance::run(&containers).await;
    containers.engine.clean(&std::process::id().to_string());
    report.assert_passed();
}

#[tokio::test]
async fn docker_conforms() {
    conforms(Engine::docker(), "a Docker engine").await;
}

#[tokio::test]
async fn podman_conforms() {
    conforms(Engine::podman(), "a Podman engine").await;
}
