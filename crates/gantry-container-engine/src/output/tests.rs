use super::timed;

#[test]
fn the_engines_time_is_taken_off_and_kept_to_the_microsecond() {
    let (at, text) = timed(b"2026-11-28T01:02:03.123456789Z one two\n");
    let at = at.expect("a time");
    assert_eq!(at.as_microsecond() % 1_000_000, 123_456);
    assert_eq!(at.subsec_nanosecond(), 123_456_000);
    assert_eq!(text, b"one two\n");
    assert_eq!(timed(b"no time here\n"), (None, &b"no time here\n"[..]));
    assert_eq!(timed(b"nothing"), (None, &b"nothing"[..]));
}
