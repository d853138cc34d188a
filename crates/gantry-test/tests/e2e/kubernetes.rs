//! Manifests in a real cluster: what comes up, what changes, what stays, and what is left.

mod attach;
mod away;
mod example;
mod expired;
mod forwards;
mod happenings;
mod planted;
mod proxies;
mod rendered;
mod rest;
mod tokens;
mod ways;
mod wrong;

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gantry_test::{Run, Sandbox, skip, variable, wait_until};
use serde_json::Value;

use crate::support::{kill_supervisor, printed, service};

/// What a loaded machine needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Counts the namespaces of this run.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A stack in a namespace of its own.
struct Stack {
    sandbox: Sandbox,
    namespace: String,
    kubeconfig: String,
    kubectl: String,
}

/// A Deployment of one pod that runs this, and a Service.
fn web(script: &str) -> String {
    format!(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web }}
spec:
  selector: {{ matchLabels: {{ app: web }} }}
  template:
    metadata: {{ labels: {{ app: web }} }}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: busybox:1.36
          command: [sh, -c, "{script}"]
---
apiVersion: v1
kind: Service
metadata: {{ name: web }}
spec:
  selector: {{ app: web }}
  ports: [{{ port: 80, targetPort: 8000 }}]
"#
    )
}

/// It prints, and serves until it is asked to end.
const SERVES: &str = "echo hello from the pod; exec httpd -f -p 8000";

impl Stack {
    /// With these manifests; `None` if there is no cluster.
    fn new(test: &str, manifests: &str) -> Option<Self> {
        let Some(kubeconfig) = variable("GANTRY_TEST_KUBECONFIG") else {
            skip(test, "the cluster of examples/kubernetes");
            return None;
        };
        Self::at(test, manifests, &kubeconfig)
    }

