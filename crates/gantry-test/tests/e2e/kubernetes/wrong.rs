//! Ways to fail: the exit code, the cause, and the last words of what died, long before the time is over.

use std::time::{Duration, Instant};

use gantry_test::wait_until;

use super::{PATIENCE, SERVES, Stack, web};

/// Nothing may wait for its `start-timeout` of a minute.
const SOON: Duration = Duration::from_secs(40);

/// A stack that fails: `up` ends with this code, and says all of this.
fn fails(stack: &Stack, code: i32, says: &[&str]) {
    let begin = Instant::now();
    let up = stack.gantry(&["up", "-d"]);
    up.expect(code);
    for words in says {
        assert!(
            up.stderr.contains(words),
            "{words:?} is not said:\n{}",
            up.stderr
        );
    }
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    stack.gantry(&["down"]).expect(0);
}

/// A test of a stack with these manifests.
fn with(test: &str, manifests: &str, code: i32, says: &[&str]) {
    let Some(stack) = Stack::new(&format!("kubernetes::wrong::{test}"), manifests) else {
        return;
    };
    fails(&stack, code, says);
}

/// A Deployment whose container has this, too.
fn container(more: &str) -> String {
    web(SERVES).replace("          image:", &format!("{more}\n          image:"))
}

fn job(script: &str, more: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{ name: once }}\nspec:\n  backoffLimit: 0\n{more}  template:\n    spec:\n      \
         restartPolicy: Never\n      terminationGracePeriodSeconds: 1\n      containers: [{{ name: one, image: 'busybox:1.36', command: [sh, -c, '{script}'] }}]\n"
    )
}

#[test]
fn an_image_that_is_not_there() {
    let manifests = web(SERVES).replace("busybox:1.36", "nobody.example/nothing:1");
    let manifests = manifests.replace(
        "          command:",
        "          imagePullPolicy: Never\n          command:",
    );
    with(
        "an_image_that_is_not_there",
        &manifests,
        1,
        &["the image nobody.example/nothing:1 of its container `web` is not on the node"],
    );
}

#[test]
fn a_name_that_is_no_images() {
    let manifests = web(SERVES).replace("busybox:1.36", "NO IMAGE");
    with("a_name_that_is_no_images", &manifests, 1, &["NO IMAGE"]);
}

#[test]
fn a_crash() {
    let manifests = web("echo the last words; exit 3");
    with("a_crash", &manifests, 1, &["exit code 3", "the last words"]);
}

#[test]
fn an_end_by_a_signal() {
    with("an_end_by_a_signal", &web("exit 143"), 1, &["SIGTERM"]);
}

#[test]
fn a_good_end_that_should_not_be() {
    let manifests = web("echo done already");
    with(
        "a_good_end_that_should_not_be",
        &manifests,
        1,
        &["exit code 0", "done already"],
    );
}

#[test]
fn a_want_of_memory() {
    let manifests = web("echo eating; tail /dev/zero").replace(
        "          image:",
        "          resources: { limits: { memory: 16Mi } }\n          image:",
    );
    with(
        "a_want_of_memory",
        &manifests,
        1,
        &["ran out of memory", "16Mi"],
    );
}

#[test]
fn a_program_that_is_not_there() {
    let manifests = web(SERVES).replace("[sh, -c,", "[no-such-program, -c,");
    with(
        "a_program_that_is_not_there",
        &manifests,
        1,
        &["no-such-program"],
    );
}

#[test]
fn an_init_container_that_fails() {
    let init = "      initContainers: [{ name: first, image: 'busybox:1.36', command: [sh, -c, 'echo cannot; exit 9'] }]\n      containers:";
    let manifests = web(SERVES).replace("      containers:", init);
    with(
        "an_init_container_that_fails",
        &manifests,
        1,
        &["first", "exit code 9", "cannot"],
    );
}

#[test]
fn too_much_memory() {
    let manifests = container("          resources: { requests: { memory: 900Gi } }");
    with(
        "too_much_memory",
        &manifests,
        3,
        &["no node has enough memory", "900Gi"],
    );
}

#[test]
fn too_many_processors() {
    let manifests = container("          resources: { requests: { cpu: '640' } }");
    with(
        "too_many_processors",
        &manifests,
        3,
        &[
            "deployment/web: no node has enough processors (it asks for 640; node, which has most, has ",
        ],
    );
}

