//! Objects as the API server sends them, and how they stand.

use serde_json::{Value, json};

use super::Standing::{self, Current, Failed, InProgress, Terminating};
use super::{has_completed, named, of, plain};

fn progress(what: &str) -> Standing {
    InProgress(what.to_owned())
}

fn failed(what: &str) -> Standing {
    Failed(what.to_owned())
}

fn object(version: &str, kind: &str, spec: &Value, status: &Value) -> Value {
    json!({
        "apiVersion": version,
        "kind": kind,
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "uid": "6f1a8d0e-5a46-4a3e-9f0e-0d0b5f9a7a11",
            "generation": 2,
            "creationTimestamp": "2026-03-01T10:00:00Z",
        },
        "spec": spec,
        "status": status,
    })
}

/// Checks objects of one kind: the name of the case, its spec, its status, and how it stands.
macro_rules! check {
    ($version:literal, $kind:literal; $(($name:literal, $spec:expr, $status:expr, $expected:expr),)+) => {
        $(assert_eq!(of(&object($version, $kind, &$spec, &$status)), $expected, "{}: {}", $kind, $name);)+
    };
}

fn holds(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-03-01T10:00:05Z",
    })
}

fn available() -> Value {
    holds(
        "Available",
        "True",
        "MinimumReplicasAvailable",
        "Deployment has minimum availability.",
    )
}

fn rolled_out() -> Value {
    holds(
        "Progressing",
        "True",
        "NewReplicaSetAvailable",
        "ReplicaSet \"web-7d\" has successfully progressed.",
    )
}

fn rolling() -> Value {
    holds(
        "Progressing",
        "True",
        "ReplicaSetUpdated",
        "ReplicaSet \"web-7d\" is progressing.",
    )
}

#[test]
fn deployments() {
    let spec = json!({"replicas": 3, "progressDeadlineSeconds": 600, "strategy": {"type": "RollingUpdate"}});
    let one = json!({"progressDeadlineSeconds": 600});
    let none = json!({"replicas": 0, "progressDeadlineSeconds": 600});
    check! { "apps/v1", "Deployment";
        ("is there", spec, json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3,
            "readyReplicas": 3, "availableReplicas": 3, "conditions": [available(), rolled_out()]}), Current),
        ("nothing seen", spec, json!({}), progress("0 of 3 pods are there")),
        ("old generation", spec, json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3,
            "readyReplicas": 3, "availableReplicas": 3, "conditions": [available(), rolled_out()]}),
            progress("the controller has not seen the newest change yet")),
        ("one is there", spec, json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1}),
            progress("1 of 3 pods is there")),
        ("default of one", one, json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1,
            "unavailableReplicas": 1}), progress("0 of 1 pod is ready")),
        ("rolls", spec, json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 2,
            "readyReplicas": 3, "availableReplicas": 3, "conditions": [available(), rolling()]}),
            progress("2 of 3 pods are up to date")),
        ("old ones are left", spec, json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 3,
            "readyReplicas": 4, "availableReplicas": 4, "conditions": [available(), rolling()]}),
            progress("1 old pod has not ended yet")),
        ("some are ready", spec, json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3,
            "readyReplicas": 1, "availableReplicas": 1, "conditions": [rolling()]}),
            progress("1 of 3 pods is ready")),
        ("ready, but not for long enough", spec, json!({"observedGeneration": 2, "replicas": 3,
            "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 2, "conditions": [available(),
            rolling()]}), progress("2 of 3 pods are available")),
        ("still progressing", spec, json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3,
            "readyReplicas": 3, "availableReplicas": 3, "conditions": [available(), rolling()]}),
            progress("its newest pods are not available yet")),
        ("not available", spec, json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3,
            "readyReplicas": 3, "availableReplicas": 3, "conditions": [rolled_out(), holds("Available", "False",
            "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")]}),
            progress("deployment does not have minimum availability")),
        ("no deadline", json!({"replicas": 1, "progressDeadlineSeconds": 2_147_483_647}), json!({
            "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas":
            1, "conditions": [available()]}), Current),
        ("paused", json!({"replicas": 1, "progressDeadlineSeconds": 600, "paused": true}), json!({
            "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas":
            1, "conditions": [available(), holds("Progressing", "Unknown", "DeploymentPaused",
            "Deployment is paused")]}), progress("is paused")),
        ("past its deadline", spec, json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3,
            "unavailableReplicas": 3, "conditions": [holds("Progressing", "False", "ProgressDeadlineExceeded",
            "ReplicaSet \"web-7d\" has timed out progressing.")]}),
            failed("ReplicaSet \"web-7d\" has timed out progressing")),
        ("none wanted", none, json!({"observedGeneration": 2, "conditions": [rolling()]}), Current),
        ("none wanted, two left", none, json!({"observedGeneration": 2, "replicas": 2, "readyReplicas": 2,
            }), progress("2 old pods have not ended yet")),
        ("none wanted, one ends", none, json!({"observedGeneration": 2, "terminatingReplicas": 1}),
            progress("1 old pod has not ended yet")),
    }
}

