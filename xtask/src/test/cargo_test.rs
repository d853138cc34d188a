//! `cargo test`, passed through line by line and counted.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::tally::Tally;
use crate::shell;

/// The tests of every member: units, properties, snapshots, end to end, fuzz seeds, documentation.
pub(super) fn workspace(tally: &mut Tally, filter: Option<&str>) -> anyhow::Result<()> {
    let mut cargo = shell::cargo();
    cargo
        .args(["test", "--workspace", "--no-fail-fast", "--locked"])
        .args(filter);
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
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        if let Some(result) = line.strip_prefix("test result: ") {
            let (passed, failed, ignored) = numbers(result);
            tally.pass(passed);
            tally.ignore(ignored);
            counted += failed;
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
    use super::{failed_name, numbers};

    #[test]
    fn reads_the_harness() {
        let line = "FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(numbers(line), (12, 3, 1));
        assert_eq!(failed_name("it::works ... FAILED"), Some("it::works"));
        assert_eq!(failed_name("it::works ... ok"), None);
    }
}
