use std::sync::Arc;

use serde_json::json;

use super::{ingress, service};

fn urls(found: &[gantry_driver::Address]) -> Vec<(&str, &str)> {
    found
        .iter()
        .map(|one| (one.name.as_str(), one.url.as_str()))
        .collect()
}

#[test]
fn a_service_is_reached_by_its_balancer_or_by_a_node() {
    let pods = [Arc::new(json!({ "status": { "hostIP": "10.0.0.2" } }))];
    let mut object = json!({ "metadata": { "name": "web" }, "spec": { "type": "NodePort", "ports": [
        { "name": "http", "port": 80, "nodePort": 30080 }, { "name": "sql", "port": 5432, "nodePort": 30432 },
        { "name": "inside", "port": 1 },
    ] } });
    let mut found = Vec::new();
    service(&object, &pods, &mut found);
    let by_node = [
        ("service/web:http", "http://10.0.0.2:30080"),
        ("service/web:sql", "tcp://10.0.0.2:30432"),
    ];
    assert_eq!(urls(&found), by_node);

    object["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": "fd00::1" }] } });
    object["spec"]["ports"] = json!([{ "port": 443, "nodePort": 30443 }]);
    found.clear();
    service(&object, &pods, &mut found);
    assert_eq!(urls(&found), [("service/web", "https://[fd00::1]:443")]);

    found.clear();
    service(
        &json!({ "metadata": { "name": "in" }, "spec": { "ports": [{ "port": 80 }] } }),
        &pods,
        &mut found,
    );
    assert!(found.is_empty());
}

#[test]
fn an_ingress_is_reached_by_its_hosts_once_somebody_serves_it() {
    let mut object = json!({ "metadata": { "name": "in" }, "spec": {
        "tls": [{ "hosts": ["a.example"] }],
        "rules": [
            { "host": "a.example", "http": { "paths": [{ "path": "/" }, { "path": "/api" }] } },
            { "host": "b.example", "http": { "paths": [{ "path": "/b" }] } },
            { "http": { "paths": [{ "path": "/" }] } },
        ],
    } });
    let mut found = Vec::new();
    ingress(&object, &mut found);
    assert!(found.is_empty());
    object["status"] = json!({ "loadBalancer": { "ingress": [{ "hostname": "lb.example" }] } });
    ingress(&object, &mut found);
    let all = [
        ("ingress/in", "https://a.example/"),
        ("ingress/in", "http://b.example/b"),
        ("ingress/in", "http://lb.example/"),
    ];
    assert_eq!(urls(&found), all);
}
