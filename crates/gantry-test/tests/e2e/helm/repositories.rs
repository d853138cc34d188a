//! Charts from elsewhere: repositories with a password, versions that are kept, dependencies that are fetched.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gantry_test::Run;

use super::Stack;

/// Who may read, in base64: `reader:hunter2-planted`.
const CREDENTIALS: &str = "Basic cmVhZGVyOmh1bnRlcjItcGxhbnRlZA==";

/// A repository of charts that asks for a password.
struct Repository {
    port: u16,
    folder: PathBuf,
    asked: Arc<AtomicUsize>,
    /// Whether it closes connections instead of answering.
    broken: Arc<AtomicBool>,
}

impl Repository {
    fn open(stack: &Stack) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let repository = Self {
            port: listener.local_addr().expect("an address").port(),
            folder: stack.sandbox.path("repository"),
            asked: Arc::default(),
            broken: Arc::default(),
        };
        std::fs::create_dir_all(&repository.folder).expect("a folder");
        let (folder, asked) = (repository.folder.clone(), Arc::clone(&repository.asked));
        let broken = Arc::clone(&repository.broken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                asked.fetch_add(1, Ordering::Relaxed);
                if !broken.load(Ordering::Relaxed) {
                    // Who hangs up has not heard the answer.
                    let _ = answer(stream, &folder);
                }
            }
        });
        repository
    }

    /// Adds the stack's chart in this version.
    fn add(&self, stack: &Stack, version: &str) {
        let helm = |words: &[&str]| {
            let mut command = Command::new(format!("{}/bin/helm{}", stack.programs, stack.helm));
            command.args(words).stdin(Stdio::null());
            let ran: Run = gantry_test::output(&mut command).into();
            ran.expect(0);
        };
        let (chart, folder) = (stack.sandbox.path("stack/web"), self.folder.clone());
        let [chart, folder] = [&chart, &folder].map(|path| path.display().to_string());
        helm(&[
            "package",
            &chart,
            "--version",
            version,
            "--destination",
            &folder,
        ]);
        let url = format!("http://127.0.0.1:{}", self.port);
        helm(&["repo", "index", &folder, "--url", &url]);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn answer(mut stream: TcpStream, folder: &std::path::Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let path = first
        .split(' ')
        .nth(1)
        .unwrap_or("/")
        .trim_start_matches('/')
        .to_owned();
    let mut allowed = false;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let value = line
            .split_once(": ")
            .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        allowed |= value.is_some_and(|(_, value)| value == CREDENTIALS);
    }
    let (status, body) = match (allowed, std::fs::read(folder.join(path))) {
        (false, _) => ("401 Unauthorized", Vec::new()),
        (true, Ok(body)) => ("200 OK", body),
        (true, Err(_)) => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
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
    let port = repository.port;
    stack.sandbox.write(
        "gantry.toml",
        &format!(
            "name = \"shop\"\n[kubernetes]\nkubeconfig = \"{kubeconfig}\"\nnamespace = \"{namespace}\"\nhelm = \
             \"{programs}/bin/helm{helm}\"\n[repositories.own]\nurl = \"http://127.0.0.1:{port}\"\nusername = \
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
    assert!(repository.asked() > 0);
    let notes = stack.gantry(&["notes"]);
    assert!(notes.stdout.contains("web-1.2.0"), "{}", notes.stdout);
    // A newer one is no reason to change what runs, nor is it asked for.
    repository.add(&stack, "1.2.9");
    let asked = repository.asked();
    stack.gantry(&["restart", "web"]).expect(0);
    assert_eq!(repository.asked(), asked);
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
    repository.broken.store(true, Ordering::Relaxed);
    file(&stack, &repository, "own/web", "");
    let broken = Arc::clone(&repository.broken);
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
    let url = format!("http://127.0.0.1:{}", repository.port);
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
