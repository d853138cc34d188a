//! How fast a keeper brings a service's output into its log: lines of 100 bytes, by the time that
//! passed and by the time that the keeper's process was on a core. The promise is 300 MB/s on one. In the
//! end as much is kept as was printed, and every line is looked at.

#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

use std::time::Instant;

use gantry_keeper::protocol::{EventBody, LogPolicy};
use gantry_log::{LogFolder, Stream};

mod guard;

use guard::{Guard, spawn};

const MEGABYTES: u32 = 500;
const ROUNDS: u32 = 5;

/// Of the round in which all is kept.
const KEPT_MEGABYTES: u32 = 100;

/// With its newline.
const LINE: u32 = 100;

fn main() {
    let mut guard = Guard::start();
    let mut best = (f64::MAX, f64::MAX);
    for round in 1..=ROUNDS {
        let before = cpu(guard.client.welcome().keeper_pid);
        let begin = Instant::now();
        print(&mut guard, round, MEGABYTES, 2);
        let wall = begin.elapsed().as_secs_f64();
        let used = cpu(guard.client.welcome().keeper_pid) - before;
        best = (best.0.min(wall), best.1.min(used));
    }
    let megabytes = f64::from(MEGABYTES);
    println!(
        "capture, the best of {ROUNDS}: {:.0} MB/s as time passed, {:.0} MB/s of the keeper's core",
        megabytes / best.0,
        megabytes / best.1
    );
    let folder = LogFolder::new(guard.layout().log(&"a.1".parse().expect("a name")));
    std::fs::remove_dir_all(folder.path()).expect("what was measured goes");
    print(&mut guard, ROUNDS + 1, KEPT_MEGABYTES, u32::MAX);
    let text = "x".repeat(99);
    let lines = folder.lines().filter(|line| line.stream == Stream::Out);
    let whole = lines.filter(|line| line.text() == text).count();
    let wanted = u64::from(KEPT_MEGABYTES) * 1_000_000 / u64::from(LINE);
    println!("of {wanted} lines {whole} are there");
    assert_eq!(whole as u64, wanted);
}

/// Have a service print so much, and end.
fn print(guard: &mut Guard, generation: u32, megabytes: u32, keep: u32) {
    let line = "x".repeat(99);
    let script = format!("yes {line} | head -c {megabytes}000000");
    let log = LogPolicy {
        keep,
        ..LogPolicy::default()
    };
    let request = spawn("a.1", generation, &["sh", "-c", &script], log);
    guard.client.ask(request).expect("a start");
    guard.until(1, |body| matches!(body, EventBody::Exited { .. }));
}

/// Seconds that a process was on a core, in it and in the kernel.
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a keeper");
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u32 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u32>().ok())
        .sum();
    f64::from(ticks) / 100.0
}
