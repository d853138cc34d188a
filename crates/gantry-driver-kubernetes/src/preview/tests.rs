use serde_json::json;

use super::*;

fn told(old: &Value, new: &Value) -> Vec<String> {
    let show = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
    differences(old, new)
        .iter()
        .map(|field| format!("{} {} {}", field.path, show(&field.from), show(&field.to)))
        .collect()
}

#[test]
fn fields_are_named_by_what_they_are_in() {
    let old = json!({
        "kind": "Deployment",
        "metadata": { "name": "web", "uid": "1", "annotations": { "a.b/c": "1" } },
        "spec": { "replicas": 1, "containers": [{ "name": "web", "image": "a" }, { "name": "old" }], "args": ["x"] },
        "status": { "replicas": 1 },
    });
    let new = json!({
        "kind": "Deployment",
        "metadata": { "name": "web", "uid": "2", "annotations": { "a.b/c": "2" } },
        "spec": { "replicas": 2, "containers": [{ "name": "web", "image": "b" }], "args": ["x", "y"], "nothing": null },
    });
    assert_eq!(
        told(&old, &new),
        [
            "metadata.annotations[a.b/c] \"1\" \"2\"",
            "spec.args[1] - \"y\"",
            "spec.containers[old] {\"name\":\"old\"} -",
            "spec.containers[web].image \"a\" \"b\"",
            "spec.replicas 1 2",
        ]
    );
}

#[test]
fn secrets_are_dots() {
    let secret = |text: &str| json!({ "kind": "Secret", "type": "Opaque", "data": { "pw": text } });
    assert_eq!(
        told(&secret("b25l"), &secret("dHdv")),
        [format!("data.pw \"{DOTS}\" \"{DOTS}\"")]
    );
    assert_eq!(without_secrets(&secret("b25l"))["data"]["pw"], DOTS);
    assert!(without_secrets(&secret("b25l")).get("stringData").is_none());
}
