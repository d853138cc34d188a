//! Tests that cannot run here say so, and are counted.

use std::io::Write as _;

/// The file that collects the reasons of one test run; `cargo xtask test` sets and reads it.
const COLLECTOR: &str = "GANTRY_TEST_SKIPS";

/// Say that the calling test cannot run here, and what it needs. The caller returns afterwards.
///
/// The harness counts such a test as passed; `cargo xtask test` takes it off again.
#[expect(clippy::print_stderr, reason = "shown by the test harness")]
pub fn skip(test: &str, needs: &str) {
    eprintln!("skipped: {test} needs {needs}");
    let Some(path) = std::env::var_os(COLLECTOR) else {
        return;
    };
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path);
    // Counting is a courtesy: a test does not fail for it.
    let _uncounted = file.and_then(|mut file| writeln!(file, "{test} needs {needs}"));
}
