//! Ways from this machine into the cluster: open before the pods are, and open when these are replaced.

mod broken;
mod load;
mod rounds;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use gantry_test::{free_port, wait_until};

use super::{PATIENCE, Stack, web};
use crate::support::{kill_supervisor, service};

/// Serves the name of its pod.
const NAMED: &str = "mkdir /w; hostname > /w/name; trap 'exit 0' TERM; httpd -f -h /w -p 8000 & while :; do sleep 0.1; done";

/// What is served there; nothing if nobody does.
fn get(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(15)))
        .ok()?;
    stream.write_all(b"GET /name HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let name = answer.lines().last()?.to_owned();
    answer.contains("200 OK").then_some(name)
}

fn here(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A stack with these pods and forwards, the latter written as TOML.
fn stack(name: &str, manifests: &str, forwards: &str) -> Option<Stack> {
    let stack = Stack::new(&format!("kubernetes::forwards::{name}"), manifests)?;
    add_forwards(&stack, forwards);
    Some(stack)
}

/// The same in the cluster of this configuration.
fn stack_at(test: &str, manifests: &str, forwards: &str, kubeconfig: &str) -> Option<Stack> {
    let stack = Stack::at(test, manifests, kubeconfig)?;
    add_forwards(&stack, forwards);
    Some(stack)
}

fn add_forwards(stack: &Stack, forwards: &str) {
    let text = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    let own = format!("[services.web]\nports = {{ http = 80 }}\nforward = [{forwards}]\n");
    let text = text.replace(
        "[services.web.kubernetes]",
        &format!("{own}[services.web.kubernetes]"),
    );
    stack.sandbox.write("gantry.toml", &text);
}

fn two_pods() -> String {
    web(NAMED).replace(
        "  selector: { matchLabels",
        "  replicas: 2\n  selector: { matchLabels",
    )
}

#[test]
fn a_forward_outlives_pods_and_supervisors_and_is_gone_after_down() {
    let port = free_port();
    let forwards = format!("{{ service = \"web\", local = {port}, remote = 80 }}");
    let Some(stack) = stack("a_forward_outlives_pods", &two_pods(), &forwards) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let url = stack.gantry(&["url", "web"]);
    assert_eq!(url.stdout.trim(), format!("http://127.0.0.1:{port}"));
    let first = get(here(port)).expect("an answer");
    assert!(get((Ipv6Addr::LOCALHOST, port).into()).is_some(), "::1");
    let children = || service(&stack.sandbox.status(), "web")["children"].to_string();
    wait_until(PATIENCE, "they are counted", children, |children| {
        children.contains("2 connections, 0 open")
    });

    // A connection into the pod that goes is closed, and the next one is taken by the other pod.
    let mut old = TcpStream::connect(here(port)).expect("a connection");
    old.set_read_timeout(Some(PATIENCE)).expect("a limit");
    old.write_all(b"GET /na").expect("it is carried");
    std::thread::sleep(Duration::from_millis(300));
    stack
        .kubectl(&["delete", "pod", &first, "--grace-period=0", "--force"])
        .expect(0);
    let begin = Instant::now();
    let second = get(here(port)).expect("an answer");
    assert_ne!(first, second);
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    let mut rest = Vec::new();
    let ended = old.read_to_end(&mut rest);
    assert!(
        ended.is_ok_and(|length| length == 0) || rest.is_empty(),
        "it is closed"
    );

    kill_supervisor(&stack.sandbox);
    wait_until(
        PATIENCE,
        "it is there again",
        || get(here(port)),
        Option::is_some,
    );
    stack.gantry(&["down"]).expect(0);
    assert!(
        TcpStream::connect(here(port)).is_err(),
        "the port is closed"
    );
}

#[test]
fn a_wildcard_means_one_unless_each_is_asked_for() {
    let port = free_port();
    let manifests = two_pods();
    let second = web(NAMED)
        .replace("name: web", "name: web-two")
        .replace("app: web", "app: two");
    let manifests = format!("{manifests}---\n{second}");
    let forward =
        |more: &str| format!("{{ service = \"web*\", local = {port}, remote = 80{more} }}");
    let Some(stack) = stack("a_wildcard_means_one", &manifests, &forward("")) else {
        return;
    };
    let up = stack.gantry(&["up", "-d", "--timeout", "15s"]);
    up.expect(4);
    let several = "several match service/web*: web, web-two";
    assert!(up.stderr.contains(several), "{}", up.stderr);
    let text = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    stack.sandbox.write(
        "gantry.toml",
        &text.replace(&forward(""), &forward(", each = true")),
    );
    stack.gantry(&["up", "-d"]).expect(0);
    let [one, two] = [port, port + 1].map(|port| get(here(port)).expect("an answer"));
    assert!(
        one.starts_with("web-") && two.starts_with("web-two-"),
        "{one} {two}"
    );
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_port_at_which_nobody_listens_is_told() {
    let port = free_port();
    let forwards = format!("{{ service = \"deployment/web\", local = {port}, remote = 9999 }}");
    let Some(stack) = stack("a_port_at_which_nobody_listens", &two_pods(), &forwards) else {
        return;
    };
    let up = stack.gantry(&["up", "-d", "--timeout", "12s"]);
    up.expect(4);
    let words = "nobody listens there in the pod: connection refused";
    assert!(up.stderr.contains(words), "{}", up.stderr);
    stack.gantry(&["down"]).expect(0);
}

/// Everything but what is needed for ways as streams: as behind something that takes nothing but websockets.
const ONLY_GET: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: weak }
rules:
  - apiGroups: ["", apps, batch]
    resources: [pods, pods/log, services, events, configmaps, secrets, deployments, replicasets, jobs]
    verbs: ["*"]
  - { apiGroups: [""], resources: [pods/portforward], verbs: [get] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: weak }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: weak }
