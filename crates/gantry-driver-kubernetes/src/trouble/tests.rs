//! Pods, events and workloads as the API server sends them, and what is wrong with them.

use serde_json::{Value, json};

use super::Weight::{self, Hopeless, Once, Passing};
use super::{End, Trouble, of_event, of_pod, of_workload};

/// Checks one table: the name of the case, what is looked at, how bad it is, and the sentence.
macro_rules! check {
    ($troubles:expr; $(($name:literal, $value:expr, $weight:expr, $what:expr),)+) => {
        $({
            let troubles: Vec<Trouble> = $troubles($value);
            let what: &str = $what;
            assert_eq!(brief(&troubles), [($weight, what)], "{}", $name);
        })+
    };
}

fn brief(troubles: &[Trouble]) -> Vec<(Weight, &str)> {
    troubles
        .iter()
        .map(|it| (it.weight, it.what.as_str()))
        .collect()
}

fn pod(spec: &Value, status: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-7d-x2x4z", "namespace": "shop", "labels": {"app": "web"}},
        "spec": spec,
        "status": status,
    })
}

/// A pod with one container, which has this status.
fn with_container(policy: &str, status: &Value) -> Value {
    let mut status = status.clone();
    status["name"] = json!("web");
    status["image"] = json!("nope:1");
    let limits = json!({"memory": "16Mi"});
    let spec = json!({
        "restartPolicy": policy,
        "containers": [{"name": "web", "image": "nope:1", "resources": {"limits": limits}}],
    });
    pod(
        &spec,
        &json!({"phase": "Running", "containerStatuses": [status]}),
    )
}

fn waits(reason: &str, message: &str) -> Vec<Trouble> {
    let waiting = json!({"reason": reason, "message": message});
    let status =
        json!({"ready": false, "restartCount": 0, "state": {"waiting": waiting}, "lastState": {}});
    of_pod(&with_container("Always", &status))
}

fn ended(policy: &str, restarts: i64, run: &Value) -> Vec<Trouble> {
    let status = json!({
        "ready": false, "restartCount": restarts, "state": {"terminated": run}, "lastState": {},
    });
    of_pod(&with_container(policy, &status))
}

fn run(code: i64, reason: &str) -> Value {
    json!({
        "exitCode": code,
        "reason": reason,
        "startedAt": "2026-03-01T10:00:00Z",
        "finishedAt": "2026-03-01T10:00:01Z",
        "containerID": "containerd://5f0c",
    })
}

