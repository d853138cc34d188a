//! Every test of the project, with one honest sum at the end.
//!
//! The last line is `N passed, N failed, N skipped` and nothing else: scripts read it. A step that
//! is no Rust test (formatting, clippy, the architecture) counts as one. What cannot run here is
//! skipped with the reason, and listed again before the sum.

use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::Context as _;

use crate::{kubernetes, shell};

mod cargo_test;
mod cluster;
mod engines;
mod packages;
mod patience;
mod tally;
mod tools;

use cluster::Cluster;
use engines::Engines;
use tally::Tally;

/// Its options.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install nothing; tests that lack something are skipped.
    #[arg(long)]
    no_install: bool,
    /// Leave out the Rust tests whose names contain this; may be given several times.
    #[arg(long)]
    skip: Vec<String>,
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
const TORTURE: [(&str, &str); 2] = [
    (
        "torture",
        "run --quiet --package xtask -- torture --rounds 50 --built",
    ),
    (
        "torture of several pairs",
        "run --quiet --package xtask -- torture --rounds 15 --built --pair-capacity 40",
    ),
];

/// Run everything, even after a failure.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut tally = Tally::default();
    if args.filter.is_none() {
        if !args.no_install {
            packages::install();
            tools::install();
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
    let cluster = Cluster::start(&mut tally);
    let engines = Engines::start();
    let mut variables = [engines.variables(), &tools::variables()].concat();
    let programs = kubernetes::folder();
    variables.push(("GANTRY_TEST_KUBERNETES", programs.display().to_string()));
    if cluster.is_some() {
        variables.extend(Cluster::variables());
    }
    cargo_test::workspace(&mut tally, args.filter.as_deref(), &args.skip, &variables)
        .context("failed to run the tests")?;
    drop((engines, cluster));
    if args.filter.is_none() {
        for (what, words) in TORTURE {
            step(&mut tally, what, words);
        }
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
    let outcome = run_patiently(&mut cargo);
    println!("==> {what}: {:.1} s", begin.elapsed().as_secs_f64());
    match outcome {
        Ok(()) => tally.pass(1),
        Err(error) => tally.fail(format!("{what}: {error:#}")),
    }
}

fn run_patiently(command: &mut Command) -> anyhow::Result<()> {
    let mut child = command.spawn().context("cargo does not run")?;
    let status = patience::wait(&mut child)?;
    anyhow::ensure!(status.success(), "ended with {status}");
    Ok(())
}
