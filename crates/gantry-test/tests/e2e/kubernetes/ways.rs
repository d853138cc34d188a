//! The ways in that the cluster itself provides.

use gantry_test::wait_until;

use super::{PATIENCE, SERVES, Stack, web};
use crate::support::get;

#[test]
fn ports_of_nodes_balancers_and_ingresses_are_told_as_addresses() {
    let host = format!("{}.example", std::process::id());
    let ingress = format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{ name: in }}\nspec:\n  rules:\n    - host: {host}\n      http: {{ \
         paths: [{{ path: /, pathType: Prefix, backend: {{ service: {{ name: web, port: {{ number: 80 }} }} }} }}] }}\n"
    );
    let node = "---\napiVersion: v1\nkind: Service\nmetadata: { name: node }\nspec:\n  type: NodePort\n  selector: { app: web }\n  ports: \
        [{ name: http, port: 80, targetPort: 8000 }]\n";
    let manifests = format!("{}{node}{ingress}", web(SERVES));
    let Some(stack) = Stack::new("kubernetes::ways", &manifests) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let urls = || stack.gantry(&["url", "web"]).stdout;
    let is_told = |urls: &String| urls.contains(&format!("http://{host}/")) && urls.contains(":3");
    let urls = wait_until(PATIENCE, "the addresses are told", urls, is_told);
    let by_node = urls
        .lines()
        .find(|line| line.contains(":3"))
        .expect("a port of a node");
    let address = by_node.split("http://").nth(1).expect("by http").trim();
    let (code, _) = get(address, "/").expect("an answer");
    assert!(code == 200 || code == 404, "{code}");
    let status = stack.sandbox.status().to_string();
    assert!(status.contains("service/node:http"), "{status}");
    stack.gantry(&["down"]).expect(0);
}