#[test]
fn images() {
    let pull = "failed to pull and unpack image \"docker.io/library/nope:1\": failed to resolve reference \
        \"docker.io/library/nope:1\": ";
    let not_found =
        format!("rpc error: code = NotFound desc = {pull}docker.io/library/nope:1: not found");
    let denied = format!(
        "{pull}pull access denied, repository does not exist or may require authorization: \
        server message: insufficient_scope: authorization failed"
    );
    let forbidden = format!(
        "{pull}unexpected status from HEAD request to https://r.example/v2/: 401 Unauthorized"
    );
    let no_host = format!(
        "{pull}failed to do request: Head \"https://r.invalid/v2/\": dial tcp: \
        lookup r.invalid on 10.96.0.10:53: no such host"
    );
    let refused = format!(
        "{pull}failed to do request: Head \"https://localhost:5000/v2/\": dial tcp \
        127.0.0.1:5000: connect: connection refused"
    );
    let broken = format!("{pull}unexpected status: 500 Internal Server Error");
    let slow = format!("{pull}failed to do request: dial tcp 203.0.113.7:443: i/o timeout");
    let back_off =
        |message: &str| format!("Back-off pulling image \"nope:1\": ErrImagePull: {message}");
    let cannot =
        |cause: &str| format!("the image nope:1 of its container `web` cannot be fetched: {cause}");
    let pulls = |(reason, message): (&str, &str)| waits(reason, message);
    check! { pulls;
        ("not found", ("ErrImagePull", &not_found), Once, &cannot("not found")),
        ("unknown to Docker", ("ErrImagePull", "manifest for nope:1 not found: manifest unknown"), Once,
            &cannot("not found")),
        ("no repository", ("ErrImagePull", &denied), Once, &cannot("it does not exist, or needs a login")),
        ("no login", ("ErrImagePull", &forbidden), Once, &cannot("access denied")),
        ("no host", ("ErrImagePull", &no_host), Passing, &cannot("its registry is not known: no such host")),
        ("refused", ("ErrImagePull", &refused), Passing,
            &cannot("its registry does not answer: connection refused")),
        ("too many", ("ErrImagePull", "429 Too Many Requests - Server message: toomanyrequests: slow down"),
            Passing, &cannot("its registry has had too many requests")),
        ("first error", ("ErrImagePull", &broken), Passing, &cannot("500 Internal Server Error")),
        ("again not found", ("ImagePullBackOff", &back_off(&not_found)), Hopeless, &cannot("not found")),
        ("again refused", ("ImagePullBackOff", &back_off(&refused)), Passing,
            &cannot("its registry does not answer: connection refused")),
        ("again another error", ("ImagePullBackOff", &back_off(&broken)), Once,
            &cannot("500 Internal Server Error")),
        ("again slow", ("ImagePullBackOff", &back_off(&slow)), Passing, &cannot("i/o timeout")),
        ("an old cluster", ("ImagePullBackOff", "Back-off pulling image \"nope:1\""), Once,
            "the image nope:1 of its container `web` cannot be fetched"),
        ("a tag on an old cluster", ("ImagePullBackOff", "Back-off pulling image \"not found\""), Once,
            "the image nope:1 of its container `web` cannot be fetched"),
        ("never", ("ErrImageNeverPull", "Container image \"nope:1\" is not present with pull policy of Never"),
            Hopeless, "the image nope:1 of its container `web` is not on the node, and may not be fetched"),
        ("no name", ("InvalidImageName", "Failed to apply default image tag \"Nope:1\": couldn't parse image \
            name \"Nope:1\": invalid reference format: repository name (library/Nope) must be lowercase"), Hopeless,
            "the image nope:1 of its container `web` has no valid name: repository name (library/Nope) must be \
             lowercase"),
    }
}

#[test]
fn containers_that_cannot_be_made() {
    let exec = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc \
        create failed: unable to start container process: error during container init: exec: \"serve\": \
        executable file not found in $PATH: unknown";
    let made = |(reason, message): (&str, &str)| waits(reason, message);
    check! { made;
        ("no settings", ("CreateContainerConfigError", "configmap \"settings\" not found"), Hopeless,
            "its container `web` cannot be made: configmap \"settings\" not found"),
        ("no key", ("CreateContainerConfigError", "couldn't find key a in Secret shop/keys"), Hopeless,
            "its container `web` cannot be made: couldn't find key a in Secret shop/keys"),
        ("a new node", ("CreateContainerConfigError",
            "failed to sync configmap cache: timed out waiting for the condition"), Passing,
            "its container `web` cannot be made: failed to sync configmap cache: timed out waiting for the \
             condition"),
        ("its path", ("CreateContainerError", "failed to generate spec: no command specified"), Hopeless,
            "its container `web` cannot be made: failed to generate spec: no command specified"),
        ("a slow node", ("CreateContainerError", "context deadline exceeded"), Passing,
            "its container `web` cannot be made: context deadline exceeded"),
        ("no program", ("RunContainerError", exec), Hopeless, "its container `web` cannot be started: error \
            during container init: exec: \"serve\": executable file not found in $PATH"),
        ("its hook", ("PostStartHookError", "Exec lifecycle hook failed"), Once,
            "its container `web` cannot be started: PostStartHookError: exec lifecycle hook failed"),
    }
    let mut start = run(128, "StartError");
    start["message"] = json!(exec);
    let found = ended("Always", 0, &start);
    assert_eq!(
        brief(&found),
        [(
            Hopeless,
            "its container `web` cannot be started: error during container \
        init: exec: \"serve\": executable file not found in $PATH"
        )]
    );
    assert_eq!((&found[0].words, found[0].end), (&None, None));
    for (reason, message) in [("ContainerCreating", ""), ("PodInitializing", ""), ("", "")] {
        assert_eq!(waits(reason, message), [], "{reason}");
    }
}

