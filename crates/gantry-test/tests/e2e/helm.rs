//! Releases in a real cluster, made by real Helms of both kinds.

mod away;
mod history;
mod repositories;
mod sudo;
mod values;
mod wrong;

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gantry_test::{Run, Sandbox, skip, variable, wait_until};
use serde_json::Value;

use crate::support::{kill_supervisor, service};

/// What a loaded machine needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Counts the namespaces of this run.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A Deployment, a claim, a hook and notes.
const TEMPLATES: [(&str, &str); 5] = [
    (
        "Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.2.3\nappVersion: '7'\n",
    ),
    (
        "values.yaml",
        "text: hello\nrun: 'exec httpd -f -p 8000'\nhook: 'true'\nreplicas: 1\nextra: {}\n",
    ),
    (
        "templates/web.yaml",
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: busybox:1.36
          command: [sh, -c, {{ printf "echo says %v; %s" .Values.text .Values.run | quote }}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: {{ .Release.Name }}-data }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Mi } } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }}-values }
data: { extra: {{ toJson .Values.extra | quote }} }
"#,
    ),
    (
        "templates/hook.yaml",
        r#"
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-init
  annotations: { helm.sh/hook: "pre-install,pre-upgrade" }
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - { name: init, image: "busybox:1.36", command: [sh, -c, {{ printf "echo hook begins; %s" .Values.hook | quote }}] }
"#,
    ),
    (
        "templates/NOTES.txt",
        "{{ .Release.Name }} says {{ .Values.text }}.\n",
    ),
];

/// A stack in a namespace of its own, with one release.
struct Stack {
    sandbox: Sandbox,
    namespace: String,
    kubeconfig: String,
    programs: String,
    helm: u32,
}

impl Stack {
    /// With the chart, and a Helm of this release; `None` if there is no cluster.
    fn new(test: &str, helm: u32) -> Option<Self> {
        let (kubeconfig, programs) = (
            variable("GANTRY_TEST_KUBECONFIG"),
            variable("GANTRY_TEST_KUBERNETES"),
        );
        let (Some(kubeconfig), Some(programs)) = (kubeconfig, programs) else {
            skip(
                &format!("helm::{test}"),
                "the cluster of examples/kubernetes",
            );
            return None;
        };
        Some(Self::at(Sandbox::new(), helm, kubeconfig, programs))
    }