#[test]
fn more_than_a_quota_leaves() {
    let manifests = container("          resources: { requests: { memory: 20Mi } }");
    let Some(stack) = Stack::new("kubernetes::wrong::more_than_a_quota_leaves", &manifests) else {
        return;
    };
    stack
        .kubectl(&["create", "namespace", &stack.namespace])
        .expect(0);
    let quota = [
        "create",
        "quota",
        "small",
        "--hard=requests.memory=30Mi,pods=5",
    ];
    stack.kubectl(&quota).expect(0);
    let used = ["get", "quota", "small", "-o", "jsonpath={.status.hard}"];
    let known = || stack.kubectl(&used).stdout;
    wait_until(PATIENCE, "the quota is known", known, |text| {
        text.contains("30Mi")
    });
    stack.gantry(&["up", "-d"]).expect(0);
    // What is there already is not asked for again.
    let more = manifests.replace(
        "  selector: { matchLabels",
        "  replicas: 2\n  selector: { matchLabels",
    );
    stack.write(&more);
    let refused = stack.gantry(&["up", "-d"]);
    refused.expect(3);
    let words = format!(
        "exceeded quota small in {}: requests.memory is 20Mi of 30Mi, and 20Mi more are asked for",
        stack.namespace
    );
    assert!(refused.stderr.contains(&words), "{}", refused.stderr);
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn more_than_others_leave_is_a_warning() {
    let manifests = container("          resources: { requests: { cpu: 1500m } }").replace(
        "  selector: { matchLabels",
        "  replicas: 0\n  selector: { matchLabels",
    );
    let Some(stack) = Stack::new("kubernetes::wrong::more_than_others_leave", &manifests) else {
        return;
    };
    let up = stack.gantry(&["up", "-d"]);
    up.expect(0);
    assert!(!up.stderr.contains("are free"), "{}", up.stderr);
    stack.write(&manifests.replace("replicas: 0", "replicas: 50"));
    let up = stack.gantry(&["up", "-d", "--timeout", "5s"]);
    assert_ne!(up.code, 0, "not all of them fit");
    assert!(
        up.stderr.contains("the pods ask for 75 processors, and "),
        "{}",
        up.stderr
    );
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn a_namespace_that_another_service_makes_is_known() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\n";
    let Some(stack) = Stack::new("kubernetes::wrong::a_namespace_that_another", map) else {
        return;
    };
    let file = std::fs::read_to_string(stack.sandbox.path("stack/gantry.toml")).expect("a file");
    let (kubeconfig, namespace) = (&stack.kubeconfig, &stack.namespace);
    let other = format!(
        "[services.after]\ndepends-on = [\"web\"]\n[services.after.kubernetes]\nmanifests = \"more.yaml\"\n\
         namespace = \"{namespace}\"\nkubeconfig = \"{kubeconfig}\"\n"
    );
    stack.sandbox.write("more.yaml", &map.replace("one", "two"));
    stack
        .sandbox
        .write("gantry.toml", &format!("{file}{other}"));
    stack.gantry(&["up", "-d"]).expect(0);
    stack.kubectl(&["get", "configmap", "two"]).expect(0);
    stack.gantry(&["down"]).expect(0);
}

#[test]
fn what_another_gantry_keeps_is_not_taken() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\n";
    let Some(stack) = Stack::new("kubernetes::wrong::what_another_gantry_keeps", map) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let refused = stack.sandbox.elsewhere(["up", "-d"]);
    refused.expect(3);
    let home = stack.sandbox.home();
    let words = format!(
        "another gantry keeps it in this cluster: {}/stacks/shop-",
        home.display()
    );
    assert!(refused.stderr.contains(&words), "{}", refused.stderr);
    assert!(
        refused
            .stderr
            .contains("take it down there, or delete configmap/gantry."),
        "{}",
        refused.stderr
    );
    stack.sandbox.elsewhere(["down"]);
    stack.kubectl(&["get", "configmap", "one"]).expect(0);
    stack.gantry(&["down"]).expect(0);
    // Nobody keeps it any more.
    stack.sandbox.elsewhere(["up", "-d"]).expect(0);
    stack.sandbox.elsewhere(["down"]).expect(0);
}

#[test]
fn a_node_that_nobody_is() {
    let manifests = web(SERVES).replace(
        "      terminationGrace",
        "      nodeSelector: { disk: golden }\n      terminationGrace",
    );
    with(
        "a_node_that_nobody_is",
        &manifests,
        1,
        &["no node matches its node selector"],
    );
}

