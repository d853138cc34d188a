use serde_json::json;

use super::*;

#[test]
fn only_what_a_set_has_a_template_for_is_its_own() {
    let set = json!({
        "metadata": { "uid": "s" },
        "spec": { "volumeClaimTemplates": [{ "metadata": { "name": "data" } }] },
    });
    let pod = |owner: &str| {
        json!({
            "metadata": { "namespace": "shop", "ownerReferences": [{ "uid": owner }] },
            "spec": { "volumes": [
                { "name": "data", "persistentVolumeClaim": { "claimName": "data-db-0" } },
                { "name": "shared", "persistentVolumeClaim": { "claimName": "shared" } },
                { "name": "tmp", "emptyDir": {} },
            ] },
        })
    };
    let sets = [Arc::new(set)];
    let names = |owner| -> Vec<String> {
        let keys = of_pods(&sets, &[Arc::new(pod(owner))]);
        keys.iter().map(Key::to_string).collect()
    };
    assert_eq!(names("s"), ["persistentvolumeclaim/data-db-0 in shop"]);
    assert!(names("another").is_empty());
}
