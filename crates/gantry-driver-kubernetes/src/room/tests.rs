use serde_json::json;

use super::*;

fn deployment(replicas: u32, containers: &Value) -> Demand {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": { "replicas": replicas, "template": { "spec": { "containers": containers } } },
    });
    demand(&object, "shop").expect("a workload")
}

fn asks(cpu: &str, memory: &str) -> Value {
    json!([{ "resources": { "requests": { "cpu": cpu, "memory": memory } } }])
}

fn node(name: &str, cpu: &str, memory: &str) -> Value {
    json!({ "metadata": { "name": name }, "status": { "allocatable": { "cpu": cpu, "memory": memory } } })
}

fn quota(hard: &Value, used: &Value) -> Value {
    json!({ "metadata": { "name": "small", "namespace": "shop" }, "spec": {}, "status": { "hard": hard, "used": used } })
}

#[test]
fn a_pod_asks_for_its_containers_together_or_for_its_greediest_beginning() {
    let pod = json!({
        "containers": [
            { "resources": { "requests": { "cpu": "500m", "memory": "1Gi" } } },
            { "resources": { "limits": { "cpu": 1, "memory": "1Gi" }, "requests": { "cpu": "250m" } } },
        ],
        "initContainers": [
            { "restartPolicy": "Always", "resources": { "requests": { "cpu": "1" } } },
            { "resources": { "requests": { "cpu": "100m", "memory": "5Gi" } } },
        ],
    });
    let found = of_pod(&pod, &["requests", "limits"]);
    let gib = 1000 << 30;
    assert_eq!(
        found,
        Amounts::from([("cpu".into(), 1750), ("memory".into(), 5 * gib)])
    );
}

#[test]
fn copies_are_counted_by_kind() {
    let of = |kind: &str, api: &str, spec: Value| {
        let object =
            json!({ "apiVersion": api, "kind": kind, "metadata": { "name": "x" }, "spec": spec });
        demand(&object, "shop").map(|demand| demand.copies)
    };
    assert_eq!(
        of("StatefulSet", "apps/v1", json!({ "replicas": 3 })),
        Some(3)
    );
    assert_eq!(of("Deployment", "apps/v1", json!({})), Some(1));
    assert_eq!(of("DaemonSet", "apps/v1", json!({})), Some(0));
    assert_eq!(
        of(
            "Job",
            "batch/v1",
            json!({ "parallelism": 5, "completions": 2 })
        ),
        Some(2)
    );
    assert_eq!(of("CronJob", "batch/v1", json!({})), Some(0));
    assert_eq!(of("Service", "v1", json!({})), None);
}

#[test]
fn what_fits_no_node_is_refused() {
    let nodes = [node("a", "4", "8Gi"), node("b", "2", "16300000Ki")];
    let told = |containers: &Value| too_large(&[deployment(1, containers)], &nodes);
    assert_eq!(told(&asks("4", "8Gi")), Vec::<String>::new());
    assert_eq!(
        told(&asks("1", "900Gi")),
        [
            "deployment/web: no node has enough memory (it asks for 900Gi; b, which has most, has 15917Mi)"
        ]
    );
    assert_eq!(
        told(&asks("4", "12Gi")),
        ["deployment/web: no node has all of what it asks for: 4 processors, 12Gi memory"]
    );
    let gpu = json!([{ "resources": { "limits": { "nvidia.com/gpu": 1 } } }]);
    assert_eq!(
        told(&gpu),
        ["deployment/web: no node has enough nvidia.com/gpu (it asks for 1; none has any)"]
    );
    // Nothing is known of them.
    assert_eq!(too_large(&[deployment(1, &gpu)], &[]), Vec::<String>::new());
}

#[test]
fn what_a_quota_would_refuse_is_refused_before() {
    let hard = json!({ "requests.memory": "4Gi", "pods": "5" });
    let used = json!({ "requests.memory": "3Gi", "pods": "1" });
    let quotas = [quota(&hard, &used)];
    let two = [deployment(2, &asks("1", "1Gi"))];
    assert_eq!(
        beyond_quota(&two, &[], &quotas),
        ["exceeded quota small in shop: requests.memory is 3Gi of 4Gi, and 2Gi more are asked for"]
    );
    // One of them is there already.
    let one = [deployment(1, &asks("1", "1Gi"))];
    assert_eq!(beyond_quota(&two, &one, &quotas), Vec::<String>::new());
    let mut some = quotas.clone();
    some[0]["spec"]["scopes"] = json!(["BestEffort"]);
    assert_eq!(beyond_quota(&two, &[], &some), Vec::<String>::new());
    let six = [deployment(5, &json!([{}]))];
    assert_eq!(
        beyond_quota(&six, &[], &quotas),
        ["exceeded quota small in shop: pods is 1 of 5, and 5 more are asked for"]
    );
}

#[test]
fn what_others_leave_is_compared_with_all_of_it() {
    let nodes = [node("a", "4", "8Gi")];
    let pod = json!({ "spec": { "nodeName": "a", "containers": asks("3", "1Gi") }, "status": { "phase": "Running" } });
    let ended = json!({ "spec": { "nodeName": "a", "containers": asks("3", "1Gi") }, "status": { "phase": "Succeeded" } });
    let told = |copies| {
        let demands = [deployment(copies, &asks("500m", "1Gi"))];
        beyond_free(&demands, &[], &nodes, &[pod.clone(), ended.clone()])
    };
    assert_eq!(told(2), Vec::<String>::new());
    assert_eq!(
        told(3),
        ["the pods ask for 1500m processors, and 1 are free"]
    );
}
