//! Every test of the project, with one honest sum at the end.
//!
//! The last line is `N passed, N failed, N skipped` and nothing else: scripts read it. A step that
//! is no Rust test (formatting, clippy, the architecture) counts as one. What cannot run here is
//! skipped with the reason, and listed again before the sum.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;

use crate::shell;

mod cargo_test;
mod packages;
mod tally;

use tally::Tally;

/// Its options.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install nothing; tests that lack something are skipped.
    #[arg(long)]
    no_install: bool,
    /// Only the Rust tests, and only those whose name contains this.
    filter: Option<String>,
}

/// Run everything, even after a failure.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut tally = Tally::default();
    if args.filter.is_none() {
        if !args.no_install {
            packages::install();
        }
        step(&mut tally, "formatting", &["fmt", "--all", "--check"]);
        step(&mut tally, "clippy", &CLIPPY);
        step(
            &mut tally,
            "architecture",
            &["run", "--quiet", "--package", "xtask", "--", "check"],
        );
    }
    // First, since end-to-end tests run the programs.
    step(
        &mut tally,
        "build",
        &["build", "--workspace", "--bins", "--locked"],
    );
    cargo_test::workspace(&mut tally, args.filter.as_deref()).context("failed to run the tests")?;
    tally.print();
    Ok(if tally.failed() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

const CLIPPY: [&str; 7] = [
    "clippy",
    "--workspace",
    "--all-targets",
    "--locked",
    "--",
    "--deny",
    "warnings",
];

/// One cargo command that counts as one test.
fn step(tally: &mut Tally, what: &str, words: &[&str]) {
    println!("==> {what}: cargo {}", words.join(" "));
    let begin = Instant::now();
    let outcome = shell::run(
        shell::cargo()
            .args(words)
            .env("RUSTDOCFLAGS", "--deny warnings"),
    );
    println!("==> {what}: {:.1} s", begin.elapsed().as_secs_f64());
    match outcome {
        Ok(()) => tally.pass(1),
        Err(error) => tally.fail(format!("{what}: {error:#}")),
    }
}