#[test]
fn ends() {
    let end = |(policy, restarts, code, reason): (&str, i64, i64, &str)| {
        ended(policy, restarts, &run(code, reason))
    };
    check! { end;
        ("a crash", ("Always", 0, 3, "Error"), Once, "its container `web` crashed: exit code 3"),
        ("a second crash", ("Always", 1, 3, "Error"), Hopeless, "its container `web` crashed: exit code 3"),
        ("a crash for good", ("Never", 0, 3, "Error"), Hopeless, "its container `web` crashed: exit code 3"),
        ("killed", ("Always", 0, 137, "Error"), Once, "its container `web` was killed by SIGKILL"),
        ("segfault", ("OnFailure", 1, 139, "Error"), Hopeless, "its container `web` was killed by SIGSEGV"),
        ("no signal", ("Always", 0, 255, "Error"), Once, "its container `web` crashed: exit code 255"),
        ("a signal of real time", ("Always", 0, 162, "Error"), Once, "its container `web` was killed by signal 34"),
        ("memory", ("Always", 0, 137, "OOMKilled"), Once, "its container `web` ran out of memory (limit 16Mi)"),
        ("memory again", ("Always", 1, 137, "OOMKilled"), Hopeless,
            "its container `web` ran out of memory (limit 16Mi)"),
        ("by itself", ("Always", 0, 0, "Completed"), Once, "its container `web` ended by itself with exit code 0"),
        ("by itself again", ("Always", 1, 0, "Completed"), Hopeless,
            "its container `web` ended by itself with exit code 0"),
    }
    assert_eq!(end(("OnFailure", 0, 0, "Completed")), []);
    assert_eq!(end(("Never", 3, 0, "Completed")), []);
    assert_eq!(end(("Never", 0, i64::MIN, "Error"))[0].weight, Hopeless);

    let crash = &end(("Always", 0, 137, "OOMKilled"))[0];
    assert_eq!(crash.words, Some(("web".to_owned(), false)));
    assert_eq!(
        crash.end,
        Some(End {
            code: 137,
            signal: Some(9),
            out_of_memory: true
        })
    );
    let crash = &end(("Always", 0, 3, "Error"))[0];
    assert_eq!(
        crash.end,
        Some(End {
            code: 3,
            signal: None,
            out_of_memory: false
        })
    );
}

#[test]
fn ends_before() {
    let before = |restarts: i64, ready: bool, state: Value| {
        of_pod(&with_container(
            "Always",
            &json!({
                "ready": ready, "restartCount": restarts, "state": state, "lastState": {"terminated": run(3, "Error")},
            }),
        ))
    };
    let loops = json!({"waiting": {"reason": "CrashLoopBackOff",
        "message": "back-off 10s restarting failed container=web pod=web-7d-x2x4z_shop(6f1a8d0e)"}});
    let running = json!({"running": {"startedAt": "2026-03-01T10:00:02Z"}});
    let made = json!({"waiting": {"reason": "ContainerCreating"}});
    let crashed = "its container `web` crashed: exit code 3";

    let found = before(2, false, loops.clone());
    assert_eq!(brief(&found), [(Hopeless, crashed)]);
    assert_eq!(found[0].words, Some(("web".to_owned(), true)));
    assert_eq!(brief(&before(1, false, running.clone())), [(Once, crashed)]);
    assert_eq!(before(5, true, running), []);
    assert_eq!(brief(&before(1, false, made)), [(Once, crashed)]);
    assert_eq!(
        brief(&before(1, false, json!({"waiting": {}}))),
        [(Hopeless, crashed)]
    );

    let mut started = json!({"ready": false, "restartCount": 1, "state": {"running": {}}});
    started["lastState"]["terminated"] = run(128, "StartError");
    assert_eq!(of_pod(&with_container("Always", &started))[0].weight, Once);

    let unknown = json!({"ready": false, "restartCount": 4, "state": loops, "lastState": {}});
    assert_eq!(
        brief(&of_pod(&with_container("Always", &unknown))),
        [(Hopeless, "its container `web` crashes again and again")]
    );
}

