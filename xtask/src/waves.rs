//! Waves of crashes through a very large stack.
//!
//! Ten thousand services come up; then a thousand of them are killed at one instant, other ones each round.
//! Each must be started again exactly once and nobody else be touched, and memory and descriptors of
//! gantry's own processes must be the same after the last round as after the first ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use gantry_test::{Process, Sandbox};

use crate::soak::{self, sample};

/// Its options.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many services run.
    #[arg(long, default_value_t = 10_000)]
    services: usize,
    /// How many of them are killed at once.
    #[arg(long, default_value_t = 1_000)]
    wave: usize,
    /// How often.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
}

/// How long it may take until all are back.
const PATIENCE: Duration = Duration::from_mins(2);

/// After so long without work memory has been given back.
const CALM: Duration = Duration::from_secs(3);

/// Bring up, kill and look, take down.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let sandbox = Sandbox::new();
    let mut file = "name = \"waves\"\n".to_owned();
    for number in 0..args.services {
        write!(
            file,
            "[services.s{number}]\n\
             restart = {{ policy = \"always\", backoff = \"10ms..100ms\", max = 0 }}\n\
             process.command = [\"sleep\", \"100000\"]\n"
        )?;
    }
    sandbox.write("gantry.toml", &file);
    let begin = Instant::now();
    sandbox.gantry(["up", "-d"]).expect(0);
    println!("{} services up in {:.1?}", args.services, begin.elapsed());

    let mut before = look(&sandbox)?;
    ensure!(before.len() == args.services, "{} run", before.len());
    let mut samples = Vec::with_capacity(args.rounds);
    for round in 1..=args.rounds {
        let begin = Instant::now();
        let hit: Vec<String> = before.keys().cloned().collect();
        let hit = hit.iter().cycle().skip(round * args.wave).take(args.wave);
        let hit: Vec<&String> = hit.collect();
        let victims: Vec<Process> = hit
            .iter()
            .filter_map(|name| Process::find(before[*name].0))
            .collect();
        ensure!(victims.len() == hit.len(), "some had ended by themselves");
        victims.iter().for_each(Process::kill);
        let after = loop {
            let now = look(&sandbox)?;
            let back = |name: &String| now.get(name).is_some_and(|it| it.0 != before[name].0);
            if hit.iter().all(|name| back(name)) {
                break now;
            }
            ensure!(begin.elapsed() < PATIENCE, "not all are back");
            std::thread::sleep(Duration::from_millis(20));
        };
        let back = begin.elapsed();
        for (name, (pid, restarts)) in &before {
            let (pid_now, restarts_now) = after.get(name).with_context(|| name.clone())?;
            if hit.contains(&name) {
                ensure!(
                    restarts_now == &(restarts + 1),
                    "{name} was started more than once"
                );
            } else {
                ensure!(
                    pid_now == pid,
                    "{name} was not killed, and is another process"
                );
            }
        }
        before = after;
        std::thread::sleep(CALM);
        samples.push(sample::take(&sandbox).context("a part of gantry is missing")?);
        println!(
            "round {round}: {} killed, all back after {back:.1?}",
            hit.len()
        );
    }
    let begin = Instant::now();
    sandbox.gantry(["down"]).expect(0);
    println!("down in {:.1?}, nothing left", begin.elapsed());
    sandbox.expect_nothing_left();
    Ok(soak::verdict(&samples))
}

/// The process of each service that runs, and how often it was started again.
fn look(sandbox: &Sandbox) -> anyhow::Result<BTreeMap<String, (i32, u64)>> {
    let status = sandbox.status();
    let services = status["services"].as_array().context("services")?;
    let runs = services.iter().filter_map(|one| {
        let pid = i32::try_from(one["pid"].as_u64()?).ok()?;
        Some((
            one["name"].as_str()?.to_owned(),
            (pid, one["restarts"].as_u64()?),
        ))
    });
    Ok(runs.collect())
}
