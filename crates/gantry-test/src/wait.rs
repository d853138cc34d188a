//! Waiting for something to become true, with an end.

use std::fmt::Debug;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(10);

/// Call `look` until it gives something; panic after `limit`, saying what was awaited.
pub fn wait_for<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(STEP);
    }
}

/// Call `look` until `good` likes what it gives; panic after `limit`, showing the last thing seen.
pub fn wait_until<T: Debug>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> T,
    mut good: impl FnMut(&T) -> bool,
) -> T {
    let begin = Instant::now();
    loop {
        let seen = look();
        if good(&seen) {
            return seen;
        }
        assert!(
            begin.elapsed() < limit,
            "{what}: not within {limit:?}, last seen: {seen:?}"
        );
        std::thread::sleep(STEP);
    }
}