    /// The same in a sandbox, and in the cluster of this configuration.
    fn at(sandbox: Sandbox, helm: u32, kubeconfig: String, programs: String) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let stack = Self {
            sandbox,
            namespace: format!("helm-{}-{number}", std::process::id()),
            kubeconfig,
            programs,
            helm,
        };
        for (path, text) in TEMPLATES {
            stack.sandbox.write(format!("web/{path}"), text);
        }
        stack.file("");
        stack
    }

    /// The stack file, with these lines for its release.
    fn file(&self, more: &str) {
        let Self {
            kubeconfig,
            namespace,
            programs,
            helm,
            ..
        } = self;
        self.sandbox.write(
            "gantry.toml",
            &format!(
                "name = \"shop\"\n[kubernetes]\nkubeconfig = \"{kubeconfig}\"\nnamespace = \"{namespace}\"\nhelm = \
                 \"{programs}/bin/helm{helm}\"\n[services.web.helm]\nchart = \"./web\"\ncreate-namespace = true\n{more}\n"
            ),
        );
    }

    fn gantry(&self, words: &[&str]) -> Run {
        self.sandbox.gantry(words)
    }

    fn up(&self) -> Run {
        let up = self.gantry(&["up", "-d"]);
        up.expect(0);
        up
    }

    fn run(&self, program: &str, words: &[&str]) -> Run {
        let mut command = Command::new(format!("{}/bin/{program}", self.programs));
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

    fn kubectl(&self, words: &[&str]) -> Run {
        self.run("kubectl", words)
    }

    /// Helm, beside gantry.
    fn helm(&self, words: &[&str]) -> Run {
        self.run(&format!("helm{}", self.helm), words)
    }

    /// Status and revision of the release, as Helm has them; none if there is none.
    fn release(&self) -> Option<(String, u64)> {
        let listed = self.helm(&["list", "--deployed", "--failed", "--pending", "-o", "json"]);
        let all: Value = serde_json::from_str(&listed.stdout).expect("JSON");
        let one = all.as_array()?.first()?;
        let revision = one["revision"].as_str()?.parse().ok()?;
        Some((one["status"].as_str()?.to_owned(), revision))
    }

    /// Everything of the namespace that we could have made.
    fn objects(&self) -> String {
        let kinds = "deployments,services,pods,jobs,configmaps,secrets,persistentvolumeclaims";
        let all = self.kubectl(&["get", kinds, "-o", "name", "--ignore-not-found"]);
        let lines = all.stdout.lines();
        let lines = lines.filter(|line| *line != "configmap/kube-root-ca.crt");
        lines.collect::<Vec<_>>().join("\n")
    }

    fn status(&self) -> Value {
        self.sandbox.status()
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

/// Comes up, changes, and goes, with a Helm of this release.
fn whole_life(test: &str, helm: u32) {
    let Some(stack) = Stack::new(test, helm) else {
        return;
    };
    let up = stack.up();
    assert!(up.stderr.contains("web says hello."), "{}", up.stderr);
    let status = stack.status();
    let children = service(&status, "web")["children"].to_string();
    for part in ["deployment/web", "job/web-init", "pod/web-"] {
        assert!(children.contains(part), "{part} in {children}");
    }
    let logs = stack.gantry(&["logs", "web", "--raw"]);
    assert!(logs.stdout.contains("hook begins"), "{}", logs.stdout);
    assert!(logs.stdout.contains("says hello"), "{}", logs.stdout);
    // A second time changes nothing, and says so.
    let again = stack.up();
    assert!(again.stderr.contains("Nothing to do"), "{}", again.stderr);
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 1)));

    stack.file("values = { text = \"goodbye\" }");
    let plan = stack.gantry(&["plan"]);
    assert!(plan.stdout.contains("values.text"), "{}", plan.stdout);
    stack.up();
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 2)));
    let notes = stack.gantry(&["notes"]);
    notes.expect(0);
    assert!(
        notes.stdout.contains("web says goodbye."),
        "{}",
        notes.stdout
    );

    stack.gantry(&["down"]).expect(0);
    assert_eq!(stack.release(), None);
    // Data stays, and is there again for the next one.
    assert_eq!(stack.objects(), "persistentvolumeclaim/web-data");
    stack.up();
    stack.gantry(&["down", "--purge"]).expect(0);
    let gone = || stack.kubectl(&["get", "namespace", &stack.namespace]).code != 0;
    wait_until(PATIENCE, "the namespace is gone", gone, |gone| *gone);
}

#[test]
fn a_release_comes_up_changes_and_goes_with_helm_3() {
    whole_life("a_release_comes_up_changes_and_goes_with_helm_3", 3);
}

#[test]
fn a_release_comes_up_changes_and_goes_with_helm_4() {
    whole_life("a_release_comes_up_changes_and_goes_with_helm_4", 4);
}