#[test]
fn stateful_sets() {
    let rolling = json!({
        "replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    });
    let bare = json!({"replicas": 2, "updateStrategy": {"type": "RollingUpdate"}});
    let half = json!({
        "replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
    });
    check! { "apps/v1", "StatefulSet";
        ("is there", rolling, json!({"observedGeneration": 2, "replicas": 3, "readyReplicas": 3,
            "currentReplicas": 3, "updatedReplicas": 3, "currentRevision": "db-6c", "updateRevision": "db-6c"}),
            Current),
        ("starts in order", rolling, json!({"observedGeneration": 2, "replicas": 2, "readyReplicas": 1,
            "currentReplicas": 2, "updatedReplicas": 2}), progress("2 of 3 pods are there")),
        ("the last starts", rolling, json!({"observedGeneration": 2, "replicas": 3, "readyReplicas": 2,
            "currentReplicas": 3, "updatedReplicas": 3}), progress("2 of 3 pods are ready")),
        ("shrinks", rolling, json!({"observedGeneration": 2, "replicas": 5, "readyReplicas": 5,
            "currentReplicas": 5, "updatedReplicas": 5}), progress("2 old pods have not ended yet")),
        ("rolls", rolling, json!({"observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "currentReplicas": 2,
            "updatedReplicas": 1, "currentRevision": "db-6c", "updateRevision": "db-7f"}),
            progress("1 of 3 pods is up to date")),
        ("up to its partition", half, json!({"observedGeneration": 2, "replicas": 3, "readyReplicas": 3,
            "currentReplicas": 2, "updatedReplicas": 1, "currentRevision": "db-6c", "updateRevision": "db-7f"}),
            Current),
        ("before its partition", half, json!({"observedGeneration": 2, "replicas": 3, "readyReplicas": 3,
            "currentReplicas": 3, "currentRevision": "db-6c", "updateRevision": "db-7f"}),
            progress("0 of 1 pod is up to date")),
        ("no partition, rolls", bare, json!({"observedGeneration": 2, "replicas": 2, "readyReplicas": 2,
            "currentReplicas": 1, "updatedReplicas": 1, "currentRevision": "db-6c", "updateRevision": "db-7f"}),
            progress("1 of 2 pods is up to date")),
        ("no partition, two revisions", bare, json!({"observedGeneration": 2, "replicas": 2, "readyReplicas": 2,
            "currentReplicas": 2, "updatedReplicas": 2, "currentRevision": "db-6c", "updateRevision": "db-7f"}),
            progress("its newest revision is not the current one yet")),
        ("by hand", json!({"replicas": 3, "updateStrategy": {"type": "OnDelete"}}), json!({"observedGeneration": 2,
            "replicas": 3}), Current),
        ("none wanted", json!({"replicas": 0}), json!({"observedGeneration": 2, "replicas": 0, "currentRevision":
            "db-6c", "updateRevision": "db-7f"}), Current),
    }
}

#[test]
fn daemon_sets() {
    let rolling = json!({"updateStrategy": {"type": "RollingUpdate"}});
    check! { "apps/v1", "DaemonSet";
        ("is there", rolling, json!({"observedGeneration": 2, "desiredNumberScheduled": 2,
            "currentNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2, "numberAvailable": 2,
            "numberMisscheduled": 0}), Current),
        ("not seen", rolling, json!({"desiredNumberScheduled": 0, "currentNumberScheduled": 0,
            "numberReady": 0, "numberMisscheduled": 0}), progress("the controller has not seen it yet")),
        ("few are there", rolling, json!({"observedGeneration": 2, "desiredNumberScheduled": 3,
            "currentNumberScheduled": 1}), progress("1 of 3 pods is there")),
        ("rolls", rolling, json!({"observedGeneration": 2, "desiredNumberScheduled": 3,
            "currentNumberScheduled": 3, "updatedNumberScheduled": 1, "numberReady": 3, "numberAvailable": 3}),
            progress("1 of 3 pods is up to date")),
        ("by hand", json!({"updateStrategy": {"type": "OnDelete"}}), json!({"observedGeneration": 2,
            "desiredNumberScheduled": 3, "currentNumberScheduled": 3, "numberReady": 3, "numberAvailable": 3}),
            Current),
        ("starts", rolling, json!({"observedGeneration": 2, "desiredNumberScheduled": 1,
            "currentNumberScheduled": 1, "updatedNumberScheduled": 1, "numberReady": 0}),
            progress("0 of 1 pod is ready")),
        ("waits", rolling, json!({"observedGeneration": 2, "desiredNumberScheduled": 2,
            "currentNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2, "numberAvailable": 1}),
            progress("1 of 2 pods is available")),
        ("no node for it", rolling, json!({"observedGeneration": 2, "desiredNumberScheduled": 0,
            "currentNumberScheduled": 0, "numberReady": 0}), Current),
    }
}

#[test]
fn replica_sets() {
    let spec = json!({"replicas": 2});
    let quota = "pods \"web-x2\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1";
    check! { "apps/v1", "ReplicaSet";
        ("is there", spec, json!({"observedGeneration": 2, "replicas": 2, "fullyLabeledReplicas": 2,
            "readyReplicas": 2, "availableReplicas": 2}), Current),
        ("may not", spec, json!({"observedGeneration": 2, "replicas": 1, "fullyLabeledReplicas": 1,
            "readyReplicas": 1, "availableReplicas": 1, "conditions": [holds("ReplicaFailure", "True",
            "FailedCreate", quota)]}), progress(quota)),
        ("starts", spec, json!({"observedGeneration": 2, "replicas": 2, "fullyLabeledReplicas": 2,
            "readyReplicas": 1}), progress("1 of 2 pods is ready")),
        ("shrinks", spec, json!({"observedGeneration": 2, "replicas": 3, "fullyLabeledReplicas": 3,
            "readyReplicas": 3, "availableReplicas": 3}), progress("1 old pod has not ended yet")),
        ("none wanted", json!({"replicas": 0}), json!({"observedGeneration": 2, "replicas": 0}), Current),
    }
}

#[test]
fn jobs() {
    let start = "2026-03-01T10:00:01Z";
    let spec = json!({"parallelism": 2, "completions": 3, "backoffLimit": 6, "completionMode": "NonIndexed"});
    let one = json!({"parallelism": 1, "completions": 1});
    check! { "batch/v1", "Job";
        ("done", one, json!({"startTime": start, "succeeded": 1, "completionTime": start, "conditions":
            [holds("SuccessCriteriaMet", "True", "CompletionsReached", "Reached expected number of succeeded pods"),
            holds("Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods")]}),
            Current),
        ("failed", one, json!({"startTime": start, "failed": 7, "conditions": [holds("Failed", "True",
            "BackoffLimitExceeded", "Job has reached the specified backoff limit")]}),
            failed("BackoffLimitExceeded: job has reached the specified backoff limit")),
        ("not started", one, json!({}), progress("has not started yet")),
        ("runs", one, json!({"startTime": start, "active": 1, "ready": 1}),
            progress("0 of 1 pod has succeeded, 1 is running")),
        ("starts", one, json!({"startTime": start, "active": 1, "ready": 0, "failed": 2}),
            progress("0 of 1 pod has succeeded, 1 is starting, 2 have failed")),
        ("runs on an old cluster", spec, json!({"startTime": start, "succeeded": 1, "active": 2}),
            progress("1 of 3 pods has succeeded, 2 are running")),
        ("almost", spec, json!({"startTime": start, "succeeded": 2, "active": 1, "ready": 1, "failed": 1}),
            progress("2 of 3 pods have succeeded, 1 is running, 1 has failed")),
        ("suspended", json!({"suspend": true}), json!({"conditions": [holds("Suspended", "True", "JobSuspended",
            "Job suspended")]}), Current),
        ("resumed", one, json!({"startTime": start, "active": 1, "conditions": [holds("Suspended", "False",
            "JobResumed", "Job resumed")]}), progress("0 of 1 pod has succeeded, 1 is running")),
    }
}

#[test]
fn pods() {
    let spec = json!({"containers": [{"name": "web"}, {"name": "log"}], "restartPolicy": "Always"});
    check! { "v1", "Pod";
        ("ready", spec, json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
            Current),
        ("one container", spec, json!({"phase": "Running", "conditions": [holds("Ready", "False",
            "ContainersNotReady", "containers with unready status: [web]")], "containerStatuses": [{"name": "log",
            "ready": true}, {"name": "web", "ready": false}]}), progress("1 of 2 containers is ready")),
        ("its only container", spec, json!({"phase": "Running", "containerStatuses": [{"name": "web",
            "ready": false}]}), progress("0 of 1 container is ready")),
        ("a gate", spec, json!({"phase": "Running", "conditions": [holds("Ready", "False",
            "ReadinessGatesNotReady",
            "corresponding condition of pod readiness gate \"example.com/lb\" does not exist.")],
            "containerStatuses": [{"name": "web", "ready": true}]}),
            progress("corresponding condition of pod readiness gate \"example.com/lb\" does not exist")),
        ("done", spec, json!({"phase": "Succeeded"}), Current),
        ("evicted", spec, json!({"phase": "Failed", "reason": "Evicted", "message":
            "The node was low on resource: memory. "}), failed("the node was low on resource: memory")),
        ("failed with a reason", spec, json!({"phase": "Failed", "reason": "NodeLost"}), failed("NodeLost")),
        ("failed by its container", spec, json!({"phase": "Failed", "containerStatuses": [{"name": "web",
            "state": {"terminated": {"exitCode": 3, "reason": "Error"}}}]}),
            failed("its container `web` ended with exit code 3")),
        ("no node", spec, json!({"phase": "Pending", "conditions": [holds("PodScheduled", "False",
            "Unschedulable", "0/1 nodes are available: 1 Insufficient memory.")]}),
            progress("0/1 nodes are available: 1 Insufficient memory")),
        ("no node yet", spec, json!({"phase": "Pending"}), progress("has no node yet")),
        ("on its node", spec, json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status":
            "True"}]}), progress("its containers are not running yet")),
        ("away", spec, json!({"phase": "Unknown"}), progress("its node does not answer")),
        ("new", spec, json!({}), progress("the controller has not seen it yet")),
    }
}

