//! Charts from elsewhere: repositories with a password, versions that are kept, dependencies that are fetched.

use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use gantry_test::{ChartRepository, Run};

use super::Stack;

/// Who may read, in base64: `reader:hunter2-planted`.
const LOGIN: &str = "cmVhZGVyOmh1bnRlcjItcGxhbnRlZA==";

/// A repository of a stack's charts.
struct Repository(ChartRepository);

impl Repository {
    fn open(stack: &Stack) -> Self {
        let served = ChartRepository::serve(stack.sandbox.path("repository"), LOGIN);
        Self(served.expect("a listener"))
    }

    /// Adds the stack's chart in this version.
    fn add(&self, stack: &Stack, version: &str) {
        let helm = |words: &[&str]| {
            let mut command = Command::new(format!("{}/bin/helm{}", stack.programs, stack.helm));
            command.args(words).stdin(Stdio::null());
            let ran: Run = gantry_test::output(&mut command).into();
            ran.expect(0);
        };
        let chart = stack.sandbox.path("stack/web").display().to_string();
        let folder = self.0.folder().display().to_string();
        helm(&[
            "package",
            &chart,
            "--version",
            version,
            "--destination",
            &folder,
        ]);
        let url = self.0.url();
        helm(&["repo", "index", &folder, "--url", &url]);
    }
}

/// A stack file with this chart and these lines for its release.
fn file(stack: &Stack, repository: &Repository, chart: &str, more: &str) {
    let Stack {
        kubeconfig,
        namespace,
        programs,
        helm,
        ..
    } = stack;
    let url = repository.0.url();
    stack.sandbox.write(
        "gantry.toml",
        &format!(
            "name = \"shop\"\n[kubernetes]\nkubeconfig = \"{kubeconfig}\"\nnamespace = \"{namespace}\"\nhelm = \
             \"{programs}/bin/helm{helm}\"\n[repositories.own]\nurl = \"{url}\"\nusername = \
             \"reader\"\npassword = {{ from-file = \"pw\" }}\n[services.web.helm]\nchart = \"{chart}\"\ncreate-namespace = \
             true\n{more}\n"
        ),
    );
}

#[test]
fn a_repository_is_asked_with_its_password_and_what_it_gave_is_kept() {
    let Some(stack) = Stack::new("repositories::a_repository_is_asked", 3) else {
        return;
    };
    stack.sandbox.write("pw", "hunter2-planted");
    let repository = Repository::open(&stack);
    repository.add(&stack, "1.2.0");
    file(&stack, &repository, "own/web", "version = \"~1.2\"");
    stack.up();
    assert!(repository.0.asked() > 0);
    let notes = stack.gantry(&["notes"]);
    assert!(notes.stdout.contains("web-1.2.0"), "{}", notes.stdout);
    // A newer one is no reason to change what runs, nor is it asked for.
    repository.add(&stack, "1.2.9");
    let asked = repository.0.asked();
    stack.gantry(&["restart", "web"]).expect(0);
    assert_eq!(repository.0.asked(), asked);
    let notes = stack.gantry(&["notes"]);
    assert!(notes.stdout.contains("web-1.2.0"), "{}", notes.stdout);
    // Another wish is.
    file(&stack, &repository, "own/web", "version = \"1.2.9\"");
    stack.up();
    let notes = stack.gantry(&["notes"]);
    assert!(notes.stdout.contains("web-1.2.9"), "{}", notes.stdout);
    let mut command = Command::new("grep");
    let home = stack.sandbox.home().display().to_string();
    command
        .args(["-rl", "hunter2-planted", &home])
        .stdin(Stdio::null());
    let grep: Run = gantry_test::output(&mut command).into();
    assert_eq!(grep.stdout, "", "the password is in files");
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_wrong_password_and_a_version_that_is_not_there_are_refused_before_anything_is_made() {
    let Some(stack) = Stack::new("repositories::a_wrong_password", 4) else {
        return;
    };
    stack.sandbox.write("pw", "guessed");
    let repository = Repository::open(&stack);
    repository.add(&stack, "1.2.0");
    file(&stack, &repository, "own/web", "");
    let refused = stack.gantry(&["up", "-d"]);
    refused.expect(3);
    assert!(
        refused.stderr.contains("401 Unauthorized"),
        "{}",
        refused.stderr
    );
    stack.sandbox.write("pw", "hunter2-planted");
    file(&stack, &repository, "own/web", "version = \"9\"");
    let refused = stack.gantry(&["up", "-d"]);
    refused.expect(3);
    assert!(refused.stderr.contains("not found"), "{}", refused.stderr);
    assert_eq!(stack.release(), None);
}

#[test]
fn a_repository_that_comes_back_is_waited_for() {
    let Some(stack) = Stack::new("repositories::a_repository_that_comes_back", 3) else {
        return;
    };
    stack.sandbox.write("pw", "hunter2-planted");
    let repository = Repository::open(&stack);
    repository.add(&stack, "1.2.0");
    repository.0.broken().store(true, Ordering::Relaxed);
    file(&stack, &repository, "own/web", "");
    let broken = repository.0.broken();
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_secs(2));
        broken.store(false, Ordering::Relaxed);
    });
    stack.up();
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn what_a_chart_needs_is_fetched() {
    let Some(stack) = Stack::new("repositories::what_a_chart_needs", 3) else {
        return;
    };
    stack.sandbox.write("pw", "hunter2-planted");
    let repository = Repository::open(&stack);
    repository.add(&stack, "1.2.0");
    let url = repository.0.url();
    stack.sandbox.write(
        "outer/Chart.yaml",
        &format!(
            "apiVersion: v2\nname: outer\nversion: 0.1.0\ndependencies:\n  - {{ name: web, version: 1.2.0, repository: \
             '{url}' }}\n"
        ),
    );
    // Values below a chart's name are its.
    file(
        &stack,
        &repository,
        "./outer",
        "values = { web = { text = \"from outside\" } }",
    );
    stack.up();
    let logs = stack.gantry(&["logs", "--raw"]);
    assert!(logs.stdout.contains("says from outside"), "{}", logs.stdout);
    let again = stack.up();
    assert!(again.stderr.contains("Nothing to do"), "{}", again.stderr);
    stack.gantry(&["down"]).expect(0);
}
