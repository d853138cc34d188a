use gantry_driver::Settings;
use serde_json::{Value, json};

use super::*;

fn seen(old: &Value, new: &Value) -> Vec<(String, ChangeEffect)> {
    let settings = Settings::default();
    let described = |spec| Described {
        spec,
        settings: &settings,
        follows: false,
    };
    between(described(old), described(new))
        .into_iter()
        .map(|change| (change.path.to_string(), change.effect))
        .collect()
}

#[test]
fn what_it_was_started_with_forces_a_restart() {
    for (field, old, new) in [
        ("command", json!(["a"]), json!(["b"])),
        ("folder", json!("a"), json!("b")),
        ("user", json!("a"), json!("b")),
        ("umask", json!("022"), json!("027")),
        ("inherit-env", json!(true), json!(false)),
    ] {
        let changes = seen(&json!({ field: old }), &json!({ field: new }));
        assert_eq!(changes, [(field.to_owned(), ChangeEffect::Restart)]);
    }
    let changes = seen(&json!({"env": {"A": "1"}}), &json!({"env": {"A": "2"}}));
    assert_eq!(changes, [("env.A".to_owned(), ChangeEffect::Restart)]);
}

#[test]
fn what_is_used_later_does_not() {
    let changes = seen(&json!({}), &json!({"stop-command": ["a"]}));
    assert_eq!(changes, [("stop-command".to_owned(), ChangeEffect::None)]);
    let old = Settings::default();
    let mut new = Settings::default();
    new.stop.grace = std::time::Duration::from_secs(3);
    new.logs.keep = 9;
    let spec = json!({});
    let changes = between(
        Described {
            spec: &spec,
            settings: &old,
            follows: false,
        },
        Described {
            spec: &spec,
            settings: &new,
            follows: false,
        },
    );
    assert!(!changes.is_empty());
    assert_eq!(diff::effect_of(&changes), ChangeEffect::None);
}
