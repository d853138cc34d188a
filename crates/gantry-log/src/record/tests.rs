use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_record_comes_back_as_it_was_written(
        micros in 0_i64..4_000_000_000_000_000,
        text in proptest::collection::vec(any::<u8>().prop_filter("newline", |byte| *byte != b'\n'), 0..80),
        full: bool,
        stream in prop_oneof![Just(Stream::Out), Just(Stream::Err), Just(Stream::Keeper)],
    ) {
        let record = Record { at: Timestamp::from_microsecond(micros).unwrap(), stream, full, text: &text };
        let mut out = Vec::new();
        record.write(&mut out);
        prop_assert_eq!(out.pop(), Some(b'\n'));
        prop_assert_eq!(Record::parse(&out), Some(record));
    }

    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = Record::parse(&noise);
    }

    #[test]
    fn a_bent_record_never_panics(at in 0_usize..40, byte: u8) {
        let mut line = b"2026-11-21T10:00:00.123456Z o F some text".to_vec();
        line[at] = byte;
        let _ = Record::parse(&line);
    }
}

#[test]
fn the_form_is_fixed() {
    let mut out = Vec::new();
    let at: Timestamp = "2026-11-21T10:00:00.000123Z".parse().unwrap();
    Record {
        at,
        stream: Stream::Err,
        full: false,
        text: b"half",
    }
    .write(&mut out);
    assert_eq!(out, b"2026-11-21T10:00:00.000123Z e P half\n");
}

#[test]
fn what_is_no_record_is_refused() {
    for line in [
        "2026-13-21T10:00:00.123456Z o F x",
        "2026-11-21T10:00:00.123456Z x F x",
        "2026-11-21T10:00:00.123456Z o Q x",
        "2026-11-21T10:00:00.12345Z o F x",
        "2026-11-21T10:00:00.123456Z o F",
    ] {
        assert_eq!(Record::parse(line.as_bytes()), None, "{line}");
    }
}
