//! Those who look on, and those who meddle.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use gantry_test::Sandbox;

/// The pause of a client between two calls.
const PAUSE: Duration = Duration::from_millis(200);

/// How long one follower stays.
const STAY: Duration = Duration::from_secs(20);

/// One call, which must go well, and the pause after it.
fn call(sandbox: &Sandbox, words: &[&str], calls: &AtomicU64) -> anyhow::Result<()> {
    let run = sandbox.gantry(words);
    ensure!(
        run.code == 0,
        "gantry {} ended with {}: {}",
        words.join(" "),
        run.code,
        run.stderr
    );
    calls.fetch_add(1, Ordering::Relaxed);
    std::thread::sleep(PAUSE);
    Ok(())
}

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
        call(sandbox, question, calls)?;
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
            call(sandbox, &[verb, name], calls)?;
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