#[test]
fn init_containers_come_first() {
    let spec = json!({
        "initContainers": [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}, {"name": "seed"}],
        "containers": [{"name": "web"}],
        "restartPolicy": "Always",
    });
    let status = json!({
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "initContainerStatuses": [
            {"name": "migrate", "ready": true, "restartCount": 0, "state": {"terminated": run(0, "Completed")}},
            {"name": "proxy", "ready": false, "restartCount": 0, "state": {"terminated": run(0, "Completed")}},
            {"name": "seed", "ready": false, "restartCount": 1, "state": {"terminated": run(1, "Error")}},
        ],
        "containerStatuses": [
            {"name": "web", "image": "nope:1", "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": "ErrImagePull", "message": "nope:1: not found"}}},
        ],
    });
    assert_eq!(
        brief(&of_pod(&pod(&spec, &status))),
        [
            (
                Once,
                "its container `proxy` ended by itself with exit code 0"
            ),
            (Hopeless, "its container `seed` crashed: exit code 1"),
            (
                Once,
                "the image nope:1 of its container `web` cannot be fetched: not found"
            ),
        ]
    );
}

#[test]
fn pods_that_ended() {
    let spec = json!({"containers": [{"name": "web"}], "restartPolicy": "Never"});
    let crashed =
        json!([{"name": "web", "restartCount": 0, "state": {"terminated": run(3, "Error")}}]);
    check! { |status: Value| of_pod(&pod(&spec, &status));
        ("crashed", json!({"phase": "Failed", "containerStatuses": crashed}), Hopeless,
            "its container `web` crashed: exit code 3"),
        ("evicted", json!({"phase": "Failed", "reason": "Evicted", "containerStatuses": crashed,
            "message": "The node was low on resource: memory."}), Hopeless,
            "was evicted: the node was low on resource: memory"),
        ("late", json!({"phase": "Failed", "reason": "DeadlineExceeded",
            "message": "Pod was active on the node longer than the specified deadline"}), Hopeless,
            "failed: DeadlineExceeded: pod was active on the node longer than the specified deadline"),
        ("nobody knows", json!({"phase": "Failed"}), Hopeless, "failed"),
    }
    assert_eq!(
        of_pod(&pod(
            &spec,
            &json!({"phase": "Succeeded", "containerStatuses": crashed})
        )),
        []
    );
    let mut deleted = pod(
        &spec,
        &json!({"phase": "Running", "containerStatuses": crashed}),
    );
    deleted["metadata"]["deletionTimestamp"] = json!("2026-03-01T10:05:00Z");
    assert_eq!(of_pod(&deleted), []);
    assert_eq!(of_pod(&json!({})), []);
    assert_eq!(
        of_pod(&json!({"status": {"containerStatuses": [null, {"state": 1}]}})),
        []
    );
}

fn unscheduled(requests: &[Value], message: &str) -> Vec<Trouble> {
    let containers: Vec<_> = requests
        .iter()
        .map(|it| json!({"name": "web", "resources": {"requests": it}}))
        .collect();
    let claim = json!({"name": "data", "persistentVolumeClaim": {"claimName": "data"}});
    let spec =
        json!({"containers": containers, "volumes": [{"name": "tmp", "emptyDir": {}}, claim]});
    let condition = json!({
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
    });
    of_pod(&pod(
        &spec,
        &json!({"phase": "Pending", "conditions": [condition]}),
    ))
}

