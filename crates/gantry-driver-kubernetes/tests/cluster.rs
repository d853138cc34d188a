//! The driver with a real cluster: the one that the test command has started from `examples/kubernetes`.

use std::collections::{BTreeMap, HashMap};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use futures::future::LocalBoxFuture;
use gantry_driver::conformance::{self, Harness, JobRecipe, Recipe};
use gantry_driver::{Driver, OpenContext, StackIdentity};
use gantry_driver_kubernetes::{HelmDriver, KubernetesDriver};
use gantry_test::{Fault, FaultyPort};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Which of the two drivers is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Manifests,
    /// With a Helm of this release.
    Helm(u32),
}

struct Cluster {
    way: Way,
    programs: Utf8PathBuf,
    kubeconfig: Utf8PathBuf,
    kubectl: Utf8PathBuf,
    home: TempDir,
    files: AtomicU32,
    /// The way of each stack to the cluster.
    ports: Mutex<HashMap<String, FaultyPort>>,
}

const PRINT: &str = r#"for line; do printf '%s\n' "$line"; done"#;

/// The first process of a container ignores a signal that it has no answer to.
const FOREVER: &str = "trap 'exit 0' TERM; while :; do sleep 0.05; done";

impl Cluster {
    /// The one that is named in the environment.
    fn there(way: Way) -> Option<Self> {
        let variable = |name| std::env::var(name).ok().filter(|it| !it.is_empty());
        let programs = Utf8PathBuf::from(variable("GANTRY_TEST_KUBERNETES")?).join("bin");
        Some(Self {
            way,
            kubectl: programs.join("kubectl"),
            programs,
            kubeconfig: variable("GANTRY_TEST_KUBECONFIG")?.into(),
            home: tempfile::tempdir().expect("a folder"),
            files: AtomicU32::new(0),
            ports: Mutex::default(),
        })
    }

    fn folder(&self) -> &Utf8Path {
        Utf8Path::from_path(self.home.path()).expect("UTF-8")
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "namespaces are made beside the driver"
    )]
    fn kubectl(&self, words: &[&str]) {
        let mut command = Command::new(&self.kubectl);
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(words);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.is_ok(), "kubectl runs");
    }

    /// No two ways have one in common.
    fn namespace(&self, stack: &str) -> String {
        let way = match self.way {
            Way::Manifests => 0,
            Way::Helm(release) => release,
        };
        format!("{stack}-{way}-{}", std::process::id())
    }

    /// A file with a pod that runs this.
    fn pod(&self, policy: &str, script: &str, arguments: &[String], more: &Value) -> Value {
        let mut command = vec!["sh".to_owned(), "-c".into(), script.into(), "sh".into()];
        command.extend(arguments.iter().cloned());
        let mut pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": "one", "labels": {} },
            "spec": {
                "restartPolicy": policy,
                "terminationGracePeriodSeconds": 1,
                "containers": [{ "name": "one", "image": "busybox:1.36", "command": command }],
            },
        });
        if let Value::Object(more) = more {
            for (name, value) in more {
                pod["spec"]["containers"][0][name] = value.clone();
            }
        }
        self.manifest(&pod)
    }

    fn manifest(&self, object: &Value) -> Value {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        if let Way::Helm(release) = self.way {
            return self.chart(object, release);
        }
        let file = self.folder().join(format!("{number}.json"));
        std::fs::write(&file, object.to_string()).expect("a file");
        json!({ "manifests": [file], "content": number.to_string() })
    }

    /// A chart that consists of what its values say.
    fn chart(&self, object: &Value, release: u32) -> Value {
        let folder = self.folder().join("chart");
        std::fs::create_dir_all(folder.join("templates")).expect("a folder");
        // Cases run at the same time, and all of them have the same chart.
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let write = |name: &str, text: &str| {
            let whole = self.folder().join(format!("{number}.part"));
            std::fs::write(&whole, text).expect("a file");
            std::fs::rename(whole, folder.join(name)).expect("a file");
        };
        write("Chart.yaml", "apiVersion: v2\nname: one\nversion: 1.0.0\n");
        write("templates/all.yaml", "{{ toYaml .Values.object }}\n");
        let helm = self.programs.join(format!("helm{release}"));
        let tools = json!({
            "helm": [helm], "helm-sudo": false, "kubectl": ["kubectl"], "kubectl-sudo": false,
        });
        json!({ "chart": folder, "values": { "object": object }, "tools": tools })
    }
}

impl Harness for Cluster {
    fn driver(&self) -> Arc<dyn Driver> {
        match self.way {
            Way::Manifests => Arc::new(KubernetesDriver::new()),
            Way::Helm(_) => Arc::new(HelmDriver::new()),
        }
    }

