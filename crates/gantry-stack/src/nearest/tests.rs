use super::*;

#[test]
fn slips_are_recognised() {
    let known = ["depends-on", "replicas", "readiness", "env", "env-files"];
    let cases = [
        ("depends_on", Some("depends-on")),
        ("dependsOn", Some("depends-on")),
        ("depends", Some("depends-on")),
        ("replcias", Some("replicas")),
        ("readyness", Some("readiness")),
        ("evn", Some("env")),
        ("environment", Some("env")),
        ("ready", Some("readiness")),
        ("repeat", None),
        ("enter", None),
        ("zzz", None),
    ];
    for (name, expected) in cases {
        assert_eq!(nearest(name, known), expected, "{name}");
    }
}

#[test]
fn nothing_is_near_nothing() {
    assert_eq!(nearest("db", []), None);
    assert_eq!(nearest("", ["db"]), None);
}
