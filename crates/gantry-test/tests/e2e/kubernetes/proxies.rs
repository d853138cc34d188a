//! A cluster that is reached by a proxy.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gantry_test::{Asked, Proxy, free_port, skip, wait_until};

use super::{SERVES, Stack, web};

/// `user:p@ss`, as it stands in an address, and as it is told to a proxy.
const IN_ADDRESS: &str = "user:p%40ss";
const TOLD: &str = "Basic dXNlcjpwQHNz";

#[test]
fn a_cluster_is_reached_by_the_proxy_that_it_names() {
    let name = "kubernetes::proxies::a_cluster_is_reached_by_the_proxy_that_it_names";
    let Some(stack) = Stack::new(name, &web(SERVES)) else {
        return;
    };
    let proxy = Proxy::new(&Asked::Connect(TOLD.to_owned()));
    let named = format!("http://{IN_ADDRESS}@{}", proxy.address());
    let served = Proxied::new(&stack, &named);

    // What an address means behind a proxy, nobody knows: somebody must name the cluster.
    let unnamed = stack.gantry(&["up", "-d"]);
    unnamed.expect(3);
    let says = "is reached by a proxy, and nobody named it";
    assert!(unnamed.stderr.contains(says), "{}", unnamed.stderr);
    assert_eq!(proxy.carried(), 0, "nothing was asked");

    served.is_reached(&stack, &proxy);
}

#[test]
fn a_cluster_is_reached_by_a_socks_proxy_that_wants_a_password() {
    let name = "kubernetes::proxies::a_cluster_is_reached_by_a_socks_proxy_that_wants_a_password";
    let Some(stack) = Stack::new(name, &web(SERVES)) else {
        return;
    };
    let asked = Asked::Socks("user".to_owned(), "p@ss".to_owned());
    let proxy = Proxy::new(&asked);
    let named = format!("socks5://{IN_ADDRESS}@{}", proxy.address());
    Proxied::new(&stack, &named).is_reached(&stack, &proxy);
}

#[test]
fn a_cluster_is_reached_by_a_proxy_that_speaks_tls() {
    let name = "kubernetes::proxies::a_cluster_is_reached_by_a_proxy_that_speaks_tls";
    let Some(stack) = Stack::new(name, &web(SERVES)) else {
        return;
    };
    // Like kubectl, gantry trusts a proxy whom the cluster's authority vouches for: it has made a certificate for this
    // machine's addresses.
    let folder = Path::new(&stack.kubeconfig).with_file_name("pki");
    let certificate = folder.join("apiserver.crt");
    if !certificate.is_file() {
        return skip(name, "the example's cluster, with its certificates");
    }
    let proxy = Proxy::new(&Asked::Connect(TOLD.to_owned()));
    let port = free_port();
    let Some(_front) = front(port, &folder, &proxy) else {
        return skip(name, "socat");
    };
    let named = format!("https://{IN_ADDRESS}@127.0.0.1:{port}");
    Proxied::new(&stack, &named).is_reached(&stack, &proxy);
}

/// TLS in front of a proxy, until this is dropped.
fn front(port: u16, folder: &Path, proxy: &Proxy) -> Option<Front> {
    let pki = folder.display();
    let keys = format!("cert={pki}/apiserver.crt,key={pki}/apiserver.key,verify=0");
    let mut socat = Command::new("socat");
    socat
        .arg(format!(
            "OPENSSL-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,{keys}"
        ))
        .arg(format!("TCP:{}", proxy.address()))
        .stdin(Stdio::null())
        // It complains of whoever closes without a farewell.
        .stderr(Stdio::null());
    let front = Front(socat.spawn().ok()?);
    let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
    wait_until(Duration::from_secs(5), "it listens", listens, |is| *is);
    Some(front)
}

struct Front(Child);

impl Drop for Front {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A stack whose cluster names a proxy, with a forward into a pod.
struct Proxied {
    text: String,
    context: String,
    port: u16,
}

impl Proxied {
    fn new(stack: &Stack, proxy: &str) -> Self {
        let config = std::fs::read_to_string(&stack.kubeconfig).expect("the configuration");
        let line = config
            .lines()
            .find(|line| line.contains("server: https://"));
        let line = line.expect("a server");
        let (before, _) = line.split_once("server:").expect("a server");
        let indent = " ".repeat(before.len());
        let config = config.replace(line, &format!("{line}\n{indent}proxy-url: {proxy}"));
        let path = stack.sandbox.write("proxied.conf", &config);
        let port = free_port();
        let text = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml"));
        let text = text.expect("a file");
        let text = text.replace(&stack.kubeconfig, &path.to_string_lossy());
        let forward = format!("{{ service = \"deployment/web\", local = {port}, remote = 8000 }}");
        let own = format!("[services.web]\nforward = [{forward}]\n[services.web.kubernetes]");
        let text = text.replace("[services.web.kubernetes]", &own);
        stack.sandbox.write("gantry.toml", &text);
        let current = config
            .lines()
            .find_map(|line| line.strip_prefix("current-context: "));
        let context = current.expect("a context").trim().to_owned();
        Self {
            text,
            context,
            port,
        }
    }

    /// The cluster, and a pod in it, are reached by the proxy once the context is named.
    fn is_reached(&self, stack: &Stack, proxy: &Proxy) {
        let (text, context) = (&self.text, &self.context);
        let named = format!("{text}context = \"{context}\"\n");
        stack.sandbox.write("gantry.toml", &named);
        stack.gantry(&["up", "-d"]).expect(0);
        let before = proxy.carried();
        assert!(before > 0, "it was asked by the proxy");
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let mut stream = stream.expect("a connection");
        stream
            .write_all(b"GET / HTTP/1.0\r\n\r\n")
            .expect("it is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1."), "{answer}");
        assert!(proxy.carried() > before, "and so was the way into the pod");
        stack.gantry(&["down"]).expect(0);
    }
}