#[test]
fn a_storage_class_that_is_not_there() {
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: data }\nspec:\n  storageClassName: golden\n  \
                 accessModes: [ReadWriteOnce]\n  resources: { requests: { storage: 1Mi } }\n---\n";
    let pod = web(SERVES).replace(
        "      terminationGrace",
        "      volumes: [{ name: v, persistentVolumeClaim: { claimName: data } }]\n      terminationGrace",
    );
    with(
        "a_storage_class_that_is_not_there",
        &format!("{claim}{pod}"),
        1,
        &[
            "its volume claim data is not bound (storage class golden: no volume can be made for it: storageclass",
        ],
    );
}

#[test]
fn a_config_map_that_is_not_there() {
    let manifests = container("          envFrom: [{ configMapRef: { name: settings } }]");
    with(
        "a_config_map_that_is_not_there",
        &manifests,
        1,
        &["configmap \"settings\" not found"],
    );
}

#[test]
fn a_key_that_a_secret_lacks() {
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: { name: keys }\nstringData: { a: b }\n---\n";
    let env =
        "          env: [{ name: K, valueFrom: { secretKeyRef: { name: keys, key: other } } }]";
    let manifests = format!("{secret}{}", container(env));
    with(
        "a_key_that_a_secret_lacks",
        &manifests,
        1,
        &["couldn't find key other"],
    );
}

#[test]
fn a_volume_of_a_secret_that_is_not_there() {
    let manifests = web(SERVES).replace(
        "      terminationGrace",
        "      volumes: [{ name: v, secret: { secretName: nowhere } }]\n      terminationGrace",
    );
    let mount = "          volumeMounts: [{ name: v, mountPath: /v }]\n          image:";
    let manifests = manifests.replace("          image:", mount);
    with(
        "a_volume_of_a_secret_that_is_not_there",
        &manifests,
        1,
        &["nowhere"],
    );
}

#[test]
fn a_quota_that_is_used_up() {
    let quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: { name: none }\nspec: { hard: { pods: '0' } }\n---\n";
    let manifests = format!("{quota}{}", web(SERVES));
    with(
        "a_quota_that_is_used_up",
        &manifests,
        1,
        &["exceeded quota"],
    );
}

#[test]
fn a_job_that_fails() {
    let manifests = job("echo no more; exit 5", "");
    with(
        "a_job_that_fails",
        &manifests,
        1,
        &["exit code 5", "no more"],
    );
}

#[test]
fn a_job_past_its_time() {
    let manifests = job("sleep 100", "  activeDeadlineSeconds: 1\n");
    with(
        "a_job_past_its_time",
        &manifests,
        1,
        &["job/once", "took longer than it may (1 s)"],
    );
}

#[test]
fn what_the_server_refuses() {
    let manifests = web(SERVES).replace(
        "  selector: { matchLabels: { app: web } }",
        "  replicas: -1\n  selector: { matchLabels: { app: web } }",
    );
    with(
        "what_the_server_refuses",
        &manifests,
        1,
        &["deployment/web", "greater than or equal to 0"],
    );
}

#[test]
fn a_selector_that_does_not_match() {
    let manifests = web(SERVES).replace("matchLabels: { app: web }", "matchLabels: { app: other }");
    with(
        "a_selector_that_does_not_match",
        &manifests,
        1,
        &["deployment/web", "selector"],
    );
}

#[test]
fn a_field_that_is_somebody_elses() {
    let test = "kubernetes::wrong::a_field_that_is_somebody_elses";
    let manifests = web(SERVES).replace(
        "spec:\n  selector: { matchLabels",
        "spec:\n  replicas: 2\n  selector: { matchLabels",
    );
    let Some(stack) = Stack::new(test, &manifests) else {
        return;
    };
    stack
        .kubectl(&["create", "namespace", &stack.namespace])
        .expect(0);
    let theirs = stack.sandbox.write(
        "theirs.yaml",
        &manifests.replace("replicas: 2", "replicas: 1"),
    );
    let theirs = theirs.to_string_lossy();
    let apply = [
        "apply",
        "--server-side",
        "--field-manager=somebody",
        "-f",
        &theirs,
    ];
    stack.kubectl(&apply).expect(0);
    fails(&stack, 1, &[".spec.replicas belongs to somebody"]);
}

