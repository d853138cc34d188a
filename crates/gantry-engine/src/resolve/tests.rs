use std::collections::BTreeMap;

use gantry_driver::SpecKey;
use gantry_stack::template::Secret;
use serde_json::json;

use super::Secrets;

#[test]
fn a_secret_that_changed_is_noticed_and_one_that_was_fetched_is_no_change() {
    let key = SpecKey::new([3; 32]);
    let mut secrets = Secrets::default();
    let environment = |value: &str| BTreeMap::from([("PW".to_owned(), value.to_owned())]);
    let value = json!({ "PW": { "$secret": { "env": "PW" } } });
    let one = secrets.seal(&value, &key, &environment("one"));
    assert_eq!(one, secrets.seal(&value, &key, &environment("one")));
    assert_ne!(one, secrets.seal(&value, &key, &environment("two")));
    assert!(!one.to_string().contains("one"), "{one}");

    let secret = Secret::Command(vec!["pass".into(), "db".into()]);
    let value = json!({ "PW": { "$secret": secret } });
    let before = secrets.seal(&value, &key, &environment("one"));
    secrets.put(vec![super::Fetched::known(secret, "s3cret")]);
    assert_eq!(before, secrets.seal(&value, &key, &environment("one")));
}