    fn context(&self, stack: &str) -> LocalBoxFuture<'_, OpenContext> {
        let namespace = self.namespace(stack);
        self.kubectl(&["create", "namespace", &namespace]);
        // A pod can be made when its namespace has an account.
        let account = [
            "wait",
            "--for=create",
            "serviceaccount/default",
            "--timeout=20s",
            "-n",
        ];
        self.kubectl(&[&account[..], &[&namespace]].concat());
        let text = std::fs::read_to_string(&self.kubeconfig).expect("the cluster's configuration");
        let text = text.replace(
            "context: {",
            &format!("context: {{ namespace: {namespace},"),
        );
        let (_, server) = text.split_once("server: https://").expect("a server");
        let server = server.lines().next().expect("a line").trim();
        let mut ports = self.ports.lock().expect("no panic");
        let port = ports
            .entry(stack.to_owned())
            .or_insert_with(|| FaultyPort::new(server.parse().expect("an address")));
        let text = text.replace(server, &port.address().to_string());
        drop(ports);
        let config = self.folder().join(format!("{stack}.conf"));
        std::fs::write(&config, text).expect("a file");
        let mut context = OpenContext::new(StackIdentity {
            name: stack.into(),
            id: namespace.as_str().into(),
            state_dir: self.folder().join(stack),
            base_dir: self.folder().to_owned(),
        });
        let environment = BTreeMap::from([("KUBECONFIG".to_owned(), config.to_string())]);
        context.environment = Arc::new(environment);
        context.host = Some(Arc::new(conformance::Commands::default()));
        Box::pin(std::future::ready(context))
    }

    fn recipe(&self, recipe: &Recipe) -> Option<Value> {
        let nothing = Value::Null;
        Some(match recipe {
            Recipe::RunsForever => self.pod("Always", FOREVER, &[], &nothing),
            Recipe::RunsForeverOtherwise => {
                let mut spec = self.pod("Always", FOREVER, &[], &nothing);
                spec["namespace"] = "kube-public".into();
                spec
            }
            Recipe::RunsForeverAdjusted => {
                // An image may be changed while a pod runs.
                let image = json!({ "image": "docker.io/library/busybox:1.36" });
                self.pod("Always", FOREVER, &[], &image)
            }
            Recipe::ExitsWith(code) => self.pod("Never", &format!("exit {code}"), &[], &nothing),
            Recipe::RunsFor(time) => self.pod(
                "Never",
                &format!("sleep {}", time.as_secs_f64()),
                &[],
                &nothing,
            ),
            Recipe::FailsToStart => self.manifest(&json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "no pod" },
                "spec": { "containers": [] },
            })),
            Recipe::Prints(lines) => {
                self.pod("Always", &format!("{PRINT}; {FOREVER}"), lines, &nothing)
            }
            Recipe::PrintsAndExits(lines, code) => {
                self.pod("Never", &format!("{PRINT}; exit {code}"), lines, &nothing)
            }
            Recipe::BecomesReady => {
                let script = format!("sleep 1; touch /tmp/ready; {FOREVER}");
                let probe = json!({
                    "readinessProbe": {
                        "exec": { "command": ["test", "-e", "/tmp/ready"] }, "periodSeconds": 1,
                    },
                });
                self.pod("Always", &script, &[], &probe)
            }
            _ => return None,
        })
    }

    fn set_reachable(&self, stack: &str, reachable: bool) -> LocalBoxFuture<'_, bool> {
        let ports = self.ports.lock().expect("no panic");
        let port = ports.get(stack).expect("a session was opened");
        port.set(if reachable { Fault::None } else { Fault::Reset });
        Box::pin(std::future::ready(true))
    }

    fn job(&self, _: &JobRecipe) -> Option<Vec<String>> {
        None
    }

    fn at_once(&self) -> usize {
        4
    }

    fn many(&self) -> u16 {
        1
    }

    fn patience(&self) -> Duration {
        Duration::from_mins(1)
    }
}

async fn conforms(way: Way) {
    let Some(cluster) = Cluster::there(way) else {
        return gantry_test::skip(
            "conformance of clusters",
            "the cluster of examples/kubernetes",
        );
    };
    let report = conformance::run(&cluster).await;
    report.assert_passed();
}

#[tokio::test]
async fn manifests_conform() {
    conforms(Way::Manifests).await;
}

#[tokio::test]
async fn releases_of_helm_3_conform() {
    conforms(Way::Helm(3)).await;
}

#[tokio::test]
async fn releases_of_helm_4_conform() {
    conforms(Way::Helm(4)).await;
}
