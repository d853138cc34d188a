use serde_json::json;

use super::*;

#[test]
fn only_the_command_is_needed() {
    let spec = Spec::read(&json!({"command": ["sleep", "1"]})).unwrap();
    assert!(spec.inherit_env);
    assert_eq!(spec.program(), "sleep");
    assert_eq!(spec.umask, None);
}

#[test]
fn users_are_names_or_numbers() {
    let spec = Spec::read(&json!({"command": ["a"], "user": 33, "group": "www", "umask": 23}));
    let spec = spec.unwrap();
    assert_eq!(spec.user.as_deref(), Some("33"));
    assert_eq!(spec.group.as_deref(), Some("www"));
    assert_eq!(spec.umask, Some(0o027));
}

#[test]
fn what_is_wrong_is_said() {
    let wrong = |value| Spec::read(&value).unwrap_err().to_string();
    assert_eq!(wrong(json!({"command": []})), "command: names no program");
    assert_eq!(
        wrong(json!({"command": [""]})),
        "command: the program's name is empty"
    );
    assert!(wrong(json!({})).contains("command"));
    assert!(wrong(json!({"command": ["a"], "user": true})).contains("expected a string"));
    assert_eq!(wrong(json!(["a"])), "expected a table");
}

#[test]
fn folders_are_relative_to_the_stack_file() {
    let settings = Settings {
        folder: "/stack".into(),
        ..Settings::default()
    };
    let spec = |folder: &str| Spec::read(&json!({"command": ["a"], "folder": folder})).unwrap();
    assert_eq!(spec("data").working_folder(&settings), "/stack/data");
    assert_eq!(spec("/data").working_folder(&settings), "/data");
    assert_eq!(spec("").working_folder(&settings), "/stack");
}
