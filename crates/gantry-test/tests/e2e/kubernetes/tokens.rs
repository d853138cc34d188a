//! Credentials are replaced under a stack that runs: nothing is taken for dead, nothing is done twice.

use std::time::{Duration, Instant};

use gantry_test::{Fault, FaultyPort, wait_until};
use serde_json::Value;

use super::{PATIENCE, SERVES, Stack, web};
use crate::support::{printed, service};

/// Within which the supervisor is in step again, on a machine that does much else. It is told what it was.
const IN_STEP: Duration = Duration::from_secs(5);

/// Where a configuration has its token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Inline,
    File,
    Plugin,
}

/// A stack that works by a token of an account of its own, over a port that can be cut.
struct Robot {
    stack: Stack,
    port: FaultyPort,
    place: Place,
}

impl Robot {
    fn new(test: &str, place: Place) -> Option<Self> {
        let stack = Stack::new(&format!("kubernetes::tokens::{test}"), &web(SERVES))?;
        let namespace = stack.namespace.clone();
        stack
            .kubectl(&["create", "namespace", &namespace])
            .expect(0);
        stack
            .kubectl(&["create", "serviceaccount", "robot"])
            .expect(0);
        let account = format!("--serviceaccount={namespace}:robot");
        let role = [
            "create",
            "rolebinding",
            "robot",
            "--clusterrole=admin",
            &account,
        ];
        stack.kubectl(&role).expect(0);
        let config = std::fs::read_to_string(&stack.kubeconfig).expect("a configuration");
        let (_, server) = config.split_once("server: https://").expect("a server");
        let server = server.lines().next().expect("a line").trim();
        let port = FaultyPort::new(server.parse().expect("an address"));
        let robot = Self { stack, port, place };
        let config = robot.stack.sandbox.path("stack/robot.conf");
        let whole = std::fs::read_to_string(robot.stack.sandbox.path("stack/gantry.toml"));
        let whole = whole.expect("the stack file");
        let whole = whole.replace(&robot.stack.kubeconfig, &config.to_string_lossy());
        let whole = whole.replace("create-namespace = true\n", "");
        robot.stack.sandbox.write("gantry.toml", &whole);
        Some(robot)
    }

    /// A new token of its account.
    fn token(&self, name: &str) -> String {
        let secret = format!(
            "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/service-account-token\n\
             metadata: {{ name: {name}, annotations: {{ kubernetes.io/service-account.name: robot }} }}\n"
        );
        let file = self.stack.sandbox.write("secret.yaml", &secret);
        self.stack
            .kubectl(&["apply", "-f", &file.to_string_lossy()])
            .expect(0);
        let read = [
            "get",
            "secret",
            name,
            "-o",
            "go-template={{ with .data }}{{ with .token }}{{ . | base64decode }}{{ end }}{{ end }}",
        ];
        let token = || self.stack.kubectl(&read).stdout;
        wait_until(PATIENCE, "it has a token", token, |token| {
            token.starts_with("ey")
        })
    }

    /// The configuration has this one from now on.
    fn use_token(&self, token: &str) {
        let sandbox = &self.stack.sandbox;
        let path = |name: &str| sandbox.path("stack").join(name).display().to_string();
        let user = match self.place {
            Place::Inline => format!("token: {token}"),
            Place::File => {
                sandbox.write("token", token);
                format!("tokenFile: {}", path("token"))
            }
            Place::Plugin => {
                let printed = format!(
                    r#"{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "{token}"}}}}"#
                );
                sandbox.write("printed.json", &printed);
                format!(
                    "exec: {{ apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: cat, args: [{}] }}",
                    path("printed.json")
                )
            }
        };
        let config = std::fs::read_to_string(&self.stack.kubeconfig).expect("a configuration");
        let authority = config
            .lines()
            .find(|line| line.contains("certificate-authority-data"))
            .expect("an authority")
            .trim();
        let address = self.port.address();
        let config = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: robot\n\
             clusters: [{{ name: here, cluster: {{ server: 'https://{address}', {authority} }} }}]\n\
             contexts: [{{ name: robot, context: {{ cluster: here, user: robot }} }}]\n\
             users: [{{ name: robot, user: {{ {user} }} }}]\n"
        );
        sandbox.write("robot.conf", &config);
    }

    /// It is worth nothing any more.
    fn revoke(&self, name: &str, token: &str) {
        self.stack.kubectl(&["delete", "secret", name]).expect(0);
        let authority = self.stack.sandbox.write("empty.conf", "");
        let config = std::fs::read_to_string(&self.stack.kubeconfig).expect("a configuration");
        let (_, server) = config.split_once("server: ").expect("a server");
        let server = server.lines().next().expect("a line").trim().to_owned();
        let ask = || {
            let words = [
                "--kubeconfig",
                &authority.to_string_lossy(),
                "--server",
                &server,
                "--insecure-skip-tls-verify",
                "--token",
                token,
                "get",
                "pods",
            ];
            self.stack.bare_kubectl(&words).stderr
        };
        wait_until(PATIENCE, "it is refused", ask, |said| {
            said.contains("You must be logged in") || said.contains("Unauthorized")
        });
    }

    fn uids(&self) -> String {
        let all = ["get", "pods", "-o", "jsonpath={.items[*].metadata.uid}"];
        self.stack.kubectl(&all).expect(0).stdout.clone()
    }

    /// The state of the service, and what is said of it.
    fn state(&self) -> (String, bool) {
        let status = self.stack.sandbox.status();
        let web = service(&status, "web");
        let state = web["state"].as_str().unwrap_or_default().to_owned();
        (state, web["ready"] == true)
    }
}