    /// The same in the cluster of this configuration.
    fn at(test: &str, manifests: &str, kubeconfig: &str) -> Option<Self> {
        let Some(programs) = variable("GANTRY_TEST_KUBERNETES") else {
            skip(test, "the cluster's programs");
            return None;
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let stack = Self {
            sandbox: Sandbox::new(),
            namespace: format!("e2e-{}-{number}", std::process::id()),
            kubeconfig: kubeconfig.to_owned(),
            kubectl: format!("{programs}/bin/kubectl"),
        };
        stack.write(manifests);
        stack.file("");
        Some(stack)
    }

    fn write(&self, manifests: &str) {
        self.sandbox.write("manifests/all.yaml", manifests);
    }

    /// The stack file, with these lines for its service.
    fn file(&self, more: &str) {
        let (kubeconfig, namespace) = (&self.kubeconfig, &self.namespace);
        self.sandbox.write(
            "gantry.toml",
            &format!(
                "name = \"shop\"\n[services.web.kubernetes]\nmanifests = \"manifests\"\nnamespace = \"{namespace}\"\n\
                 create-namespace = true\nkubeconfig = \"{kubeconfig}\"\n{more}\n"
            ),
        );
    }

    fn gantry(&self, words: &[&str]) -> Run {
        self.sandbox.gantry(words)
    }

    fn kubectl(&self, words: &[&str]) -> Run {
        let mut command = Command::new(&self.kubectl);
        command
            .args([
                "--kubeconfig",
                &self.kubeconfig,
                "--namespace",
                &self.namespace,
            ])
            .args(words)
            .stdin(Stdio::null());
        gantry_test::output(&mut command).into()
    }

    /// Makes the namespace, and writes a configuration by which only its default service account may do things. Gives its
    /// path.
    fn weak_configuration(&self) -> String {
        self.kubectl(&["create", "namespace", &self.namespace])
            .expect(0);
        self.kubectl(&[
            "wait",
            "--for=create",
            "serviceaccount/default",
            "--timeout=20s",
        ])
        .expect(0);
        let token = self.kubectl(&["create", "token", "default"]);
        let token = token.expect(0).stdout.trim();
        let config = std::fs::read_to_string(&self.kubeconfig).expect("the configuration");
        let lines = config
            .lines()
            .filter(|line| !line.contains("client-key-data"));
        let lines = lines.map(|line| match line.find("client-certificate-data") {
            Some(at) => format!("{}token: {token}", &line[..at]),
            None => line.to_owned(),
        });
        let config = lines.collect::<Vec<_>>().join("\n");
        let path = self.sandbox.write("weak.conf", &config);
        path.to_string_lossy().into_owned()
    }

    /// The same with nothing but these words.
    fn bare_kubectl(&self, words: &[&str]) -> Run {
        let mut command = Command::new(&self.kubectl);
        command.args(words).stdin(Stdio::null());
        gantry_test::output(&mut command).into()
    }

    /// Everything of the namespace that we could have made.
    fn objects(&self) -> String {
        let kinds = "deployments,services,pods,jobs,configmaps,persistentvolumeclaims";
        let all = self.kubectl(&["get", kinds, "-o", "name", "--ignore-not-found"]);
        let lines = all.stdout.lines();
        let lines = lines.filter(|line| *line != "configmap/kube-root-ca.crt");
        lines.collect::<Vec<_>>().join("\n")
    }

    fn is_ready(status: &Value) -> bool {
        service(status, "web")["ready"] == true
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.kubectl(&[
            "delete",
            "namespace",
            &self.namespace,
            "--ignore-not-found",
            "--wait=false",
        ]);
    }
}

#[test]
fn a_deployment_comes_up_changes_and_goes() {
    let test = "kubernetes::a_deployment_comes_up_changes_and_goes";
    let Some(stack) = Stack::new(test, &web(SERVES)) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let status = stack.sandbox.status();
    assert!(Stack::is_ready(&status), "{status:#}");
    let parts = service(&status, "web")["children"].as_array().map(Vec::len);
    assert_eq!(parts, Some(2), "a Deployment and its pod: {status:#}");
    wait_until(
        PATIENCE,
        "its output is in our log",
        || printed(&stack.sandbox, "web"),
        |lines| lines.iter().any(|line| line == "hello from the pod"),
    );

    // Nothing differs: nothing is written.
    let version = [
        "get",
        "deployment",
        "web",
        "-o",
        "jsonpath={.metadata.resourceVersion}",
    ];
    let before = stack.kubectl(&version).expect(0).stdout.clone();
    stack.gantry(&["up", "-d"]).expect(0);
    assert_eq!(stack.kubectl(&version).expect(0).stdout, before);

    // One line differs: it is changed as it runs, and ready means the new one.
    stack.write(&web("echo another; exec httpd -f -p 8000"));
    let plan = stack.gantry(&["plan"]);
    assert!(plan.expect(0).stdout.contains("update"), "{}", plan.stdout);
    stack.gantry(&["up", "-d"]).expect(0);
    let updated = [
        "get",
        "deployment",
        "web",
        "-o",
        "jsonpath={.status.updatedReplicas}/{.status.replicas}",
    ];
    assert_eq!(stack.kubectl(&updated).expect(0).stdout, "1/1");

    // What leaves the files leaves the cluster.
    let only = web(SERVES);
    let only = only.split("---").next().expect("a document");
    stack.write(only);
    stack.gantry(&["up", "-d"]).expect(0);
    let objects = stack.objects();
    assert!(
        !objects.contains("service/web") && objects.contains("deployment.apps/web"),
        "{objects}"
    );

    stack.gantry(&["down"]).expect(0);
    stack.sandbox.expect_nothing_left();
    // We made the namespace.
    let gone = stack.kubectl(&["get", "namespace", &stack.namespace]);
    assert!(gone.stderr.contains("NotFound"), "{}", gone.stderr);
}

#[test]
fn a_new_supervisor_knows_what_runs() {
    let test = "kubernetes::a_new_supervisor_knows_what_runs";
    let Some(stack) = Stack::new(test, &web(SERVES)) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let uid = ["get", "pods", "-o", "jsonpath={.items[*].metadata.uid}"];
    let before = stack.kubectl(&uid).expect(0).stdout.clone();
    kill_supervisor(&stack.sandbox);
    wait_until(
        PATIENCE,
        "it is ready",
        || stack.sandbox.status(),
        Stack::is_ready,
    );
    assert_eq!(stack.kubectl(&uid).expect(0).stdout, before);
    let printed = printed(&stack.sandbox, "web");
    assert_eq!(printed, ["hello from the pod"], "nothing is doubled");
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn data_stays_until_it_is_asked_for() {
    let test = "kubernetes::data_stays_until_it_is_asked_for";
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: data }\nspec:\n  \
                 accessModes: [ReadWriteOnce]\n  resources: { requests: { storage: 1Mi } }\n---\n";
    let Some(stack) = Stack::new(test, &format!("{claim}{}", web(SERVES))) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    stack.gantry(&["down"]).expect(0);
    assert_eq!(stack.objects(), "persistentvolumeclaim/data");
    stack.gantry(&["up", "-d"]).expect(0);
    stack.gantry(&["down", "--purge"]).expect(0);
    assert_eq!(stack.objects(), "");
}

#[test]
fn a_job_is_waited_for_and_runs_again() {
    let test = "kubernetes::a_job_is_waited_for_and_runs_again";
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: { name: migrate }\nspec:\n  template:\n    spec:\n      \
               restartPolicy: Never\n      containers: [{ name: one, image: 'busybox:1.36', command: [sh, -c, 'echo migrated'] }]\n";
    let Some(stack) = Stack::new(test, job) else {
        return;
    };
    let file =
        std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("the stack file");
    let dependent = "[services.after]\ndepends-on = [{ service = \"web\", condition = \"completed\" }]\n\
                     [services.after.process]\ncommand = [\"sleep\", \"1000\"]\n";
    stack
        .sandbox
        .write("gantry.toml", &format!("{file}{dependent}"));
    stack.gantry(&["up", "-d"]).expect(0);
    let status = stack.sandbox.status();
    assert_eq!(service(&status, "web")["state"], "completed", "{status:#}");
    stack.gantry(&["restart", "web"]).expect(0);
    stack.gantry(&["down"]).expect(0);
}

/// What was there before, made by somebody else, is changed where nobody minds, and never deleted.
#[test]
fn what_is_somebody_elses_stays() {
    let test = "kubernetes::what_is_somebody_elses_stays";
    let map =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: shared }\ndata: { ours: yes-it-is }\n";
    let Some(stack) = Stack::new(test, map) else {
        return;
    };
    stack
        .kubectl(&["create", "namespace", &stack.namespace])
        .expect(0);
    stack
        .kubectl(&["create", "configmap", "shared", "--from-literal=theirs=too"])
        .expect(0);
    stack.gantry(&["up", "-d"]).expect(0);
    let data = [
        "get",
        "configmap",
        "shared",
        "-o",
        "jsonpath={.data.ours} {.data.theirs}",
    ];
    assert_eq!(stack.kubectl(&data).expect(0).stdout, "yes-it-is too");
    stack.gantry(&["down"]).expect(0);
    let left = stack.kubectl(&["get", "configmap", "shared", "-o", "name"]);
    assert_eq!(left.expect(0).stdout, "configmap/shared\n");
}

