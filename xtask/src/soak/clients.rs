//! Those who look on, and those who meddle.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use gantry_test::Sandbox;

/// The pause of a client between two calls.
const PAUSE: Duration = Duration::from_millis(200);

/// How long one follower stays.
const STAY: Duration = Duration::from_secs(20);

/// Ask for everything that can be asked.
pub(super) fn ask(sandbox: &Sandbox, over: &AtomicBool, calls: &AtomicU64) -> anyhow::Result<()> {
    let questions: [&[&str]; 6] = [
        &["status"],
        &["status", "-o", "json"],
        &["logs", "--tail", "20"],
        &["events", "--tail", "50"],
        &["explain", "crash1"],
        &["plan"],
    ];
    for question in questions.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let run = sandbox.gantry(*question);
        ensure!(
            run.code == 0,
            "gantry {question:?} ended with {}: {}",
            run.code,
            run.stderr
        );
        calls.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Restart, stop and start what runs steadily.
pub(super) fn change(
    sandbox: &Sandbox,
    names: &[String],
    over: &AtomicBool,
    calls: &AtomicU64,
) -> anyhow::Result<()> {
    for name in names.iter().cycle() {
        for verb in ["restart", "stop", "start"] {
            if over.load(Ordering::Relaxed) {
                return Ok(());
            }
            let run = sandbox.gantry([verb, name]);
            ensure!(
                run.code == 0,
                "gantry {verb} {name} ended with {}: {}",
                run.code,
                run.stderr
            );
            calls.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}

/// Follow all logs for a while, go without a word, and come again.
pub(super) fn follow(sandbox: &Sandbox, over: &AtomicBool) -> anyhow::Result<()> {
    while !over.load(Ordering::Relaxed) {
        let mut command = sandbox.command(["logs", "-f", "--tail", "0"]);
        command.stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        let mut follower = command.spawn()?;
        let begin = std::time::Instant::now();
        while begin.elapsed() < STAY && !over.load(Ordering::Relaxed) {
            std::thread::sleep(PAUSE);
        }
        follower.kill()?;
        follower.wait()?;
    }
    Ok(())
}
