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

/// What is checked besides tests, each counted as one test.
const STEPS: [(&str, &str); 4] = [
    ("formatting", "fmt --all --check"),
    (
        "clippy",
        "clippy --workspace --all-targets --locked -- --deny warnings",
    ),
    ("architecture", "run --quiet --package xtask -- check"),
    ("documentation", "doc --workspace --no-deps --locked"),
];

/// End-to-end tests run the programs.
const BUILD: (&str, &str) = ("build", "build --workspace --bins --locked");

/// The tests that are no Rust tests, behind those that are.
const TORTURE: (&str, &str) = (
    "torture",
    "run --quiet --package xtask -- torture --rounds 50 --built",
);

/// Run everything, even after a failure.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut tally = Tally::default();
    if args.filter.is_none() {
        if !args.no_install {
            packages::install();
        }
        for (what, words) in STEPS {
            step(&mut tally, what, words);
        }
        if shell::find_program("cargo-deny").is_some() {
            step(
                &mut tally,
                "others' crates",
                "deny check bans licenses sources",
            );
        } else {
            tally.skip("others' crates needs cargo-deny".to_owned());
        }
    }
    step(&mut tally, BUILD.0, BUILD.1);
    cargo_test::workspace(&mut tally, args.filter.as_deref()).context("failed to run the tests")?;
    if args.filter.is_none() {
        step(&mut tally, TORTURE.0, TORTURE.1);
    }
    tally.print();
    let good = tally.failed() == 0;
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// One cargo command that counts as one test.
fn step(tally: &mut Tally, what: &str, words: &str) {
    println!("==> {what}: cargo {words}");
    let begin = Instant::now();
    let mut cargo = shell::cargo();
    cargo
        .args(words.split(' '))
        .env("RUSTDOCFLAGS", "--deny warnings");
    let outcome = shell::run(&mut cargo);
    println!("==> {what}: {:.1} s", begin.elapsed().as_secs_f64());
    match outcome {
        Ok(()) => tally.pass(1),
        Err(error) => tally.fail(format!("{what}: {error:#}")),
    }
}
