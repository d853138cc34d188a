use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[test]
fn reads_references_and_literals() {
    let template = Template::parse(
        "postgres://{{ services.db.host }}:{{services.db.ports.sql|default(5432)}}/x",
    )
    .unwrap();
    assert_eq!(template.references().count(), 2);
    assert_eq!(
        serde_json::to_value(&template).unwrap(),
        json!({"$template": [
            "postgres://", {"ref": "services.db.host"}, ":",
            {"ref": "services.db.ports.sql", "default": 5432}, "/x"
        ]})
    );
}

#[test]
fn four_braces_are_two() {
    let template = Template::parse("{{{{ .Values.x }}").unwrap();
    assert_eq!(template.as_literal(), Some("{{ .Values.x }}"));
}

struct Known;
impl Resolver for Known {
    fn reference(&self, _: &Reference) -> Result<Option<Value>, ResolveError> {
        Ok(Some(json!(5432)))
    }
    fn secret(&self, _: &Secret) -> Result<String, ResolveError> {
        Ok("hunter2".into())
    }
}

#[test]
fn one_reference_keeps_its_kind() {
    let template = Template::parse("{{ services.db.ports.sql }}").unwrap();
    let typed = json!({ "$ref": template.as_reference() });
    let spec = json!({"port": typed, "text": template, "url": Template::parse("x:{{ ports.a }}").unwrap(),
        "password": EnvValue::Secret(Secret::Env("P".into())), "list": [1, "{{ left alone }}"]});
    assert_eq!(
        resolve_value(spec.clone(), &Known).unwrap(),
        json!({"port": 5432, "text": "5432", "url": "x:5432", "password": "hunter2", "list": [1, "{{ left alone }}"]})
    );
}

#[test]
fn errors_say_where() {
    for (text, at) in [
        ("a {{ b", 2..4),
        ("{{ }}", 3..4),
        ("{{ a | upper }}", 7..12),
        ("{{ a b }}", 5..6),
        ("{{ a | default(x) }}", 15..16),
    ] {
        let error = Template::parse(text).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[{}a.b\"|() ${é-]{0,24}") {
        if let Ok(template) = Template::parse(&text) {
            let again = Template::parse(&template.to_string());
            prop_assert_eq!(again, Ok(template.clone()));
            let json = serde_json::to_string(&template).unwrap();
            prop_assert_eq!(serde_json::from_str::<Template>(&json).unwrap(), template);
        } else {
            let error = Template::parse(&text).unwrap_err();
            prop_assert!(text.get(error.at.clone()).is_some(), "{:?}", error);
        }
    }
}

#[test]
fn of_three_braces_the_first_is_text() {
    let template = Template::parse("{\"a\":{{{ ports.http }}}").unwrap();
    assert_eq!(template.references().count(), 1);
    assert_eq!(template.parts()[0], Part::Literal("{\"a\":{".into()));
    assert_eq!(Template::parse(&template.to_string()), Ok(template));
}

#[test]
#[expect(clippy::single_range_in_vec_init, reason = "one part was put in")]
fn braces_from_a_variable_are_text() {
    let cases = [
        ("{{ x }}", vec![0..7], 0, 7),
        ("a{{ x }}{{ y }}", vec![1..8], 1, 8),
        // One brace was written, the other put in.
        ("{{ x }}", vec![1..2], 0, 7),
        ("{{ x }}", vec![0..1], 0, 7),
        ("{{{{ x }}", vec![0..2], 1, 2),
    ];
    for (text, put_in, references, literal) in cases {
        let template = parse::parse(text, &put_in).unwrap();
        assert_eq!(
            template.references().count(),
            references,
            "{text} {put_in:?}"
        );
        let Part::Literal(first) = &template.parts()[0] else {
            panic!("{text} {put_in:?}")
        };
        assert_eq!(first.len(), literal, "{text} {put_in:?}");
    }
}