#[test]
fn a_command_runs_in_a_pod() {
    let test = "kubernetes::a_command_runs_in_a_pod";
    let Some(stack) = Stack::new(test, &web(SERVES)) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let script = "echo inside; echo aside >&2; read line; echo got $line; exit 7";
    let mut command = stack
        .sandbox
        .command(["exec", "web", "--", "sh", "-c", script]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("gantry runs");
    let mut input = child.stdin.take().expect("its input");
    std::io::Write::write_all(&mut input, b"a line\n").expect("it reads");
    drop(input);
    let run = Run::from(child.wait_with_output().expect("it ends"));
    run.expect(7);
    assert_eq!(run.stdout, "inside\ngot a line\n");
    assert!(run.stderr.contains("aside"), "{}", run.stderr);
    let none = stack.gantry(&["exec", "web", "--", "no-such-program"]);
    assert_ne!(none.code, 0, "{}", none.stderr);
    assert!(none.stderr.contains("no-such-program"), "{}", none.stderr);
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_diff_asks_the_cluster_and_changes_nothing() {
    let secret =
        "---\napiVersion: v1\nkind: Secret\nmetadata: { name: pw }\nstringData: { pw: one }\n";
    let manifests = format!("{}{secret}", web(SERVES));
    let Some(stack) = Stack::new("kubernetes::a_diff", &manifests) else {
        return;
    };
    let before = stack.gantry(&["diff"]);
    before.expect(0);
    assert!(
        before.stdout.contains("+ deployment/web"),
        "{}",
        before.stdout
    );
    assert_eq!(stack.objects(), "");
    stack.gantry(&["up", "-d"]).expect(0);
    let same = stack.gantry(&["diff"]);
    assert!(
        same.stdout.contains("nothing would change"),
        "{}",
        same.stdout
    );
    // A change by somebody else is one, too, where it is of a field of ours.
    stack
        .kubectl(&[
            "label",
            "service",
            "web",
            "gantry.service=other",
            "--overwrite",
        ])
        .expect(0);
    let changed = manifests
        .replace("pw: one", "pw: two")
        .replace("port: 80,", "port: 81,");
    let (changed, _) = changed.split_at(changed.find("---").expect("a second document"));
    stack.write(&changed.replace(
        "name: web }\nspec:\n  selector: {",
        "name: web }\nspec:\n  replicas: 2\n  selector: {",
    ));
    let differs = stack.gantry(&["diff", "-o", "json"]);
    let text = &differs.stdout;
    for words in ["spec.replicas", "\"change\": \"delete\""] {
        assert!(text.contains(words), "{words} in {text}");
    }
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_dump_has_logs_of_what_crashed_events_and_causes_and_no_secret() {
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: { name: pw }\nstringData: { pw: hunter2-planted }\n";
    let crash = web("echo the last words; sleep 1; exit 3").replace(
        "          image:",
        "          env: [{ name: PW, value: hunter2-planted }]\n          image:",
    );
    let Some(stack) = Stack::new("kubernetes::a_dump", &format!("{crash}{secret}")) else {
        return;
    };
    stack.gantry(&["up", "-d", "--no-wait"]).expect(0);
    let crashed = || stack.gantry(&["logs", "--raw"]).stdout;
    wait_until(PATIENCE, "it has spoken", crashed, |logs| {
        logs.contains("the last words")
    });
    let folder = stack.sandbox.path("dump").display().to_string();
    let dump = stack.gantry(&["dump", &folder]);
    dump.expect(0);
    let mut command = Command::new("grep");
    command
        .args(["-rl", "the last words", &folder])
        .stdin(Stdio::null());
    let grep: Run = gantry_test::output(&mut command).into();
    assert!(grep.stdout.contains("/logs/web."), "{}", grep.stdout);
    for file in [
        "status.json",
        "events.jsonl",
        "stack.yaml",
        "supervisor.log",
        "backend/web/1/objects.yaml",
        "backend/web/1/pods.yaml",
    ] {
        let path = stack.sandbox.path("dump").join(file);
        assert!(path.is_file(), "{file}: {}", dump.stdout);
    }
    let mut command = Command::new("grep");
    command
        .args(["-rl", "hunter2-planted", &folder])
        .stdin(Stdio::null());
    let grep: Run = gantry_test::output(&mut command).into();
    assert_eq!(grep.stdout, "", "the secret is in the dump");
    // What is there is not mixed with it.
    stack.gantry(&["dump", &folder]).expect(1);
    stack.gantry(&["down"]).expect(0);
    let after = stack.sandbox.path("after").display().to_string();
    let after = stack.gantry(&["dump", &after]);
    after.expect(0);
    assert!(
        after.stdout.contains("without what the supervisor knows"),
        "{}",
        after.stdout
    );
}

#[test]
fn what_others_delete_is_made_again_and_what_they_own_is_theirs() {
    let Some(stack) = Stack::new("kubernetes::what_others_delete", &web(SERVES)) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let same = stack.gantry(&["up", "-d"]);
    assert!(same.stderr.contains("Nothing to do"), "{}", same.stderr);
    stack.kubectl(&["delete", "service", "web"]).expect(0);
    let plan = stack.gantry(&["plan"]);
    assert!(
        plan.stdout.contains("service/web (deleted) changed"),
        "{}",
        plan.stdout
    );
    stack.gantry(&["up", "-d"]).expect(0);
    stack.kubectl(&["get", "service", "web"]).expect(0);
    // The manifests say nothing of it: it is theirs who scaled it.
    stack
        .kubectl(&["scale", "deployment", "web", "--replicas=2"])
        .expect(0);
    let plan = stack.gantry(&["plan"]).stdout;
    assert!(plan.contains("Nothing to do"), "{plan}");
    stack.gantry(&["up", "-d"]).expect(0);
    let scaled = stack.kubectl(&[
        "get",
        "deployment",
        "web",
        "-o",
        "jsonpath={.spec.replicas}",
    ]);
    assert_eq!(scaled.stdout, "2");
    let history = stack.gantry(&["history", "web"]);
    history.expect(1);
    assert!(
        history.stderr.contains("its mode kubernetes keeps none"),
        "{}",
        history.stderr
    );
    stack.gantry(&["down"]).expect(0);
    assert_eq!(stack.objects(), "");
}

#[test]
fn a_stack_that_is_down_does_not_wait_for_a_cluster_that_is_away() {
    let Some(stack) = Stack::new("kubernetes::a_stack_that_is_down", &web(SERVES)) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    stack.gantry(&["down"]).expect(0);
    let text = std::fs::read_to_string(&stack.kubeconfig).expect("a configuration");
    let away = text.lines().map(|line| match line.split_once("server: ") {
        Some((before, _)) => format!("{before}server: https://127.0.0.1:1\n"),
        None => format!("{line}\n"),
    });
    let away = stack.sandbox.write("away.conf", &away.collect::<String>());
    let file = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    let elsewhere = file.replace(&stack.kubeconfig, &away.to_string_lossy());
    stack.sandbox.write("gantry.toml", &elsewhere);
    let begin = std::time::Instant::now();
    let refused = stack.gantry(&["up", "-d"]);
    refused.expect(3);
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    stack.gantry(&["down"]);
    stack.sandbox.write("gantry.toml", &file);
    stack.gantry(&["up", "-d"]).expect(0);
    stack.gantry(&["down"]).expect(0);
}