fn runs(state: &(String, bool)) -> bool {
    state.0 == "running" && state.1
}

/// The pods that the supervisor knows of.
fn known(status: &Value) -> Vec<String> {
    let children = service(status, "web")["children"].as_array();
    let names = children
        .into_iter()
        .flatten()
        .filter_map(|child| child["name"].as_str());
    let pods = names.filter_map(|name| name.strip_prefix("pod/"));
    pods.map(str::to_owned).collect()
}

#[expect(clippy::print_stderr, reason = "a test says what it measured")]
fn rotate(test: &str, place: Place) {
    let Some(robot) = Robot::new(test, place) else {
        return;
    };
    let stack = &robot.stack;
    let first = robot.token("first");
    robot.use_token(&first);
    stack.gantry(&["up", "-d"]).expect(0);
    let before = robot.uids();

    // It is replaced, and the old one revoked: what is open goes on, and what is asked is asked with the new one.
    let second = robot.token("second");
    robot.use_token(&second);
    robot.revoke("first", &first);
    assert!(runs(&robot.state()), "{:?}", robot.state());
    stack.gantry(&["exec", "web", "--", "true"]).expect(0);
    stack.write(&web("echo after the first; exec httpd -f -p 8000"));
    stack.gantry(&["up", "-d"]).expect(0);
    wait_until(
        PATIENCE,
        "the output of the new pod is in our log",
        || printed(&stack.sandbox, "web"),
        |lines| lines.iter().any(|line| line == "after the first"),
    );
    assert_ne!(robot.uids(), before);
    let before = wait_until(
        PATIENCE,
        "one pod",
        || robot.uids(),
        |uids| !uids.contains(' '),
    );

    // It is revoked before there is another one, and all connections break: that is told, and nothing is concluded.
    let third = robot.token("third");
    robot.revoke("second", &second);
    robot.port.set(Fault::Reset);
    std::thread::sleep(Duration::from_millis(300));
    robot.port.set(Fault::None);
    let unknown = wait_until(
        PATIENCE,
        "it is unknown",
        || stack.gantry(&["explain", "web"]).stdout,
        |text| text.contains("refuses the credentials"),
    );
    assert!(unknown.contains("unknown"), "{unknown}");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(robot.state().0, "unknown");
    robot.use_token(&third);
    let begin = Instant::now();
    wait_until(PATIENCE, "it is known again", || robot.state(), runs);
    let took = begin.elapsed();
    eprintln!("{test}: in step {took:.2?} after the token was there");
    assert!(took < IN_STEP || place == Place::Plugin, "{took:?}");
    assert_eq!(robot.uids(), before, "the same pods");

    // What happens now is seen.
    stack
        .kubectl(&["delete", "pod", "--all", "--wait=false"])
        .expect(0);
    let another = |_: &Value| {
        let names = ["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"];
        let names = stack.kubectl(&names).stdout;
        let mut there: Vec<&str> = names.split_whitespace().collect();
        there.sort_unstable();
        let mut seen = known(&stack.sandbox.status());
        seen.sort_unstable();
        seen == there && robot.uids() != before
    };
    wait_until(
        PATIENCE,
        "the new pod is seen",
        || stack.sandbox.status(),
        another,
    );

    let events = stack.gantry(&["events", "-o", "json"]);
    let lines = events.expect(0).stdout.lines();
    let events: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect();
    let of = |to: &str| {
        let events = events.iter();
        events
            .filter(|event| event["service"] == "web" && event["to"] == to)
            .count()
    };
    assert_eq!(
        (of("starting"), of("failed"), of("stopped")),
        (1, 0, 0),
        "{events:#?}"
    );
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_token_in_the_configuration() {
    rotate("a_token_in_the_configuration", Place::Inline);
}

#[test]
fn a_token_in_a_file() {
    rotate("a_token_in_a_file", Place::File);
}

#[test]
fn a_token_of_a_plugin() {
    rotate("a_token_of_a_plugin", Place::Plugin);
}

#[test]
fn a_plugin_that_fails_is_told_with_what_it_says() {
    let Some(robot) = Robot::new("a_plugin_that_fails", Place::Plugin) else {
        return;
    };
    robot.use_token("unknown");
    let refused = robot.stack.gantry(&["up", "-d"]);
    refused.expect(3);
    let words = "the cluster refuses the credentials of the Kubernetes configuration";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    let file = robot.stack.sandbox.path("stack/printed.json");
    std::fs::remove_file(file).expect("a file");
    let broken = robot.stack.gantry(&["up", "-d"]);
    broken.expect(3);
    for words in ["the credential plug-in `cat ", "No such file or directory"] {
        assert!(broken.stderr.contains(words), "{}", broken.stderr);
    }
    let config = robot.stack.sandbox.path("stack/robot.conf");
    let text = std::fs::read_to_string(&config).expect("a configuration");
    let text = text.replace(
        "command: cat",
        "installHint: get it at example.org, command: no-such-plug-in",
    );
    robot.stack.sandbox.write("robot.conf", &text);
    let none = robot.stack.gantry(&["up", "-d"]);
    none.expect(3);
    for words in [
        "the credential plug-in `no-such-plug-in ",
        "cannot be run",
        "get it at example.org",
    ] {
        assert!(none.stderr.contains(words), "{}", none.stderr);
    }
}
