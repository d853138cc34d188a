use serde_json::json;

use super::{Key, Rank};

fn key(api: &str, kind: &str) -> Key {
    Key::of(&json!({ "apiVersion": api, "kind": kind, "metadata": { "name": "x" } }))
}

#[test]
fn the_version_is_no_part_of_a_thing() {
    let old = key("policy/v1beta1", "PodDisruptionBudget");
    let new = key("policy/v1", "PodDisruptionBudget");
    assert_ne!(old, new);
    assert!(old.is_same(&new));
    assert!(!old.is_same(&key("other/v1", "PodDisruptionBudget")));
}

#[test]
fn what_others_need_comes_first() {
    let order = [
        key("v1", "Namespace"),
        key("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        key("v1", "ConfigMap"),
        key("apps/v1", "Deployment"),
        key("networking.k8s.io/v1", "Ingress"),
    ];
    let ranks: Vec<Rank> = order.iter().map(Rank::of).collect();
    assert_eq!(ranks, Rank::ALL);
    for (api, kind) in [
        ("v1", "Secret"),
        ("v1", "Service"),
        ("v1", "PersistentVolumeClaim"),
        ("rbac.authorization.k8s.io/v1", "Role"),
        ("storage.k8s.io/v1", "StorageClass"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
    ] {
        assert_eq!(Rank::of(&key(api, kind)), Rank::Configuration, "{kind}");
    }
    assert_eq!(Rank::of(&key("v1", "Pod")), Rank::Workload);
    assert_eq!(
        Rank::of(&key("cert-manager.io/v1", "Certificate")),
        Rank::Rest
    );
}
