//! `cargo test`, passed through line by line and counted.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::patience;
use super::tally::Tally;
use crate::shell;

/// How often is looked whether cargo still runs.
const LOOK: Duration = Duration::from_secs(2);

/// How many lines of failures are said again for each test program.
const QUOTED: usize = 120;

/// What the harness says of a test after a minute.
const SLOW: &str = " has been running for over ";

/// The tests of every member: units, properties, snapshots, end to end, fuzz seeds, documentation.
///
/// `variables` are set for them.
pub(super) fn workspace(
    tally: &mut Tally,
    filter: Option<&str>,
    skip: &[String],
    variables: &[(&str, String)],
) -> anyhow::Result<()> {
    let mut cargo = shell::cargo();
    cargo
        .args(["test", "--workspace", "--no-fail-fast", "--locked"])
        .args(filter)
        .args((!skip.is_empty()).then_some("--"))
        .args(skip.iter().flat_map(|name| ["--skip", name]))
        .envs(variables.iter().map(|(name, value)| (*name, value)));
    count(tally, &mut cargo)
}

fn count(tally: &mut Tally, cargo: &mut Command) -> anyhow::Result<()> {
    println!("==> {}", shell::show(cargo));
    let skips = shell::root().join("target/test-skips");
    let _none = std::fs::remove_file(&skips);
    let mut child = cargo
        .env("GANTRY_TEST_SKIPS", &skips)
        // Snapshots are compared, never written, in a run that counts.
        .env("INSTA_UPDATE", "no")
        .env("RUST_BACKTRACE", "1")
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo does not run")?;
    let stdout = child
        .stdout
        .take()
        .context("the child has a standard output")?;
    let mut named = 0;
    let mut counted = 0;
    let mut slow = BTreeSet::new();
    let mut heard = Instant::now();
    let lines = lines_of(stdout);
    let mut words = LastWords::default();
    loop {
        let line = match lines.recv_timeout(LOOK) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => break,
            // What tests left behind may hold the pipe open for longer than cargo lives.
            Err(RecvTimeoutError::Timeout) if child.try_wait()?.is_some() => break,
            Err(RecvTimeoutError::Timeout) => {
                if heard.elapsed() > patience::SILENCE {
                    heard = Instant::now();
                    patience::kill_children(child.id());
                    for test in std::mem::take(&mut slow) {
                        tally.fail(format!("{test}, or one beside it, hung"));
                    }
                    tally.fail("a test program that hung".to_owned());
                }
                continue;
            }
        };
        heard = Instant::now();
        println!("{line}");
        words.hear(&line);
        if let Some(test) = line.strip_prefix("test ") {
            let name = test.split(' ').next().unwrap_or_default();
            if test.contains(SLOW) {
                slow.insert(name.to_owned());
            } else {
                slow.remove(name);
            }
        }
        if let Some(result) = line.strip_prefix("test result: ") {
            let (passed, failed, ignored) = numbers(result);
            tally.pass(passed);
            tally.ignore(ignored);
            counted += failed;
            tally.quote(std::mem::take(&mut words).said);
        } else if let Some(name) = line.strip_prefix("test ").and_then(failed_name) {
            tally.fail(name.to_owned());
            named += 1;
        }
    }
    tally.fail_unnamed(usize::saturating_sub(counted, named));
    let status = child.wait()?;
    if !status.success() && counted == 0 && named == 0 {
        tally.fail(format!("{} ended with {status}", shell::show(cargo)));
    }
    take_skips(tally, &skips);
    Ok(())
}

/// What the harness prints of the tests of one program that failed: kept, because whoever reads only the end of a
/// long run shall find there why it failed.
#[derive(Default)]
struct LastWords {
    said: Vec<String>,
    inside: bool,
}

impl LastWords {
    fn hear(&mut self, line: &str) {
        if line.starts_with("---- ") && line.ends_with(" ----") {
            self.inside = true;
        } else if line == "failures:" || line.starts_with("stack backtrace:") {
            self.inside = false;
        }
        if self.inside && self.said.len() < QUOTED && !line.is_empty() {
            self.said.push(line.to_owned());
        }
    }
}

/// The lines of a pipe, read by a thread of their own so that one can wait for them with a limit.
fn lines_of(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(stdout).split(b'\n');
        for line in lines.map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// `name ... FAILED`
fn failed_name(rest: &str) -> Option<&str> {
    rest.strip_suffix(" ... FAILED")
}

/// `ok. 3 passed; 0 failed; 1 ignored; …`
fn numbers(result: &str) -> (usize, usize, usize) {
    let number = |word: &str| {
        let part = result
            .split([';', '.'])
            .find_map(|part| part.trim().strip_suffix(word));
        part.and_then(|number| number.trim().parse().ok())
            .unwrap_or(0)
    };
    (number("passed"), number("failed"), number("ignored"))
}

fn take_skips(tally: &mut Tally, path: &Path) {
    let Ok(text) = std::fs::read_to_string(path) else {
        return;
    };
    for line in text.lines() {
        tally.skip_passed(line.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::{LastWords, failed_name, numbers};

    #[test]
    fn reads_the_harness() {
        let line = "FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(numbers(line), (12, 3, 1));
        assert_eq!(failed_name("it::works ... FAILED"), Some("it::works"));
        assert_eq!(failed_name("it::works ... ok"), None);
    }

    #[test]
    fn keeps_why_tests_failed() {
        let lines = "test a ... FAILED\n\nfailures:\n\n---- a stdout ----\nleft: 1\n\nstack backtrace:\n  0: main\n\n\
            ---- b stdout ----\nno\n\nfailures:\n    a\n    b\n";
        let mut words = LastWords::default();
        lines.lines().for_each(|line| words.hear(line));
        let kept = ["---- a stdout ----", "left: 1", "---- b stdout ----", "no"];
        assert_eq!(words.said, kept);
    }
}
