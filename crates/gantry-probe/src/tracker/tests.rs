use super::{Health, Thresholds, Tracker};

const STRICT: Thresholds = Thresholds {
    failures: 3,
    successes: 2,
};

#[test]
fn failures_do_not_count_before_the_first_success() {
    let mut tracker = Tracker::starting(STRICT);
    for _ in 0..100 {
        assert_eq!(tracker.note(false), None);
    }
    assert_eq!(tracker.health(), Health::Starting);
    assert_eq!(tracker.note(true), None);
    assert_eq!(tracker.note(true), Some(Health::Healthy));
}

#[test]
fn only_answers_in_a_row_count() {
    let mut tracker = Tracker::healthy(STRICT);
    let answers = [false, false, true, false, false];
    assert!(answers.iter().all(|answer| tracker.note(*answer).is_none()));
    assert_eq!(tracker.note(false), Some(Health::Unhealthy));
    assert_eq!(tracker.note(false), None);
    assert_eq!(tracker.note(true), None);
    assert_eq!(tracker.note(false), None);
    assert_eq!(tracker.note(true), None);
    assert_eq!(tracker.note(true), Some(Health::Healthy));
}

#[test]
fn a_threshold_of_zero_is_one() {
    let thresholds = Thresholds {
        failures: 0,
        successes: 0,
    };
    let mut tracker = Tracker::starting(thresholds);
    assert_eq!(tracker.note(true), Some(Health::Healthy));
    assert_eq!(tracker.note(false), Some(Health::Unhealthy));
}