#[test]
fn a_diff_tells_objects_and_fields_and_changes_nothing() {
    let Some(stack) = Stack::new("a_diff_tells_objects", 4) else {
        return;
    };
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: web-pw }\nstringData: { pw: {{ .Values.text }} }\n";
    stack.sandbox.write("web/templates/secret.yaml", secret);
    let before = stack.gantry(&["diff"]);
    before.expect(0);
    assert!(
        before.stdout.contains("+ deployment/web"),
        "{}",
        before.stdout
    );
    stack.up();
    let same = stack.gantry(&["diff", "web"]);
    assert!(
        same.stdout.contains("nothing would change"),
        "{}",
        same.stdout
    );
    stack.file("values = { replicas = 2, text = \"hunter2\" }");
    let differs = stack.gantry(&["diff"]);
    for words in [
        "~ deployment/web",
        "spec.replicas: 1 → 2",
        "stringData.pw: ••• → •••",
    ] {
        assert!(
            differs.stdout.contains(words),
            "{words} in {}",
            differs.stdout
        );
    }
    let rendered = stack.gantry(&["render", "--manifests"]);
    rendered.expect(0);
    assert!(
        rendered.stdout.contains("replicas: 2"),
        "{}",
        rendered.stdout
    );
    assert!(rendered.stdout.contains("•••"), "{}", rendered.stdout);
    let graph = stack.gantry(&["graph", "--manifests"]);
    graph.expect(0);
    assert!(
        graph.stdout.contains("configmap/web-values"),
        "{}",
        graph.stdout
    );
    for (form, words) in [
        ("mermaid", "[\"deployment/web\"]"),
        ("dot", "[label=\"deployment/web\""),
        ("svg", ">deployment/web</tspan>"),
    ] {
        let drawn = stack.gantry(&["graph", "--manifests", "--format", form]);
        drawn.expect(0);
        assert!(drawn.stdout.contains(words), "{}", drawn.stdout);
    }
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 1)));
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn values_arrive_as_they_were_written() {
    let Some(stack) = Stack::new("values_arrive_as_they_were_written", 3) else {
        return;
    };
    stack.sandbox.write(
        "more.yaml",
        "extra: { number: 1, text: '1', word: 'no', zeros: '007', gone: null, list: [1, two], 'nvidia.com/gpu': 1 }\n",
    );
    stack.file(
        "values-files = [\"more.yaml\"]\nvalues = { \"extra.a\\\\.b\" = true, \"extra.number\" = 2, \"extra.empty\" = {}, \
         \"extra.deep.er\" = [\"x\"] }",
    );
    stack.up();
    let found = stack.kubectl(&[
        "get",
        "configmap",
        "web-values",
        "-o",
        "jsonpath={.data.extra}",
    ]);
    let found: Value = serde_json::from_str(&found.stdout).expect("JSON");
    let wanted = serde_json::json!({
        "number": 2, "text": "1", "word": "no", "zeros": "007", "list": [1, "two"], "nvidia.com/gpu": 1,
        "a.b": true, "empty": {}, "deep": { "er": ["x"] },
    });
    let mut found = found;
    // Helm itself takes a nothing for a wish to leave it out; some of its releases hand it on.
    found
        .as_object_mut()
        .expect("a mapping")
        .retain(|_, value| !value.is_null());
    assert_eq!(found, wanted);
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn what_others_made_is_refused_and_taken_over_only_when_that_is_asked_for() {
    let Some(stack) = Stack::new("what_others_made", 3) else {
        return;
    };
    stack
        .kubectl(&["create", "namespace", &stack.namespace])
        .expect(0);
    let chart = stack.sandbox.path("stack/web").display().to_string();
    stack.helm(&["install", "web", &chart]).expect(0);
    let refused = stack.gantry(&["up", "-d"]);
    refused.expect(3);
    for words in [
        "there is a release web",
        "made by something else",
        "adopt = true",
    ] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 1)));
    stack.file("adopt = true");
    stack.up();
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 2)));
    stack.gantry(&["down"]).expect(0);
    assert_eq!(stack.release(), None);
}

#[test]
fn what_another_gantry_keeps_is_not_taken() {
    let Some(stack) = Stack::new("what_another_gantry_keeps", 3) else {
        return;
    };
    stack.up();
    let refused = stack.sandbox.elsewhere(["up", "-d"]);
    refused.expect(3);
    let keeper = format!(
        "another gantry keeps it in this cluster: {}/stacks/shop-",
        stack.sandbox.home().display()
    );
    for words in [&*keeper, "take it down there", "adopt = true"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    stack.sandbox.elsewhere(["down"]);
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 1)));
    // The mark is that of the newest revision.
    stack.file("values = { text = \"other\" }");
    stack.up();
    stack.sandbox.elsewhere(["up", "-d"]).expect(3);
    stack.gantry(&["down"]).expect(0);
    stack.sandbox.elsewhere(["up", "-d"]).expect(0);
    stack.sandbox.elsewhere(["down"]).expect(0);
    assert_eq!(stack.release(), None);
}