#[test]
fn a_kind_that_the_cluster_does_not_know() {
    let manifests = "apiVersion: example.com/v1\nkind: Crane\nmetadata: { name: one }\n";
    let says = ["the cluster knows no kind Crane of example.com/v1"];
    with("a_kind_that_the_cluster_does_not_know", manifests, 3, &says);
}

#[test]
fn a_manifest_that_does_not_parse() {
    let manifests = format!("{}---\napiVersion: v1\nkind: [Pod\n", web(SERVES));
    let says = ["all.yaml:", "(document 3)", "it does not parse"];
    with("a_manifest_that_does_not_parse", &manifests, 2, &says);
}

#[test]
fn a_manifest_without_a_name() {
    let says = ["all.yaml:1", "it has no `metadata.name`"];
    with(
        "a_manifest_without_a_name",
        "apiVersion: v1\nkind: Pod\nmetadata: {}\n",
        2,
        &says,
    );
}

/// A stack whose service has other lines about its cluster.
fn elsewhere(test: &str, change: impl FnOnce(&Stack, String) -> String, code: i32, says: &[&str]) {
    let Some(stack) = Stack::new(&format!("kubernetes::wrong::{test}"), &web(SERVES)) else {
        return;
    };
    let path = stack.sandbox.path("stack/gantry.toml");
    let file = std::fs::read_to_string(path).expect("the stack file");
    stack.sandbox.write("gantry.toml", &change(&stack, file));
    fails(&stack, code, says);
}

#[test]
fn a_namespace_that_is_not_there() {
    let change = |_: &Stack, text: String| text.replace("create-namespace = true\n", "");
    let says = ["there is no namespace e2e-", "create-namespace = true"];
    elsewhere("a_namespace_that_is_not_there", change, 3, &says);
}

#[test]
fn a_context_that_is_not_there() {
    let change = |_: &Stack, text: String| format!("{text}context = \"prod\"\n");
    let says = ["there is no context prod in the Kubernetes configuration; it has gantry-"];
    elsewhere("a_context_that_is_not_there", change, 3, &says);
}

#[test]
fn a_configuration_that_is_not_there() {
    let change = |stack: &Stack, text: String| text.replace(&stack.kubeconfig, "/nowhere/config");
    let says = ["there is no Kubernetes configuration /nowhere/config"];
    elsewhere("a_configuration_that_is_not_there", change, 3, &says);
}

/// Writes the cluster's configuration with another server, and gives its path.
fn configuration(stack: &Stack, server: &str) -> String {
    let text = std::fs::read_to_string(&stack.kubeconfig).expect("the configuration");
    let lines = text.lines().map(|line| match line.split_once("server: ") {
        Some((before, _)) => format!("{before}server: {server}"),
        None => line.to_owned(),
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    stack
        .sandbox
        .write("other.conf", &text)
        .to_string_lossy()
        .into_owned()
}

/// The address is one of those that nobody has (RFC 5737), and is not asked.
#[test]
fn a_cluster_elsewhere_that_nobody_named() {
    let change = |stack: &Stack, text: String| {
        text.replace(
            &stack.kubeconfig,
            &configuration(stack, "https://192.0.2.1:6443"),
        )
    };
    let says = [
        "is not on this machine, and nobody named it",
        "allow-contexts",
    ];
    elsewhere("a_cluster_elsewhere_that_nobody_named", change, 3, &says);
}

#[test]
fn a_server_that_does_not_answer() {
    let change = |stack: &Stack, text: String| {
        text.replace(
            &stack.kubeconfig,
            &configuration(stack, "https://127.0.0.1:1"),
        )
    };
    elsewhere(
        "a_server_that_does_not_answer",
        change,
        3,
        &["the cluster at https://127.0.0.1:1 cannot be reached"],
    );
}

#[test]
fn rights_that_we_do_not_have() {
    let change = |stack: &Stack, text: String| {
        let path = stack.weak_configuration();
        let forward = "forward = [{ service = \"web\", local = 0, remote = 80 }]\n";
        let head = "[services.web.kubernetes]\n";
        assert!(text.contains(head), "{text}");
        text.replace(&stack.kubeconfig, &path)
            .replace(head, &format!("[services.web]\n{forward}{head}"))
    };
    let says = [
        "may not apply deployments in e2e-",
        "may not apply services",
        "may not open ways into pods of e2e-",
        "`create` of `pods/portforward`",
    ];
    elsewhere("rights_that_we_do_not_have", change, 3, &says);
}