#[test]
fn pods_without_a_node() {
    let one = [json!({"memory": "900Gi", "cpu": "64"})];
    let two = [
        json!({"memory": "1.5Gi", "cpu": "500m"}),
        json!({"memory": "512Mi", "cpu": "1"}),
        json!({}),
    ];
    let odd = [json!({"memory": "1e3"}), json!({"memory": "1Gi"})];
    check! { |(requests, reasons): (&[Value], &str)| {
            let preemption = "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";
            unscheduled(requests, &format!("0/3 nodes are available: {reasons}. {preemption}"))
        };
        ("memory", (&one, "3 Insufficient memory"), Hopeless, "no node has enough memory (it asks for 900Gi)"),
        ("processors", (&one, "3 Insufficient cpu"), Hopeless, "no node has enough processors (it asks for 64)"),
        ("both", (&one, "3 Insufficient cpu, 3 Insufficient memory"), Hopeless, "no node has enough processors \
            (it asks for 64), and no node has enough memory (it asks for 900Gi)"),
        ("the sum of memory", (&two, "3 Insufficient memory"), Hopeless,
            "no node has enough memory (it asks for 2Gi)"),
        ("the sum of processors", (&two, "3 Insufficient cpu"), Hopeless,
            "no node has enough processors (it asks for 1500m)"),
        ("no sum", (&odd, "3 Insufficient memory"), Hopeless,
            "no node has enough memory (it asks for 1e3 + 1Gi)"),
        ("a card", (&two, "3 Insufficient nvidia.com/gpu"), Hopeless, "no node has enough nvidia.com/gpu"),
        ("a new cluster", (&one, "3 Insufficient memory. no new claims to deallocate, "), Hopeless,
            "no node has enough memory (it asks for 900Gi)"),
        ("selector", (&one, "3 node(s) didn't match Pod's node affinity/selector"), Hopeless,
            "no node matches its node selector or affinity"),
        ("taint", (&one, "3 node(s) had untolerated taint {dedicated: db}"), Hopeless,
            "every node has a taint that it does not tolerate (dedicated: db)"),
        ("a node that starts", (&one, "3 node(s) had untolerated taint {node.kubernetes.io/not-ready: }"),
            Passing, "every node has a taint that it does not tolerate (node.kubernetes.io/not-ready)"),
        ("an old taint", (&one, "3 node(s) had taint {dedicated: db}, that the pod didn't tolerate"), Hopeless,
            "every node has a taint that it does not tolerate (dedicated: db)"),
        ("taints without names", (&one, "3 node(s) had untolerated taint(s)"), Once,
            "every node has a taint that it does not tolerate"),
        ("one of each", (&one, "1 Insufficient memory, 2 node(s) had untolerated taint \
            {node-role.kubernetes.io/control-plane: }"), Hopeless, "no node can take it (1 of 3: not enough memory \
            (it asks for 900Gi); 2 of 3: a taint that it does not tolerate (node-role.kubernetes.io/control-plane))"),
        ("cordoned", (&one, "3 node(s) were unschedulable"), Once, "every node is closed to new pods"),
        ("claim", (&one, "pod has unbound immediate PersistentVolumeClaims"), Once,
            "its volume claim data is not bound"),
        ("slow claim", (&one, "3 node(s) didn't find available persistent volumes to bind"), Passing,
            "its volume claim data is not bound"),
        ("no claim", (&one, "persistentvolumeclaim \"data\" not found"), Once,
            "its volume claim does not exist: persistentvolumeclaim \"data\" not found"),
        ("a volume elsewhere", (&one, "3 node(s) had volume node affinity conflict"), Once,
            "has no node: node(s) had volume node affinity conflict"),
        ("ports", (&one, "3 node(s) didn't have free ports for the requested pod ports"), Once,
            "has no node: node(s) didn't have free ports for the requested pod ports"),
    }
    assert_eq!(
        brief(&unscheduled(&one, "no nodes available to schedule pods")),
        [(Once, "has no node: no nodes available to schedule pods")]
    );
    assert_eq!(brief(&unscheduled(&one, "")), [(Once, "has no node")]);
    let gated = json!({"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"});
    assert_eq!(
        brief(&of_pod(&pod(
            &json!({}),
            &json!({"phase": "Pending", "conditions": [gated]})
        ))),
        [(Passing, "is held back by a scheduling gate")]
    );
}

