use std::time::Duration;

use futures::future::LocalBoxFuture;
use gantry_core::FailureKind;

use super::*;
use crate::conformance::{self, Harness, JobRecipe, Recipe};
use crate::{Owner, Settings, StackIdentity};

mod behaviour;

struct MockHarness {
    driver: MockDriver,
}

impl Harness for MockHarness {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(self.driver.clone())
    }

    fn context(&self, stack: &str) -> LocalBoxFuture<'_, OpenContext> {
        let context = context(stack);
        Box::pin(std::future::ready(context))
    }

    fn recipe(&self, recipe: &Recipe) -> Option<Value> {
        let mut spec = MockSpec::default();
        match recipe {
            Recipe::RunsForever => {}
            Recipe::RunsForeverOtherwise => spec.run_for = Some(1_000_000_000),
            Recipe::RunsForeverAdjusted => spec.setting = Some("other".into()),
            Recipe::ExitsWith(code) => {
                spec.run_for = Some(1);
                spec.exit_code = *code;
            }
            Recipe::RunsFor(time) => spec.run_for = Some(whole(*time)),
            Recipe::IgnoresStop => spec.ignore_stop = true,
            Recipe::FailsToStart => {
                spec.start_error = Some("the mock does not want to".into());
                spec.start_error_kind = FailureKind::Permanent;
            }
            Recipe::StartsAfter(time) => spec.start_delay = whole(*time),
            Recipe::Prints(lines) => spec.lines.clone_from(lines),
            Recipe::PrintsAndExits(lines, code) => {
                spec.last_words.clone_from(lines);
                spec.run_for = Some(1);
                spec.exit_code = *code;
            }
            Recipe::BecomesReady => spec.ready_after = Some(20),
            Recipe::HasChild(name) => spec.children = vec![name.into()],
            Recipe::Answers => {
                spec.answers = true;
                spec.lines = vec!["ready".into()];
            }
        }
        Some(spec.to_value())
    }

    fn job(&self, recipe: &JobRecipe) -> Option<Vec<String>> {
        let words = match recipe {
            JobRecipe::ExitsWith(code) => vec!["exit".to_owned(), code.to_string()],
            JobRecipe::Prints(line) => vec!["echo".to_owned(), line.clone()],
            JobRecipe::RunsFor(time) => vec!["sleep".to_owned(), whole(*time).to_string()],
            JobRecipe::FailsToStart => vec!["no-such-program".to_owned()],
        };
        Some(words)
    }

    fn set_reachable(&self, _stack: &str, reachable: bool) -> LocalBoxFuture<'_, bool> {
        if reachable {
            self.driver.regain("");
        } else {
            self.driver.lose("", "a test says so");
        }
        Box::pin(std::future::ready(true))
    }
}

fn whole(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

fn context(stack: &str) -> OpenContext {
    OpenContext::new(StackIdentity {
        name: stack.into(),
        id: stack.into(),
        state_dir: "/nowhere".into(),
        base_dir: "/nowhere".into(),
    })
}

#[tokio::test(start_paused = true)]
async fn conformance() {
    let report = conformance::run(&MockHarness {
        driver: MockDriver::new(),
    })
    .await;
    report.assert_passed();
    assert_eq!(
        report.skipped(),
        ["readiness_is_told", "handles_survive_being_written"],
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn conformance_of_a_backend_that_decides_by_itself() {
    let capabilities = Capabilities {
        restart: Owner::Backend,
        readiness: Owner::Backend,
        update_in_place: false,
        local_ports: false,
        ..MockDriver::new().capabilities().clone()
    };
    // It changes nothing in place, though its mock could.
    let report = conformance::run_some(
        &MockHarness {
            driver: MockDriver::named("self-willed", capabilities),
        },
        |case| case != "an_update_ends_once",
    )
    .await;
    report.assert_passed();
}