#[test]
fn services_and_claims() {
    check! { "v1", "Service";
        ("inside", json!({"type": "ClusterIP", "clusterIP": "10.96.0.20"}), json!({"loadBalancer": {}}), Current),
        ("no address", json!({"type": "LoadBalancer", "clusterIP": "10.96.0.21"}), json!({"loadBalancer": {}}),
            progress("has no address of a load balancer yet")),
        ("an address", json!({"type": "LoadBalancer", "clusterIP": "10.96.0.21"}), json!({"loadBalancer":
            {"ingress": [{"ip": "203.0.113.7"}]}}), Current),
    }
    check! { "v1", "PersistentVolumeClaim";
        ("bound", json!({"storageClassName": "standard", "volumeName": "pvc-1"}), json!({"phase": "Bound"}),
            Current),
        ("lost", json!({"storageClassName": "standard", "volumeName": "pvc-1"}), json!({"phase": "Lost"}),
            failed("its volume is lost")),
        ("pending", json!({"storageClassName": "standard"}), json!({"phase": "Pending"}),
            progress("no volume of the storage class `standard` is bound to it yet")),
        ("without a class", json!({"storageClassName": ""}), json!({"phase": "Pending"}),
            progress("no volume is bound to it yet")),
    }
    check! { "networking.k8s.io/v1", "Ingress";
        ("any", json!({}), json!({"loadBalancer": {}}), Current),
    }
    check! { "batch/v1", "CronJob";
        ("any", json!({"schedule": "@daily"}), json!({}), Current),
    }
    check! { "policy/v1", "PodDisruptionBudget";
        ("any", json!({"minAvailable": 1}), json!({"observedGeneration": 2, "disruptionsAllowed": 0, "conditions":
            [holds("DisruptionAllowed", "False", "InsufficientPods", "")]}), Current),
    }
}

