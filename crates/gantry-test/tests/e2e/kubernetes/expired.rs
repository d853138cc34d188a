//! A watch that has expired, as the cluster's server says it and as others between say it, and rights that are away.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gantry_test::{AnsweringPort, Answers, wait_until};
use serde_json::{Value, json};

use super::{PATIENCE, SERVES, Stack, web};
use crate::support::service;

/// Within which the supervisor is in step again, on a machine that does much else. It is told what it was.
const IN_STEP: Duration = Duration::from_secs(5);

/// The cluster's API without encryption.
struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A stack, and a port that can answer in place of its cluster.
fn answering(test: &str) -> Option<(Proxy, AnsweringPort, Stack)> {
    let stack = Stack::new(&format!("kubernetes::expired::{test}"), &web(SERVES))?;
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let behind = free.local_addr().expect("an address");
    drop(free);
    let proxy = Command::new(&stack.kubectl)
        .args([
            "--kubeconfig",
            &stack.kubeconfig,
            "proxy",
            "--port",
            &behind.port().to_string(),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("kubectl runs");
    let proxy = Proxy(proxy);
    let there = || TcpStream::connect(behind).is_ok();
    wait_until(PATIENCE, "the proxy answers", there, |there| *there);
    let port = AnsweringPort::new(behind);
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{ name: here, cluster: {{ server: 'http://{}' }} }}]\n\
         contexts: [{{ name: here, context: {{ cluster: here, user: here }} }}]\nusers: [{{ name: here, user: {{}} }}]\n",
        port.address()
    );
    let config = stack.sandbox.write("plain.conf", &config);
    let file = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml"));
    let file = file
        .expect("the stack file")
        .replace(&stack.kubeconfig, &config.to_string_lossy());
    stack.sandbox.write("gantry.toml", &file);
    Some((proxy, port, stack))
}

fn refusal(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

fn response(line: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {line}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Whether a request is a watch that goes on from somewhere.
fn goes_on(first: &str) -> bool {
    first.contains("watch=true")
        && first.contains("resourceVersion=")
        && !first.contains("resourceVersion=&")
}

fn names(stack: &Stack) -> Vec<String> {
    let all = ["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"];
    let text = stack.kubectl(&all).expect(0).stdout.clone();
    let mut names: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    names.sort_unstable();
    names
}

fn seen(stack: &Stack) -> Vec<String> {
    let status = stack.sandbox.status();
    let children = service(&status, "web")["children"].as_array();
    let names = children
        .into_iter()
        .flatten()
        .filter_map(|child| child["name"].as_str());
    let pods = names.filter_map(|name| name.strip_prefix("pod/"));
    let mut pods: Vec<String> = pods.map(str::to_owned).collect();
    pods.sort_unstable();
    pods
}

fn ends(stack: &Stack) -> usize {
    let events = stack.gantry(&["events", "-o", "json"]);
    let lines = events.expect(0).stdout.lines();
    let events = lines.map(|line| serde_json::from_str::<Value>(line).expect("an event"));
    let wrong = ["failed", "stopped", "backoff", "completed"];
    events
        .filter(|event| event["service"] == "web")
        .filter(|event| event["to"].as_str().is_some_and(|to| wrong.contains(&to)))
        .count()
}

#[test]
#[expect(clippy::print_stderr, reason = "a test says what it measured")]
fn a_watch_that_has_expired_is_begun_anew() {
    let Some((_proxy, port, stack)) = answering("a_watch_that_has_expired") else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let gone = || refusal(410, "Expired", "too old resource version: 1 (2)").to_string();
    let event = json!({ "type": "ERROR", "object": refusal(410, "Expired", "too old resource version: 1 (2)") });
    let ways: [(&str, String); 2] = [
        ("in the watch", response("200 OK", &format!("{event}\n"))),
        ("as its answer", response("410 Gone", &gone())),
    ];
    for (how, answer) in ways {
        let before = names(&stack);
        let answers: Answers = Box::new(move |first| goes_on(first).then(|| answer.clone()));
        port.set(Some(answers));
        wait_until(
            PATIENCE,
            "watches go on",
            || port.answered(),
            |count| *count > 2,
        );
        // Told anew, everything is seen, though no watch can go on.
        stack
            .kubectl(&["delete", "pod", "--all", "--wait=false"])
            .expect(0);
        let begin = Instant::now();
        let differs = |now: &Vec<String>| *now == names(&stack) && *now != before;
        wait_until(PATIENCE, "the new pod is seen", || seen(&stack), differs);
        let took = begin.elapsed();
        eprintln!("expired {how}: in step after {took:.2?}");
        assert!(took < IN_STEP, "{took:?}");
        assert_eq!(ends(&stack), 0);
        port.set(None);
        let ready = |status: &Value| {
            Stack::is_ready(status) && service(status, "web")["state"] == "running"
        };
        wait_until(PATIENCE, "it is ready", || stack.sandbox.status(), ready);
        let one = |now: &Vec<String>| now.len() == 1 && *now == names(&stack);
        wait_until(PATIENCE, "the old pod has ended", || seen(&stack), one);
    }
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn what_may_not_be_looked_at_any_more_is_not_dead() {
    let Some((_proxy, port, stack)) = answering("what_may_not_be_looked_at") else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let no = refusal(
        403,
        "Forbidden",
        "deployments.apps is forbidden: User \"robot\" cannot watch",
    );
    let answer = response("403 Forbidden", &no.to_string());
    let answers: Answers =
        Box::new(move |first| first.contains("/deployments?").then(|| answer.clone()));
    port.set(Some(answers));
    let state = || service(&stack.sandbox.status(), "web")["state"].clone();
    wait_until(PATIENCE, "it is unknown", state, |state| state == "unknown");
    let told = stack.gantry(&["explain", "web"]).stdout;
    assert!(told.contains("deployments.apps is forbidden"), "{told}");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(state(), "unknown");
    port.set(None);
    wait_until(PATIENCE, "it is known again", state, |state| {
        state == "running"
    });
    assert_eq!(ends(&stack), 0);
    stack.gantry(&["down"]).expect(0);
}
