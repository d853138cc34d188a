//! What the quickstart promises about time. A binary of its own: nothing else runs beside it.

use std::time::{Duration, Instant};

use gantry_test::Sandbox;

const UP: Duration = Duration::from_millis(1_500);
const DOWN: Duration = Duration::from_secs(1);

#[test]
fn the_quickstart_is_up_and_down_at_once() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = here
        .ancestors()
        .nth(2)
        .expect("a workspace")
        .join("examples/quickstart/gantry.toml");
    let text = std::fs::read_to_string(file).expect("the quickstart's stack file");
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &text.replace(":-7870", ":-0"));

    let begin = Instant::now();
    sandbox.gantry(["up", "-d"]).expect(0);
    let up = begin.elapsed();
    let begin = Instant::now();
    sandbox.gantry(["down"]).expect(0);
    let down = begin.elapsed();
    sandbox.expect_nothing_left();

    assert!(up < UP, "up took {up:?}");
    assert!(down < DOWN, "down took {down:?}");
}