fn event(kind: &str, reason: &str, message: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "type": kind,
        "reason": reason,
        "message": message,
        "count": 2,
        "involvedObject": {"kind": "Pod", "name": "web-7d-x2x4z", "fieldPath": "spec.containers{web}"},
        "source": {"component": "kubelet", "host": "node-1"},
    })
}

#[test]
fn events() {
    let warning = |(reason, message): (&str, &str)| -> Vec<Trouble> {
        of_event(&event("Warning", reason, message))
            .into_iter()
            .collect()
    };
    let quota = "pods \"web-x\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1";
    check! { warning;
        ("quota", ("FailedCreate", &format!("Error creating: {quota}")), Once, quota),
        ("stateful set", ("FailedCreate", &format!("create Pod db-0 in StatefulSet db failed error: {quota}")),
            Once, quota),
        ("webhook", ("FailedCreate", "Error creating: admission webhook \"policy.example.com\" denied the \
            request: no."), Once, "admission webhook \"policy.example.com\" denied the request: no"),
        ("young server", ("FailedCreate", "Error creating: pods is forbidden: User \
            \"system:serviceaccount:kube-system:job-controller\" cannot create resource \"pods\" in API group \"\" in the \
            namespace \"a\""), Passing, "pods is forbidden: User \"system:serviceaccount:kube-system:job-controller\" cannot \
            create resource \"pods\" in API group \"\" in the namespace \"a\""),
        ("lost server", ("FailedCreate", "Error creating: Post \"https://10.0.0.1:6443/api/v1/namespaces/a/pods\": \
            unexpected EOF"), Passing, "post \"https://10.0.0.1:6443/api/v1/namespaces/a/pods\": unexpected EOF"),
        ("mount", ("FailedMount", "MountVolume.SetUp failed for volume \"config\" : configmap \"settings\" not \
            found"), Once, "its volume `config` cannot be mounted: configmap \"settings\" not found"),
        ("early mount", ("FailedMount", "MountVolume.SetUp failed for volume \"kube-api-access-x\" : failed to \
            sync configmap cache: timed out waiting for the condition"), Passing, "its volume \
            `kube-api-access-x` cannot be mounted: failed to sync configmap cache: timed out waiting for the \
            condition"),
        ("slow mount", ("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[config]: timed \
            out waiting for the condition"), Passing, "its volumes cannot be mounted: unable to attach or mount \
            volumes: unmounted volumes=[config]: timed out waiting for the condition"),
        ("attach", ("FailedAttachVolume", "Multi-Attach error for volume \"pvc-1\" Volume is already used"),
            Passing, "its volumes cannot be attached: Multi-Attach error for volume \"pvc-1\" Volume is already \
            used"),
        ("readiness", ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500"), Once,
            "its readiness probe failed: HTTP probe failed with statuscode: 500"),
        ("liveness", ("Unhealthy", "Liveness probe failed: Get \"http://10.0.0.9/\": context deadline exceeded"),
            Once, "its liveness probe failed: Get \"http://10.0.0.9/\": context deadline exceeded"),
        ("silent", ("Unhealthy", "Startup probe failed: \n"), Once, "its startup probe failed"),
        ("provisioning", ("ProvisioningFailed", "storageclass.storage.k8s.io \"nope\" not found"), Once,
            "no volume can be made for it: storageclass.storage.k8s.io \"nope\" not found"),
        ("sandbox", ("FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: code = Unknown desc = \
            failed to setup network for sandbox \"5f0c\": plugin is not ready"), Passing, "its sandbox cannot be \
            made: failed to setup network for sandbox \"5f0c\": plugin is not ready"),
    }
    let words = warning(("Unhealthy", "Readiness probe failed: no"))
        .remove(0)
        .words;
    assert_eq!(words, Some(("web".to_owned(), false)));
    for (kind, reason) in [
        ("Warning", "FailedScheduling"),
        ("Warning", "BackOff"),
        ("Warning", "Failed"),
        ("Warning", "SomethingElse"),
        ("Normal", "FailedMount"),
        ("Normal", "Pulled"),
    ] {
        assert_eq!(
            of_event(&event(kind, reason, "any: thing")),
            None,
            "{kind} {reason}"
        );
    }
    assert_eq!(of_event(&json!({"type": "Warning"})), None);
}

