//! A cluster that is reached by a proxy.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use gantry_test::{Proxy, free_port};

use super::{SERVES, Stack, web};

/// `user:p@ss`, as it stands in an address, and as it is told to a proxy.
const IN_ADDRESS: &str = "user:p%40ss";
const TOLD: &str = "Basic dXNlcjpwQHNz";

#[test]
fn a_cluster_is_reached_by_the_proxy_that_it_names() {
    let name = "kubernetes::proxies::a_cluster_is_reached_by_its_proxy";
    let Some(stack) = Stack::new(name, &web(SERVES)) else {
        return;
    };
    let proxy = Proxy::new(TOLD);
    let config = std::fs::read_to_string(&stack.kubeconfig).expect("the configuration");
    let line = config
        .lines()
        .find(|line| line.contains("server: https://"));
    let line = line.expect("a server");
    let (before, _) = line.split_once("server:").expect("a server");
    let indent = " ".repeat(before.len());
    let named = format!("proxy-url: http://{IN_ADDRESS}@{}", proxy.address());
    let config = config.replace(line, &format!("{line}\n{indent}{named}"));
    let path = stack.sandbox.write("proxied.conf", &config);
    let port = free_port();
    let text = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    let text = text.replace(&stack.kubeconfig, &path.to_string_lossy());
    let forward = format!("{{ service = \"deployment/web\", local = {port}, remote = 8000 }}");
    let own = format!("[services.web]\nforward = [{forward}]\n[services.web.kubernetes]");
    let text = text.replace("[services.web.kubernetes]", &own);
    stack.sandbox.write("gantry.toml", &text);

    // What an address means behind a proxy, nobody knows: somebody must name the cluster.
    let unnamed = stack.gantry(&["up", "-d"]);
    unnamed.expect(3);
    let says = "is reached by a proxy, and nobody named it";
    assert!(unnamed.stderr.contains(says), "{}", unnamed.stderr);
    assert_eq!(proxy.carried(), 0, "nothing was asked");

    let current = config
        .lines()
        .find_map(|line| line.strip_prefix("current-context: "));
    let context = format!("context = \"{}\"\n", current.expect("a context").trim());
    stack
        .sandbox
        .write("gantry.toml", &format!("{text}{context}"));
    stack.gantry(&["up", "-d"]).expect(0);
    let before = proxy.carried();
    assert!(before > 0, "it was asked by the proxy");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
    stream
        .write_all(b"GET / HTTP/1.0\r\n\r\n")
        .expect("it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1."), "{answer}");
    assert!(proxy.carried() > before, "and so was the way into the pod");
    stack.gantry(&["down"]).expect(0);
}