#[test]
fn definitions() {
    let accepted = || holds("NamesAccepted", "True", "NoConflicts", "no conflicts found");
    check! { "apiextensions.k8s.io/v1", "CustomResourceDefinition";
        ("is there", json!({}), json!({"conditions": [accepted(), holds("Established", "True",
            "InitialNamesAccepted", "the initial names have been accepted")]}), Current),
        ("installs", json!({}), json!({"conditions": [accepted(), holds("Established", "False", "Installing",
            "the initial names have been accepted")]}), progress("is not established yet")),
        ("new", json!({}), json!({}), progress("is not established yet")),
        ("conflict", json!({}), json!({"conditions": [holds("NamesAccepted", "False", "ListKindConflict",
            "\"ShopList\" is already in use"), holds("Established", "False", "NotAccepted",
            "not all names are accepted")]}), failed("ListKindConflict: \"ShopList\" is already in use")),
    }
    check! { "apiregistration.k8s.io/v1", "APIService";
        ("is there", json!({}), json!({"conditions": [holds("Available", "True", "Passed", "all checks passed")]}),
            Current),
        ("no pods", json!({}), json!({"conditions": [holds("Available", "False", "MissingEndpoints",
            "endpoints for service/metrics-server in \"kube-system\" have no addresses")]}),
            progress("endpoints for service/metrics-server in \"kube-system\" have no addresses")),
        ("new", json!({}), json!({}), progress("is not available yet")),
    }
}

