use std::time::{Duration, Instant};

use super::{Behind, LIMIT, QUIET};

#[test]
fn they_wait_until_nothing_happens() {
    let mut behind = Behind::default();
    assert_eq!(behind.due(), None);
    let begin = Instant::now();
    behind.note(begin);
    behind.note(begin + QUIET / 2);
    assert_eq!(behind.due(), Some(begin + QUIET / 2 + QUIET));
    behind.caught_up();
    assert!(!behind.is_any());
}

#[test]
fn but_not_for_ever() {
    let mut behind = Behind::default();
    let begin = Instant::now();
    for second in 0..60 {
        behind.note(begin + Duration::from_secs(second));
    }
    assert_eq!(behind.due(), Some(begin + LIMIT));
}
