//! How long the quickstart takes from `up -d` to all ready, and to go down again, as a user sees it:
//! whole processes, five times. The promise is 1.5 s and 1 s.

#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

use std::time::{Duration, Instant};

use gantry_test::Sandbox;

const ROUNDS: usize = 5;

fn main() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).expect("a workspace");
    let file = root.join("examples/quickstart/gantry.toml");
    let text = std::fs::read_to_string(file).expect("the quickstart's stack file");
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &text.replace(":-7870", ":-0"));
    let mut ups = Vec::new();
    let mut downs = Vec::new();
    for _ in 0..ROUNDS {
        ups.push(time(|| {
            sandbox.gantry(["up", "-d"]).expect(0);
        }));
        downs.push(time(|| {
            sandbox.gantry(["down"]).expect(0);
        }));
        sandbox.expect_nothing_left();
    }
    report("quickstart up -d", ups, Duration::from_millis(1_500));
    report("quickstart down", downs, Duration::from_secs(1));
}

fn time(what: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    what();
    begin.elapsed()
}

fn report(what: &str, mut times: Vec<Duration>, promise: Duration) {
    times.sort_unstable();
    let (least, middle, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    let word = if most < promise { "kept" } else { "BROKEN" };
    println!("{what}: {least:.0?} / {middle:.0?} / {most:.0?}, promise of {promise:?} {word}");
}
