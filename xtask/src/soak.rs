//! A long while of everything at once: crashes, forks, restarts, rotating logs and curious clients.
//!
//! What must not happen shows only after a time: memory or descriptors that grow, logs beyond their
//! limit, a process that nobody ends. Guard, keeper and supervisor are measured all along; once they
//! are warm, the end of the run must look like its beginning.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use gantry_test::Sandbox;
use serde_json::Value;

mod clients;
pub(crate) mod sample;
mod stack;

use sample::{Part, Sample};

/// Its options.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long.
    #[arg(long, default_value_t = 20)]
    minutes: u64,
    /// How many services of each kind.
    #[arg(long, default_value_t = 20)]
    each: usize,
}

/// The time between two samples.
const PERIOD: Duration = Duration::from_secs(2);

/// What memory may grow by, between the first and the last quarter of the warm time: allocators do not
/// give back every page, and 20 minutes of a leak that matters are more than this.
const MEMORY_SLACK: f64 = 1.05;
const MEMORY_SLACK_KIB: f64 = 1024.0;

/// What the number of open descriptors may differ by: clients come and go, and logs are opened as needed.
const DESCRIPTOR_SLACK: f64 = 16.0;

/// Soak, measure, compare.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let sandbox = Sandbox::new();
    let names = stack::write(&sandbox, args.each);
    // Without waiting: a third of them is there to crash.
    sandbox.gantry(["up", "-d", "--no-wait"]).expect(0);
    let total = Duration::from_secs(args.minutes * 60);
    println!(
        "{} services for {} min; a sample every {} s",
        names.all.len(),
        args.minutes,
        PERIOD.as_secs()
    );

    let over = AtomicBool::new(false);
    let calls = AtomicU64::new(0);
    let samples = std::thread::scope(|scope| {
        let clients = [
            scope.spawn(|| clients::ask(&sandbox, &over, &calls)),
            scope.spawn(|| clients::change(&sandbox, &names.steady, &over, &calls)),
            scope.spawn(|| clients::follow(&sandbox, &over)),
        ];
        let samples = watch(&sandbox, total);
        over.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("no client panics")?;
        }
        samples
    })?;

    let status = sandbox.status();
    let restarts = sum(&status, "restarts");
    let (files, bytes) = stack::logs(&sandbox);
    stack::check_logs(&sandbox)?;
    let down = Instant::now();
    sandbox.gantry(["down"]).expect(0);
    let down = down.elapsed();
    sandbox.expect_nothing_left();

    println!(
        "{restarts} restarts, {} calls of clients, {files} log files of {} KiB in all; down in {down:.0?}, nothing left",
        calls.load(Ordering::Relaxed),
        bytes / 1024
    );
    ensure!(restarts > 0, "nothing crashed: this was no soak");
    Ok(verdict(&samples))
}

/// Whether the end looks like the beginning.
pub(crate) fn verdict(samples: &[Sample]) -> ExitCode {
    let grown = report(samples);
    if grown.is_empty() {
        println!("flat");
        ExitCode::SUCCESS
    } else {
        println!("grown: {}", grown.join(", "));
        ExitCode::FAILURE
    }
}

fn watch(sandbox: &Sandbox, total: Duration) -> anyhow::Result<Vec<Sample>> {
    let begin = Instant::now();
    let mut samples = Vec::new();
    while begin.elapsed() < total {
        std::thread::sleep(PERIOD);
        samples.push(sample::take(sandbox).context("a part of gantry is missing")?);
    }
    Ok(samples)
}

fn sum(status: &Value, field: &str) -> u64 {
    let services = status["services"].as_array().into_iter().flatten();
    services.filter_map(|one| one[field].as_u64()).sum()
}

/// Print what each part had in the beginning and in the end; give what has grown.
fn report(samples: &[Sample]) -> Vec<String> {
    // The first fifth warms up.
    let warm = &samples[samples.len() / 5..];
    let quarter = (warm.len() / 4).max(1);
    let (first, last) = (&warm[..quarter], &warm[warm.len() - quarter..]);
    let mut grown = Vec::new();
    println!("part        memory KiB: first  last  most    descriptors: first  last  most");
    for part in Part::ALL {
        let mean = |samples: &[Sample], of: fn(&sample::Figures) -> u64| {
            #[expect(clippy::cast_precision_loss, reason = "KiB and descriptors are few")]
            let sum = samples
                .iter()
                .map(|one| of(one.of(part)) as f64)
                .sum::<f64>();
            #[expect(clippy::cast_precision_loss, reason = "samples are few")]
            let count = samples.len() as f64;
            sum / count
        };
        let most =
            |of: fn(&sample::Figures) -> u64| samples.iter().map(|one| of(one.of(part))).max();
        let memory = (mean(first, |it| it.memory), mean(last, |it| it.memory));
        let files = (
            mean(first, |it| it.descriptors),
            mean(last, |it| it.descriptors),
        );
        println!(
            "{:<10}  {:>17.0} {:>5.0} {:>5}  {:>19.0} {:>5.0} {:>5}",
            part.word(),
            memory.0,
            memory.1,
            most(|it| it.memory).unwrap_or(0),
            files.0,
            files.1,
            most(|it| it.descriptors).unwrap_or(0),
        );
        if memory.1 > memory.0 * MEMORY_SLACK + MEMORY_SLACK_KIB {
            grown.push(format!("the memory of the {}", part.word()));
        }
        if files.1 > files.0 + DESCRIPTOR_SLACK {
            grown.push(format!("the descriptors of the {}", part.word()));
        }
    }
    grown
}
