//! One service that offers several modes: it runs in the one that is chosen, and whoever refers to it is led there.

use gantry_test::{Engine, Run, Sandbox, free_port, skip};

use crate::support::{get, service};

const TEMPLATE: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: web
          image: busybox:1.36
          command: [sh, -c, "mkdir /pages; echo from a pod > /pages/index.html; exec httpd -f -p {{ .Values.port }} -h /pages"]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ name: http, port: {{ .Values.port }} }]
"#;

/// The stack, with the port that the service has in each mode, and the one of this machine that leads into the cluster.
fn stack([own, forwarded]: [u16; 2], kubeconfig: &str, programs: &str, image: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let namespace = format!("chosen-{}", std::process::id());
    sandbox.write(
        "gantry.toml",
        &format!(
            r#"name = "shop"
mode = "process"
[kubernetes]
kubeconfig = "{kubeconfig}"
namespace = "{namespace}"
helm = "{programs}/bin/helm4"

[services.web]
ports = {{ http = {own} }}
readiness = {{ http = {{ port = "http", path = "/" }} }}
forward = {{ service = "web", local = {forwarded}, remote = "http" }}
[services.web.process]
command = ["busybox", "httpd", "-f", "-p", "127.0.0.1:{{{{ ports.http }}}}", "-h", "pages"]
[services.web.compose]
files = ["compose.yaml"]
[services.web.helm]
chart = "./chart"
create-namespace = true
values = {{ port = "{{{{ ports.http }}}}" }}

[services.asks]
depends-on = ["web"]
restart = {{ policy = "never" }}
[services.asks.process]
command = ["curl", "--fail", "--silent", "--show-error", "{{{{ services.web.url }}}}/"]
"#
        ),
    );
    sandbox.write("pages/index.html", "from a process\n");
    sandbox.write(
        "compose.yaml",
        &format!(
            "services:\n  web:\n    image: {image}\n    ports: ['127.0.0.1:{own}:{own}']\n    stop_grace_period: 1s\n    \
             command: [sh, -c, \"mkdir /pages; echo from a container > /pages/index.html; exec httpd -f -p {own} -h /pages\"]\n"
        ),
    );
    sandbox.write(
        "chart/Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    );
    sandbox.write("chart/templates/web.yaml", TEMPLATE);
    sandbox
}

#[test]
fn whoever_refers_to_a_service_is_led_to_the_mode_that_was_chosen() {
    let test = "chosen::whoever_refers_to_a_service";
    let Some([kubeconfig, programs]) = gantry_test::cluster() else {
        return skip(test, "the cluster of examples/kubernetes");
    };
    let engine = Engine::docker().filter(|engine| engine.has_compose("docker compose"));
    let Some(engine) = engine else {
        return skip(test, "Docker with its Compose command");
    };
    let ports = [(); 2].map(|()| free_port());
    let sandbox = stack(ports, &kubeconfig, &programs, engine.image());
    let gantry = |words: &[&str]| -> Run {
        let mut command = sandbox.command(words);
        command
            .env("GANTRY_ENGINE", engine.address())
            .env("GANTRY_COMPOSE", "docker compose");
        gantry_test::output(&mut command).into()
    };
    let [own, forwarded] = ports;
    for (mode, port, says) in [
        ("process", own, "from a process"),
        ("helm", forwarded, "from a pod"),
        ("compose", own, "from a container"),
    ] {
        gantry(&["up", "-d", "--mode", &format!("web={mode}")]).expect(0);
        let url = gantry(&["url", "web"]);
        assert_eq!(
            url.stdout.trim(),
            format!("http://127.0.0.1:{port}"),
            "{mode}"
        );
        let page = get(&format!("127.0.0.1:{port}"), "/").expect("an answer");
        assert_eq!(page.1.trim(), says, "{mode}");
        let status = gantry(&["status", "-o", "json"]).expect(0).json();
        assert_eq!(service(&status, "web")["mode"], mode);
        assert_eq!(service(&status, "asks")["state"], "completed", "{mode}");
        let logs = gantry(&["logs", "asks", "--tail", "1"]);
        assert!(
            logs.stdout.trim().ends_with(says),
            "{mode}: {}",
            logs.stdout
        );
        gantry(&["down"]).expect(0);
    }
    sandbox.expect_nothing_left();
}