subjects: [{ kind: ServiceAccount, name: default }]
"#;

#[test]
fn where_streams_are_refused_channels_are_taken() {
    let port = free_port();
    let forwards = format!("{{ service = \"deployment/web\", local = {port}, remote = 8000 }}");
    let Some(stack) = stack("where_streams_are_refused", &two_pods(), &forwards) else {
        return;
    };
    let path = stack.weak_configuration();
    let role = stack.sandbox.write("role.yaml", ONLY_GET);
    stack
        .kubectl(&["apply", "-f", &role.to_string_lossy()])
        .expect(0);
    let may = |verb| {
        let account = format!("--as=system:serviceaccount:{}:default", stack.namespace);
        let of_ways = "--subresource=portforward";
        stack.kubectl(&["auth", "can-i", verb, "pods", of_ways, &account])
    };
    assert_eq!(may("create").stdout.trim(), "no");
    assert_eq!(may("get").stdout.trim(), "yes");
    let text = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    let text = text.replace(&stack.kubeconfig, &path);
    let text = text.replace("create-namespace = true\n", "");
    stack.sandbox.write("gantry.toml", &text);
    stack.gantry(&["up", "-d"]).expect(0);
    assert!(get(here(port)).is_some(), "an answer");
    assert!(get(here(port)).is_some(), "and another one");
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_connection_waits_for_a_pod_and_is_closed_when_none_comes() {
    let port = free_port();
    let forwards = format!(
        "{{ service = \"web\", local = {port}, remote = \"80\", connect-timeout = \"1s\" }}"
    );
    let Some(stack) = stack("a_connection_waits_for_a_pod", &two_pods(), &forwards) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    stack
        .kubectl(&["scale", "deployment", "web", "--replicas=0"])
        .expect(0);
    let none = || stack.kubectl(&["get", "pods", "-o", "name"]).stdout;
    wait_until(PATIENCE, "no pod", none, String::is_empty);
    let begin = Instant::now();
    assert_eq!(get(here(port)), None);
    let waited = begin.elapsed();
    assert!(
        waited >= Duration::from_millis(900) && waited < Duration::from_secs(6),
        "{waited:?}"
    );
    let told = || service(&stack.sandbox.status(), "web")["children"].to_string();
    wait_until(PATIENCE, "it is told", told, |told| {
        told.contains("a connection was closed after 1 s: no pod is ready")
    });
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn what_holds_the_port_is_named_before_anything_is_made() {
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let port = held.local_addr().expect("an address").port();
    let forwards = format!("{{ service = \"web\", local = {port}, remote = 80 }}");
    let Some(stack) = stack("what_holds_the_port", &two_pods(), &forwards) else {
        return;
    };
    let up = stack.gantry(&["up", "-d"]);
    up.expect(3);
    assert!(up.stderr.contains(&port.to_string()), "{}", up.stderr);
    assert_eq!(stack.objects(), "");
}

#[test]
fn dependents_get_the_address_and_pods_that_of_this_machine() {
    let Some(stack) = stack(
        "dependents_get_the_address",
        &two_pods(),
        "{ service = \"web\", local = 0, remote = \"80\" }",
    ) else {
        return;
    };
    let text = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    let more = "[services.after]\ndepends-on = [\"web\"]\nenv = { WEB = \"{{ services.web.url }}\" }\n[services.after.process]\n\
                command = [\"sh\", \"-c\", \"echo web is at $$WEB; exec sleep 1000\"]\n";
    stack
        .sandbox
        .write("gantry.toml", &format!("{text}\n{more}"));
    stack.gantry(&["up", "-d"]).expect(0);
    let url = stack.gantry(&["url", "web"]).stdout.trim().to_owned();
    let said = format!("web is at {url}");
    let logs = || stack.gantry(&["logs", "after", "--raw"]).stdout;
    wait_until(PATIENCE, "it has the address", logs, |logs| {
        logs.contains(&said)
    });
    let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
    assert!(get(here(port.expect("a port"))).is_some());
    stack.gantry(&["down"]).expect(0);
}
