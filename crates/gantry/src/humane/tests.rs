//! Words for lengths and counts.

use super::*;

#[test]
fn lengths_of_time() {
    let said = [0.0, 59.9, 60.0, 192.4, 3_600.0, 7_500.0, 90_000.0].map(uptime);
    assert_eq!(
        said,
        ["0s", "59s", "1m 0s", "3m 12s", "1h 0m", "2h 5m", "1d 1h"]
    );
    // A clock that was set back is no reason for nonsense.
    assert_eq!(uptime(-5.0), "0s");
    let said = [0, 85, 999, 1_290, 59_999, 61_000].map(|ms| wait(Duration::from_millis(ms)));
    assert_eq!(said, ["0ms", "85ms", "999ms", "1.2s", "59.9s", "1m 1s"]);
}

#[test]
fn counts_and_lists() {
    assert_eq!(count(1, "service"), "1 service");
    assert_eq!(count(0, "service"), "0 services");
    assert_eq!(list::<&str>(&[]), "");
    assert_eq!(list(&["a"]), "a");
    assert_eq!(list(&["a", "b", "c"]), "a, b and c");
}
