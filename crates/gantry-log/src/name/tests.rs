use super::*;

#[test]
fn names_are_told_apart() {
    let stem = "20261121T100000.123456Z.log";
    assert_eq!(Name::parse(stem), Some(Name::Plain(stem)));
    assert_eq!(Name::parse(&packed(stem)), Some(Name::Packed(stem)));
    assert_eq!(Name::parse(&unfinished(stem)), Some(Name::Unfinished(stem)));
    for foreign in [
        CURRENT,
        "notes.log",
        "20261121T100000.123456Z.log.bz2",
        "20261121T100000.12345Z.log",
        "20261121T100000.123456Z.log.new",
    ] {
        assert_eq!(Name::parse(foreign), None, "{foreign}");
    }
}

#[test]
fn a_stem_says_its_moment() {
    let at: Timestamp = "2026-11-21T10:00:00.123456Z".parse().unwrap();
    assert_eq!(stem(at), "20261121T100000.123456Z.log");
    assert_eq!(time_of(&stem(at)), Some(at));
    assert_eq!(time_of("20261399T100000.123456Z.log"), None);
}
