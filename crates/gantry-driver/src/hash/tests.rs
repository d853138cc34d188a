use serde_json::json;

use super::*;

#[test]
fn order_of_keys_makes_no_difference_and_the_rest_does() {
    let key = SpecKey::new([7; 32]);
    let digest = |value| key.digest(&value);
    assert_eq!(
        digest(json!({"a": 1, "b": [true, null]})),
        digest(json!({"b": [true, null], "a": 1}))
    );
    let all = [
        json!(null),
        json!(""),
        json!("1"),
        json!(1),
        json!(1.5),
        json!([]),
        json!({}),
        json!([[], []]),
        json!([[[]]]),
        json!({"a": "b"}),
        json!(["a", "b"]),
        json!(["ab"]),
        json!(true),
        json!(false),
    ];
    for (place, one) in all.iter().enumerate() {
        for other in &all[place + 1..] {
            assert_ne!(key.digest(one), key.digest(other), "{one} and {other}");
        }
    }
}

#[test]
fn another_key_gives_another_hash() {
    let value = json!({"password": "1234"});
    assert_ne!(
        SpecKey::new([1; 32]).digest(&value),
        SpecKey::new([2; 32]).digest(&value)
    );
}

#[test]
fn a_key_does_not_print() {
    assert_eq!(format!("{:?}", SpecKey::new([9; 32])), "SpecKey(…)");
}