#[test]
fn whatever_has_conditions() {
    check! { "cert-manager.io/v1", "Certificate";
        ("ready", json!({}), json!({"observedGeneration": 2, "conditions": [holds("Ready", "True", "Ready",
            "up to date")]}), Current),
        ("not ready", json!({}), json!({"conditions": [holds("Ready", "False", "DoesNotExist",
            "Issuing certificate as Secret does not exist.")]}),
            progress("DoesNotExist: issuing certificate as Secret does not exist")),
        ("not known", json!({}), json!({"conditions": [holds("Ready", "Unknown", "", "")]}),
            progress("is not ready yet")),
        ("other conditions", json!({}), json!({"conditions": [holds("Issuing", "True", "", "")]}), Current),
        ("reconciles", json!({}), json!({"conditions": [holds("Ready", "True", "", ""), holds("Reconciling", "True",
            "Progressing", "building artifact")]}), progress("building artifact")),
        ("stalls", json!({}), json!({"conditions": [holds("Ready", "False", "", ""), holds("Stalled", "True",
            "InvalidUrl", "Cannot parse the address.")]}), failed("cannot parse the address")),
        ("stalled before", json!({}), json!({"conditions": [holds("Stalled", "False", "", "")]}), Current),
        ("old", json!({}), json!({"observedGeneration": 1, "conditions": [holds("Ready", "True", "", "")]}),
            progress("the controller has not seen the newest change yet")),
        ("no conditions", json!({}), json!({"phase": "Active"}), Current),
    }
}

