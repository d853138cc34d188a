//! Seeded schedules of the core over a simulated world.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use gantry_core::simulation::{Schedule, Violation, search};

/// So many schedules are taken at a time: enough that the threads do not meet often.
const PORTION: u64 = 500;

/// What to simulate.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many schedules to run  [default: 10000, or 1 if a seed is given]
    #[arg(long)]
    schedules: Option<u64>,
    /// The seed of the first schedule; the others count on from it  [default: 0]
    #[arg(long)]
    seed: Option<u64>,
    /// How many threads to use  [default: one for each core]
    #[arg(long)]
    jobs: Option<usize>,
}

/// Run the schedules, and stop at the first one that breaks an invariant.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let first = args.seed.unwrap_or(0);
    let count = args
        .schedules
        .unwrap_or(if args.seed.is_some() { 1 } else { 10_000 });
    let end = first.saturating_add(count);
    let jobs = match args.jobs {
        Some(jobs) => jobs.max(1),
        None => std::thread::available_parallelism()?.get(),
    };
    let begun = Instant::now();
    let next = AtomicU64::new(first);
    let found: Mutex<Option<(Schedule, Violation)>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let from = next.fetch_add(PORTION, Ordering::Relaxed);
                    if from >= end {
                        return;
                    }
                    let to = from.saturating_add(PORTION).min(end);
                    if let Some(failure) = search(from..to) {
                        next.store(end, Ordering::Relaxed);
                        *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                    }
                }
            });
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    match found.into_inner().unwrap_or_else(PoisonError::into_inner) {
        None => {
            println!("{count} schedules from seed {first} hold ({seconds:.1} s)");
            Ok(ExitCode::SUCCESS)
        }
        Some((schedule, violation)) => {
            println!("seed {} breaks a rule; shrunk to:", schedule.seed);
            for action in &schedule.actions {
                println!("  {action:?}");
            }
            println!("which goes:\n{violation}");
            println!("again: cargo xtask simulate --seed {}", schedule.seed);
            Ok(ExitCode::FAILURE)
        }
    }
}
