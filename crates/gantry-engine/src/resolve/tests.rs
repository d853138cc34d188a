use std::collections::BTreeMap;

use gantry_api::GivenVariables;
use gantry_driver::SpecKey;
use gantry_stack::template::Secret;
use serde_json::json;

use super::Secrets;

#[test]
fn a_secret_that_changed_is_noticed_and_one_that_was_fetched_is_no_change() {
    let key = SpecKey::new([3; 32]);
    let mut secrets = Secrets::default();
    let given = GivenVariables::default();
    let environment = |value: &str| BTreeMap::from([("PW".to_owned(), value.to_owned())]);
    let (one_is, two_is) = (environment("one"), environment("two"));
    let value = json!({ "PW": { "$secret": { "env": "PW" } } });
    let one = secrets.seal(&value, &key, &(&given, &one_is));
    assert_eq!(one, secrets.seal(&value, &key, &(&given, &one_is)));
    assert_ne!(one, secrets.seal(&value, &key, &(&given, &two_is)));
    assert!(!one.to_string().contains("one"), "{one}");

    let secret = Secret::Command(vec!["pass".into(), "db".into()]);
    let value = json!({ "PW": { "$secret": secret } });
    let before = secrets.seal(&value, &key, &(&given, &one_is));
    secrets.put(vec![super::Fetched::known(secret, "s3cret")]);
    assert_eq!(before, secrets.seal(&value, &key, &(&given, &one_is)));
}

#[test]
fn what_an_up_was_given_goes_before_what_the_first_one_was() {
    let mut secrets = Secrets::default();
    let first = BTreeMap::from([("PW".to_owned(), "first".to_owned())]);
    let secret = Secret::Env("PW".to_owned());
    assert_eq!(secrets.get(&secret, &first), Some(Ok("first".to_owned())));
    let given = |value: Option<&str>| {
        GivenVariables(BTreeMap::from([(
            "PW".to_owned(),
            value.map(str::to_owned),
        )]))
    };
    secrets.give(given(Some("second")));
    assert_eq!(secrets.get(&secret, &first), Some(Ok("second".to_owned())));
    // One that is not set any more is not had from before.
    secrets.give(given(None));
    assert!(secrets.get(&secret, &first).is_some_and(|it| it.is_err()));
    assert!(!format!("{:?}", given(Some("hunter2"))).contains("hunter2"));
}
