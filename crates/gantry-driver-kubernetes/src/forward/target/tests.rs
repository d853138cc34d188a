use serde_json::json;

use super::*;

#[test]
fn patterns_are_anchored() {
    for (pattern, name, fits) in [
        ("api", "api", true),
        ("api", "api-2", false),
        ("*embed*", "nv-embedqa", true),
        ("*embed*", "embed", true),
        ("e?", "ed", true),
        ("e?", "e", false),
        ("*-x", "a-x-x", true),
        ("**", "", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-b-b", false),
    ] {
        assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
    }
}

#[test]
fn kinds_are_written_before_names() {
    for (text, shown) in [
        ("api", "service/api"),
        ("svc/api", "service/api"),
        ("deploy/api", "deployment/api"),
        ("sts/db", "statefulset/db"),
        ("pod/db-0", "pod/db-0"),
    ] {
        assert_eq!(Target::of(text).to_string(), shown);
    }
}

fn pod(name: &str, ready: bool) -> Value {
    let ready = if ready { "True" } else { "False" };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": "shop", "uid": name, "labels": { "app": "api", "more": "x" } },
        "spec": { "containers": [{ "name": "c", "ports": [{ "name": "web", "containerPort": 8000 }] }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }],
            "containerStatuses": [{ "name": "c", "ready": ready == "True", "state": { "running": {} } }] },
    })
}

fn service(target: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "api", "namespace": "shop", "uid": "s" },
        "spec": { "selector": { "app": "api" }, "ports": [{ "name": "http", "port": 80, "targetPort": target }] },
    })
}

fn way(target: &Value, remote: &str, pods: &[Value]) -> Way {
    let pods: Vec<Arc<Value>> = pods.iter().cloned().map(Arc::new).collect();
    let pods: Vec<&Arc<Value>> = pods.iter().collect();
    Target::of("api").way("api".into(), &service(target), &pods, remote)
}

#[test]
fn a_services_port_leads_where_it_says() {
    let pods = [pod("one", false), pod("two", true)];
    for (target, remote) in [
        (json!("web"), "80"),
        (json!("web"), "http"),
        (json!(8000), "80"),
    ] {
        let way = way(&target, remote, &pods);
        assert_eq!(way.aims.len(), 1, "{way:?}");
        assert_eq!((way.aims[0].pod.as_str(), way.aims[0].port), ("two", 8000));
    }
    assert_eq!(way(&Value::Null, "80", &pods).aims[0].port, 80);
}

#[test]
fn what_leads_nowhere_says_why() {
    let cases = [
        (
            json!("web"),
            "81",
            vec![pod("one", true)],
            "service/api has no port 81",
        ),
        (
            json!("no"),
            "80",
            vec![pod("one", true)],
            "pod/one has no port no",
        ),
        (
            json!("web"),
            "80",
            vec![pod("one", false)],
            "no pod of it is ready",
        ),
        (json!("web"), "80", Vec::new(), "service/api has no pods"),
    ];
    for (target, remote, pods, reason) in cases {
        assert_eq!(way(&target, remote, &pods).wrong.as_deref(), Some(reason));
    }
}

#[test]
fn a_pod_that_is_being_deleted_is_not_used() {
    let mut going = pod("one", true);
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    assert!(way(&json!("web"), "80", &[going]).aims.is_empty());
}
