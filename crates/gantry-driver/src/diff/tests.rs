use serde_json::json;

use super::*;

fn paths(old: &Value, new: &Value) -> Vec<String> {
    values(old, new, &|_| ChangeEffect::Restart)
        .into_iter()
        .map(|change| change.path.to_string())
        .collect()
}

#[test]
fn names_the_fields_that_differ_and_no_others() {
    let old = json!({"command": ["a"], "env": {"A": "1", "B": "2"}, "user": null, "umask": 18});
    let new = json!({"command": ["a", "b"], "env": {"A": "1", "C": "3"}, "umask": 18});
    assert_eq!(paths(&old, &new), ["command", "env.B", "env.C"]);
}

#[test]
fn a_map_that_comes_or_goes_is_named_by_its_fields() {
    assert_eq!(paths(&json!({}), &json!({"env": {"A": "1"}})), ["env.A"]);
    assert_eq!(paths(&json!({"env": {"A": "1"}}), &json!({})), ["env.A"]);
}

#[test]
fn another_kind_of_value_is_one_change() {
    assert_eq!(paths(&json!({"a": {"b": 1}}), &json!({"a": 1})), ["a"]);
}

#[test]
fn settings_are_compared_by_the_names_users_know() {
    let old = Settings::default();
    let mut new = Settings::default();
    new.env.insert("LOG".into(), "debug".into());
    new.stop.signal = "INT".into();
    let changes = settings(&old, &new, &|path| {
        if path.starts_with("stop") {
            ChangeEffect::None
        } else {
            ChangeEffect::Restart
        }
    });
    let seen: Vec<_> = changes
        .iter()
        .map(|change| (change.path.as_str(), change.effect))
        .collect();
    assert_eq!(
        seen,
        [
            ("env.LOG", ChangeEffect::Restart),
            ("stop.signal", ChangeEffect::None)
        ]
    );
    assert_eq!(effect_of(&changes), ChangeEffect::Restart);
}