#[test]
fn what_has_no_status_is_there() {
    for (version, kind) in [
        ("v1", "ConfigMap"),
        ("v1", "Secret"),
        ("rbac.authorization.k8s.io/v1", "Role"),
        ("v1", "ServiceAccount"),
    ] {
        let object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "web"}, "data": {"a": "b"}});
        assert_eq!(of(&object), Current, "{kind}");
    }
    assert_eq!(of(&json!(null)), Current);
    assert_eq!(
        of(&json!({"status": {"conditions": "none", "observedGeneration": "x"}})),
        Current
    );
}

#[test]
fn a_kind_of_another_group_is_not_ours() {
    let status = json!({"conditions": [holds("Ready", "True", "", "")]});
    check! { "serving.knative.dev/v1", "Service";
        ("ready", json!({"type": "LoadBalancer"}), status, Current),
    }
}

#[test]
fn what_is_being_deleted() {
    let mut pod = object(
        "v1",
        "Pod",
        &json!({}),
        &json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
    );
    pod["metadata"]["deletionTimestamp"] = json!("2026-03-01T10:05:00Z");
    for (finalizers, expected) in [
        (json!(null), "is being deleted"),
        (json!([]), "is being deleted"),
        (
            json!(["kubernetes.io/pvc-protection"]),
            "is held by its finalizer `kubernetes.io/pvc-protection`",
        ),
        (
            json!(["foregroundDeletion", "example.com/bucket"]),
            "is held by its finalizers `foregroundDeletion` and `example.com/bucket`",
        ),
    ] {
        pod["metadata"]["finalizers"] = finalizers;
        assert_eq!(of(&pod), Terminating(expected.to_owned()));
    }
}

#[test]
fn what_has_completed() {
    let complete = json!({"conditions": [holds("Complete", "True", "", "")]});
    let failed = json!({"conditions": [holds("Failed", "True", "", "")]});
    for (version, kind, status, expected) in [
        ("batch/v1", "Job", &complete, true),
        ("batch/v1", "Job", &failed, false),
        ("batch/v1", "Job", &json!({"active": 1}), false),
        ("example.com/v1", "Job", &complete, false),
        ("v1", "Pod", &json!({"phase": "Succeeded"}), true),
        ("v1", "Pod", &json!({"phase": "Running"}), false),
        (
            "apps/v1",
            "Deployment",
            &json!({"phase": "Succeeded"}),
            false,
        ),
    ] {
        assert_eq!(
            has_completed(&object(version, kind, &json!({}), status)),
            expected,
            "{kind}: {status}"
        );
    }
}

#[test]
fn sentences_of_others() {
    for (from, to) in [
        ("Deployment is paused", "deployment is paused"),
        (
            "ReplicaSet \"web\" is progressing.",
            "ReplicaSet \"web\" is progressing",
        ),
        (
            "HTTP probe failed with statuscode: 500",
            "HTTP probe failed with statuscode: 500",
        ),
        (
            "Get \"http://10.0.0.1/\": EOF",
            "Get \"http://10.0.0.1/\": EOF",
        ),
        ("Élan vital.\n", "élan vital"),
        ("", ""),
    ] {
        assert_eq!(plain(from), to);
    }
    assert_eq!(named(&["a", "b", "c"]), "`a`, `b` and `c`");
    assert_eq!(named(&[]), "");
}