#[test]
fn workloads() {
    let workload = |(kind, spec, condition): (&str, Value, [&str; 4])| {
        let [of, status, reason, message] = condition;
        let version = if kind == "Job" { "batch/v1" } else { "apps/v1" };
        let condition = json!({"type": of, "status": status, "reason": reason, "message": message});
        let conditions = [json!({"type": "Available", "status": "False"}), condition];
        of_workload(&json!({
            "apiVersion": version, "kind": kind, "spec": spec, "status": {"conditions": conditions},
        }))
    };
    let quota = "pods \"web-x\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1";
    let late = [
        "Progressing",
        "False",
        "ProgressDeadlineExceeded",
        "ReplicaSet \"web-7d\" has timed out progressing.",
    ];
    let backoff = [
        "Failed",
        "True",
        "BackoffLimitExceeded",
        "Job has reached the specified backoff limit",
    ];
    let deadline = [
        "Failed",
        "True",
        "DeadlineExceeded",
        "Job was active longer than specified deadline",
    ];
    let policy = [
        "Failed",
        "True",
        "PodFailurePolicy",
        "Container web failed with exit code 42",
    ];
    check! { workload;
        ("quota", ("Deployment", json!({}), ["ReplicaFailure", "True", "FailedCreate", quota]), Once, quota),
        ("its set", ("ReplicaSet", json!({}), ["ReplicaFailure", "True", "FailedCreate", ""]), Once,
            "a pod of it cannot be created"),
        ("late", ("Deployment", json!({"progressDeadlineSeconds": 600}), late), Hopeless,
            "made no progress within its deadline of 600 s: ReplicaSet \"web-7d\" has timed out progressing"),
        ("often", ("Job", json!({"backoffLimit": 6}), backoff), Hopeless,
            "failed more often than it may (its backoff limit is 6)"),
        ("once", ("Job", json!({"backoffLimit": 0}), backoff), Hopeless,
            "failed, and may not be tried again (its backoff limit is 0)"),
        ("long", ("Job", json!({"activeDeadlineSeconds": 60}), deadline), Hopeless, "took longer than it may (60 s)"),
        ("policy", ("Job", json!({}), policy), Hopeless,
            "failed: PodFailurePolicy: container web failed with exit code 42"),
    }
    for quiet in [
        (
            "Deployment",
            json!({}),
            ["Progressing", "True", "NewReplicaSetAvailable", ""],
        ),
        ("Deployment", json!({}), ["ReplicaFailure", "False", "", ""]),
        ("Job", json!({}), ["Complete", "True", "", ""]),
        ("StatefulSet", json!({}), ["ReplicaFailure", "True", "", ""]),
    ] {
        assert_eq!(workload(quiet), []);
    }
}
