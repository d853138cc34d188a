//! A running stack whose parts are killed at random, again and again.
//!
//! Every service prints a counter. After each kill `status` must answer, every service must be the
//! process that it was, and none may have been started again; in the end each log must hold every
//! number exactly once. A run prints its seed, and the same seed kills in the same order.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;

use crate::shell;

mod chance;
mod stack;

use chance::Chance;
use stack::Stack;

/// Its options.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many services run.
    #[arg(long, default_value_t = 20)]
    services: usize,
    /// How often something is killed.
    #[arg(long, default_value_t = 30)]
    rounds: usize,
    /// What may be killed.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "supervisor")]
    kill: Vec<Part>,
    /// Of the order in which things are killed.
    #[arg(long)]
    seed: Option<u64>,
}

/// A part of a running stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The process that thinks.
    Supervisor,
    /// The parent of the services.
    Keeper,
    /// The parent of both.
    Guard,
}

/// How long a stack may need until `status` answers again.
const HEALED: Duration = Duration::from_secs(5);

/// Kill, look, and kill again.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let words = [
        "build",
        "--package",
        "gantry",
        "--package",
        "gantry-test",
        "--bins",
    ];
    shell::run(shell::cargo().args(words))?;
    let seed = args.seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}");
    let mut chance = Chance::new(seed);
    let stack = Stack::up(&shell::root().join("target/debug"), args.services)?;
    let before = stack
        .pids()
        .context("failed to see the services after up")?;
    ensure!(
        before.len() == args.services,
        "up left {} services",
        before.len()
    );

    let mut slowest = Duration::ZERO;
    for round in 1..=args.rounds {
        let part = args.kill[chance.below(args.kill.len())];
        let victim = stack
            .find(part)
            .with_context(|| format!("no {part:?} in round {round}"))?;
        victim.kill();
        let begin = Instant::now();
        let after = loop {
            match stack.pids() {
                Ok(pids) => break pids,
                Err(error) if begin.elapsed() > HEALED => {
                    return Err(error.context(format!("round {round}: killed {part:?}")));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        slowest = slowest.max(begin.elapsed());
        if after != before {
            bail!("round {round}: killed {part:?}: {before:?} became {after:?}");
        }
        ensure!(
            stack.restarts()? == 0,
            "round {round}: killed {part:?}: a service was restarted"
        );
        std::thread::sleep(Duration::from_millis(chance.below(200) as u64));
    }

    let lines = stack
        .check_logs()
        .context("a log is not what its service printed")?;
    stack.down()?;
    println!(
        "{} kills, {} services: the same processes, no restart, {lines} lines each once; \
         status answered after at most {slowest:.0?}",
        args.rounds, args.services
    );
    Ok(ExitCode::SUCCESS)
}
