use serde_json::json;

use super::{ReadyWhen, decide, idle};
use crate::object::Key;
use crate::standing::{self, Standing};

fn of(pattern: &str, expression: &str, object: &serde_json::Value) -> Standing {
    let all: ReadyWhen = [(pattern.to_owned(), expression.to_owned())]
        .into_iter()
        .collect();
    decide(&all, &Key::of(object), object, standing::of(object))
}

#[test]
fn an_operators_object_is_ready_when_the_user_says_so() {
    let mut object = json!({
        "apiVersion": "apps.example.com/v1", "kind": "NIMService", "metadata": { "name": "llm" },
        "status": { "state": "NotReady", "conditions": [{ "type": "Ready", "status": "False" }] },
    });
    let ready = "self.status.state == 'Ready'";
    assert_eq!(
        of("nimservice/*", ready, &object),
        Standing::InProgress(format!("`{ready}` is not true yet"))
    );
    object["status"]["state"] = "Ready".into();
    // Its own condition says that it is not.
    assert_eq!(of("NIMService/l?m", ready, &object), Standing::Current);
    assert_ne!(of("NIMService/other", ready, &object), Standing::Current);
    let late = of("NIMService/llm", "self.status.replicas.ready > 1", &object);
    let why = "`self.status.replicas.ready > 1` is not true yet: there is no replicas";
    assert_eq!(late, Standing::InProgress(why.to_owned()));
    let number = of("NIMService/llm", "self.status.state", &object);
    assert!(matches!(number, Standing::InProgress(why) if why.contains("neither")));
}

#[test]
fn an_object_of_the_clusters_own_must_be_ready_as_well() {
    let mut object = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
        "spec": { "type": "LoadBalancer", "clusterIP": "10.0.0.1" }, "status": {},
    });
    assert_ne!(of("service/web", "true", &object), Standing::Current);
    object["status"]["loadBalancer"] = json!({ "ingress": [{ "ip": "1.2.3.4" }] });
    assert_eq!(of("service/web", "true", &object), Standing::Current);
    assert_ne!(of("service/web", "false", &object), Standing::Current);
}

#[test]
fn what_is_about_nothing_is_told() {
    let all: ReadyWhen = [
        ("a/b".to_owned(), "true".to_owned()),
        ("pod/*".to_owned(), "true".to_owned()),
    ]
    .into_iter()
    .collect();
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "x" } });
    assert_eq!(idle(&all, &[&Key::of(&pod)]), ["a/b"]);
}
