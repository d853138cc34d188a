use serde_json::json;

use super::*;

#[test]
fn shared_needs_are_named_once() {
    let settings = Settings {
        folder: "/stack".into(),
        ..Settings::default()
    };
    let spec = json!({"command": ["server"], "user": "www"});
    let own = json!({"command": ["./own"], "inherit-env": false, "files": ["a.conf"]});
    let described = |spec| Described {
        spec,
        settings: &settings,
        follows: false,
    };
    let name = |text| ServiceName::new(text).unwrap();
    let needs = of(&[
        (name("a"), described(&spec)),
        (name("b"), described(&spec)),
        (name("c"), described(&own)),
    ]);
    let seen: Vec<_> = needs
        .iter()
        .map(|need| {
            (
                need.field.as_str(),
                need.need.to_string(),
                need.services.len(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("command", "program `server`".to_owned(), 2),
            ("user", "user `www`".to_owned(), 2),
            ("folder", "folder /stack".to_owned(), 3),
            ("command", "program `./own`".to_owned(), 1),
            ("files", "file /stack/a.conf".to_owned(), 1),
        ]
    );
    let Need::Program { path, .. } = &needs[3].need else {
        panic!("the fourth is the program");
    };
    assert_eq!(path.as_deref(), Some(crate::spec::DEFAULT_PATH));
}
