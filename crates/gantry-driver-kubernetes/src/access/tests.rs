use super::*;

#[test]
fn a_token_is_renewed_before_its_end() {
    let now: Timestamp = "2030-01-01T00:00:00Z".parse().expect("a time");
    let at = |life: u64| {
        let at = renew_at(now, now + Duration::from_secs(life));
        at.duration_since(now).as_secs()
    };
    assert_eq!(at(3600), 3540);
    assert_eq!(at(10), 8);
    // What is over is renewed at once.
    assert_eq!(renew_at(now, now), now);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_vain_is_tried_ever_less_often() {
    let mut pace = Pace::default();
    let begin = Instant::now();
    let mut tried = Vec::new();
    for step in 0..400 {
        if pace.may(begin + PLUGIN[0] * step, PLUGIN) {
            tried.push(step);
        }
    }
    // For ten seconds at least once in a second, in the end every 30 s.
    let (often, seldom) = tried.split_at(17);
    assert_eq!(often[..5], [0, 1, 3, 6, 9]);
    assert!(
        often.windows(2).all(|two| two[1] - two[0] <= 3),
        "{often:?}"
    );
    assert_eq!(often.last(), Some(&45));
    assert_eq!(seldom, [51, 63, 86, 131, 221, 341]);
    // Long after, it is as if it had never been.
    let later = begin + Duration::from_secs(1000);
    assert!(pace.may(later, PLUGIN));
    assert!(pace.may(later + PLUGIN[0], PLUGIN));
}