#[test]
fn a_release_that_is_stuck_is_explained_and_recovered_as_asked() {
    let Some(stack) = Stack::new("a_release_that_is_stuck", 3) else {
        return;
    };
    stack.up();
    // As if a helm had been killed at its work.
    let leave_pending = || {
        let number = stack.release().expect("a release").1;
        let secret = format!("sh.helm.release.v1.web.v{number}");
        let label = "status=pending-upgrade";
        stack
            .kubectl(&["label", "--overwrite", "secret", &secret, label])
            .expect(0);
    };
    stack.file("values = { text = \"two\" }");
    stack.up();
    leave_pending();
    stack.file("values = { text = \"three\" }");
    let refused = stack.gantry(&["up", "-d"]);
    assert_ne!(refused.code, 0);
    for words in [
        "the release web is in the middle of an upgrade (revision 2) since",
        "on-stuck",
    ] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    stack.file("values = { text = \"three\" }\non-stuck = \"rollback\"");
    stack.up();
    let logs = stack.gantry(&["notes"]);
    assert!(logs.stdout.contains("web says three."), "{}", logs.stdout);
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_supervisor_that_dies_while_helm_is_at_work_changes_nothing() {
    let Some(stack) = Stack::new("a_supervisor_that_dies", 3) else {
        return;
    };
    stack.file("values = { hook = \"sleep 6\" }");
    stack.gantry(&["up", "-d", "--no-wait"]).expect(0);
    let begun = || {
        stack
            .release()
            .is_some_and(|(status, _)| status == "pending-install")
    };
    wait_until(PATIENCE, "Helm is at work", begun, |begun| *begun);
    kill_supervisor(&stack.sandbox);
    stack.up();
    // One run of Helm has made it, and no second one.
    assert_eq!(stack.release(), Some(("deployed".to_owned(), 1)));
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn no_secret_shows_in_arguments_files_or_logs() {
    const SECRET: &str = "hunter2-planted";
    let Some(stack) = Stack::new("no_secret_shows", 4) else {
        return;
    };
    stack.sandbox.write("pw", SECRET);
    stack.file("values = { text = { from-file = \"pw\" }, hook = \"sleep 3\" }");
    let (sender, seen) = std::sync::mpsc::channel();
    let watcher = std::thread::spawn(move || {
        let mut found = Vec::new();
        while seen.try_recv().is_err() {
            let mut command = Command::new("ps");
            command.args(["-eo", "args"]).stdin(Stdio::null());
            let listed: Run = gantry_test::output(&mut command).into();
            let lines = listed.stdout.lines();
            // The pods print it themselves: their commands come from the chart.
            let ours = lines.filter(|line| line.contains("helm") || line.contains("gantry"));
            found.extend(ours.filter(|line| line.contains(SECRET)).map(str::to_owned));
            std::thread::sleep(Duration::from_millis(20));
        }
        found
    });
    stack.up();
    // A value of a command is asked for again when the release changes.
    let command =
        "values = { text = { from-command = [\"cat\", \"pw\"] }, replicas = 2, hook = \"true\" }";
    stack.file(command);
    stack.up();
    let _ = sender.send(());
    assert_eq!(watcher.join().expect("no panic"), Vec::<String>::new());
    // What the chart itself makes of it is its own affair: it prints it in its notes and its pods' output.
    for words in [
        &["plan", "-o", "json"][..],
        &["diff", "-o", "json"],
        &["history", "web", "-o", "json"],
        &["status", "-o", "json"],
        &["events", "-o", "json"],
        &["config", "show"],
    ] {
        let run = stack.gantry(words);
        let said = format!("{}{}", run.expect(0).stdout, run.stderr);
        assert!(!said.contains(SECRET), "{words:?}: {said}");
    }
    let mut command = Command::new("grep");
    let home = stack.sandbox.home().display().to_string();
    command
        .args(["-rl", "--exclude-dir=log", SECRET, &home])
        .stdin(Stdio::null());
    let grep: Run = gantry_test::output(&mut command).into();
    assert_eq!(grep.stdout, "", "the secret is in files");
    stack.gantry(&["down"]).expect(0);
}
