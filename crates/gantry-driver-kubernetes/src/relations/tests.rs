use serde_json::{Value, json};

use super::of;

fn objects() -> Vec<Value> {
    vec![
        json!({ "kind": "Deployment", "metadata": { "name": "web" }, "spec": { "template": {
            "metadata": { "labels": { "app": "web", "tier": "front" } },
            "spec": {
                "serviceAccountName": "runner",
                "containers": [{ "name": "web", "envFrom": [{ "configMapRef": { "name": "web" } }],
                    "env": [{ "name": "P", "valueFrom": { "secretKeyRef": { "name": "pw", "key": "p" } } }] }],
                "volumes": [{ "persistentVolumeClaim": { "claimName": "data" } }],
            } } } }),
        json!({ "kind": "Service", "metadata": { "name": "web" }, "spec": { "selector": { "app": "web" } } }),
        json!({ "kind": "Service", "metadata": { "name": "bare" }, "spec": {} }),
        json!({ "kind": "ConfigMap", "metadata": { "name": "web" } }),
        json!({ "kind": "Ingress", "metadata": { "name": "in" }, "spec": { "rules": [{ "http": { "paths": [
            { "backend": { "service": { "name": "web" } } }] } }], "tls": [{ "secretName": "cert" }] } }),
        json!({ "kind": "HTTPRoute", "metadata": { "name": "r" }, "spec": { "parentRefs": [{ "name": "gate" }],
            "rules": [{ "backendRefs": [{ "name": "web" }] }] } }),
        json!({ "kind": "HorizontalPodAutoscaler", "metadata": { "name": "h" }, "spec": { "scaleTargetRef":
            { "kind": "Deployment", "name": "web" } } }),
        json!({ "kind": "CronJob", "metadata": { "name": "c" }, "spec": { "jobTemplate": { "spec": { "template": {
            "spec": { "containers": [{ "name": "c" }], "volumes": [{ "projected": { "sources":
                [{ "secret": { "name": "pw" } }] } }] } } } } } }),
        json!({ "kind": "RoleBinding", "metadata": { "name": "b" }, "roleRef": { "kind": "Role", "name": "r" },
            "subjects": [{ "kind": "ServiceAccount", "name": "runner" }, { "kind": "User", "name": "eve" }] }),
    ]
}

#[test]
fn every_reference_is_drawn_once() {
    let found = of(&objects());
    let edges: Vec<String> = found
        .edges
        .iter()
        .map(|edge| format!("{} {} {}", edge.from, edge.how, edge.to))
        .collect();
    let wanted = [
        "cronjob/c mounts secret/pw",
        "deployment/web reads configmap/web",
        "deployment/web mounts persistentvolumeclaim/data",
        "deployment/web reads secret/pw",
        "deployment/web runs as serviceaccount/runner",
        "horizontalpodautoscaler/h scales deployment/web",
        "httproute/r hangs on gateway/gate",
        "httproute/r routes to service/web",
        "ingress/in is known by secret/cert",
        "ingress/in routes to service/web",
        "rolebinding/b gives role/r",
        "rolebinding/b to serviceaccount/runner",
        "service/web selects deployment/web",
    ];
    assert_eq!(edges, wanted);
    let missing: Vec<&str> = found
        .objects
        .iter()
        .filter(|one| one.missing)
        .map(|one| one.name.as_str())
        .collect();
    let named = [
        "secret/pw",
        "persistentvolumeclaim/data",
        "serviceaccount/runner",
        "gateway/gate",
        "secret/cert",
        "role/r",
    ];
    assert_eq!(missing, named);
}

#[test]
fn what_selects_nothing_selects_nothing() {
    let nothing = [
        json!({ "kind": "Service", "metadata": { "name": "a", "namespace": "x" }, "spec": { "selector": { "app": "web" } } }),
        json!({ "kind": "Deployment", "metadata": { "name": "web", "namespace": "y" }, "spec": { "template": {
            "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [{ "name": "web" }] } } } }),
    ];
    assert!(of(&nothing).edges.is_empty());
}
