use proptest::prelude::*;

use super::*;

#[test]
fn a_wait_of_zero_starts_at_once() {
    let policy = RestartPolicy {
        backoff_min: Millis(0),
        ..RestartPolicy::default()
    };
    assert_eq!(policy.delay(7, 99), Millis(0));
}

proptest! {
    #[test]
    fn waits_double_within_a_quarter_and_stay_below_the_longest(
        attempt in 1_u32..80,
        random: u64,
    ) {
        let policy = RestartPolicy::default();
        let exact = (200_u64 << (attempt - 1).min(30)).min(30_000);
        let wait = policy.delay(attempt, random).0;
        prop_assert!(wait >= exact - exact / 4);
        prop_assert!(wait <= (exact + exact / 4).min(30_000));
    }
}
