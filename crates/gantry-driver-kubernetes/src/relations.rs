//! What refers to what among the objects that services consist of: for one who wants to see it drawn. Without I/O.
//!
//! | from | to | as it is read |
//! |---|---|---|
//! | a Service, a budget, a network policy | workloads | their pods have its labels |
//! | an Ingress, a route | Services, certificates, gateways | by name |
//! | an autoscaler | what it scales | by kind and name |
//! | a workload | configuration, secrets, claims, accounts | its pods mount, read or run as it |
//! | a stateful set | its Service | by name |
//! | a binding | a role, accounts | by name |
//!
//! What is named and not among the objects is drawn all the same, as one that must be there already.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::object::{Key, list};

/// Objects, and what refers to what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Relations {
    /// The objects, as in `deployment/web`, in the order in which they were given; those that are only named come last.
    pub objects: Vec<Drawn>,
    /// What refers to what.
    pub edges: Vec<Relation>,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drawn {
    /// Its kind and name.
    pub name: String,
    /// What of its kind it is, for colours: `workload`, `network`, `configuration`, `storage`, `access` or `other`.
    pub family: &'static str,
    /// Whether it is only named, and must be there already.
    pub missing: bool,
}

/// A reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Relation {
    /// The name of the object that refers.
    pub from: String,
    /// The name of what it refers to.
    pub to: String,
    /// How: `selects`, `routes to`, `mounts`, …
    pub how: &'static str,
}

/// Reads them.
pub fn of(objects: &[Value]) -> Relations {
    let mut found = Relations::default();
    for object in objects {
        let name = Key::of(object).short();
        if !found.objects.iter().any(|one| one.name == name) {
            found.objects.push(Drawn {
                family: family(&Key::of(object).kind.to_lowercase()),
                name,
                missing: false,
            });
        }
    }
    let mut edges = BTreeSet::new();
    for object in objects {
        let mut draw = |how, kind: &str, name: &str| {
            if !name.is_empty() {
                edges.insert(Relation {
                    from: Key::of(object).short(),
                    to: format!("{}/{name}", kind.to_lowercase()),
                    how,
                });
            }
        };
        named(object, &mut draw);
        if let Some(pods) = template(object) {
            of_pods(pods, &mut draw);
        }
        for other in selected(object, objects) {
            let key = Key::of(other);
            draw("selects", &key.kind, &key.name);
        }
    }
    for edge in &edges {
        if !found.objects.iter().any(|one| one.name == edge.to) {
            let kind = edge.to.split('/').next().unwrap_or_default();
            found.objects.push(Drawn {
                family: family(kind),
                name: edge.to.clone(),
                missing: true,
            });
        }
    }
    found.edges = edges.into_iter().collect();
    found
}

fn family(kind: &str) -> &'static str {
    match kind {
        "deployment"
        | "statefulset"
        | "daemonset"
        | "replicaset"
        | "job"
        | "cronjob"
        | "pod"
        | "replicationcontroller"
        | "horizontalpodautoscaler"
        | "poddisruptionbudget" => "workload",
        "service" | "ingress" | "ingressclass" | "networkpolicy" | "endpoints"
        | "endpointslice" | "gateway" | "httproute" | "grpcroute" | "tcproute" | "tlsroute"
        | "udproute" => "network",
        "configmap" | "secret" => "configuration",
        "persistentvolume" | "persistentvolumeclaim" | "storageclass" => "storage",
        "serviceaccount" | "role" | "rolebinding" | "clusterrole" | "clusterrolebinding" => {
            "access"
        }
        _ => "other",
    }
}

/// What its pods are made of.
fn template(object: &Value) -> Option<&Value> {
    let spec = &object["spec"];
    let found = match object["kind"].as_str()? {
        "Pod" => object,
        "CronJob" => &spec["jobTemplate"]["spec"]["template"],
        _ => &spec["template"],
    };
    found["spec"]["containers"].is_array().then_some(found)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// What is named in the fields of its kind.
fn named(object: &Value, draw: &mut impl FnMut(&'static str, &str, &str)) {
    let spec = &object["spec"];
    match object["kind"].as_str().unwrap_or_default() {
        "Ingress" => {
            draw(
                "routes to",
                "service",
                text(&spec["defaultBackend"]["service"], "name"),
            );
            draw("is of", "ingressclass", text(spec, "ingressClassName"));
            for rule in list(spec, "rules") {
                for path in list(&rule["http"], "paths") {
                    draw(
                        "routes to",
                        "service",
                        text(&path["backend"]["service"], "name"),
                    );
                }
            }
            for tls in list(spec, "tls") {
                draw("is known by", "secret", text(tls, "secretName"));
            }
        }
        kind if kind.ends_with("Route") => {
            for parent in list(spec, "parentRefs") {
                let kind = parent["kind"].as_str().unwrap_or("gateway");
                draw("hangs on", kind, text(parent, "name"));
            }
            for rule in list(spec, "rules") {
                for backend in list(rule, "backendRefs") {
                    let kind = backend["kind"].as_str().unwrap_or("service");
                    draw("routes to", kind, text(backend, "name"));
                }
            }
        }
        "HorizontalPodAutoscaler" => {
            let target = &spec["scaleTargetRef"];
            draw("scales", text(target, "kind"), text(target, "name"));
        }
        "StatefulSet" => draw("is named by", "service", text(spec, "serviceName")),
        "PersistentVolumeClaim" => {
            draw("is of", "storageclass", text(spec, "storageClassName"));
            draw("is", "persistentvolume", text(spec, "volumeName"));
        }
        "RoleBinding" | "ClusterRoleBinding" => {
            let role = &object["roleRef"];
            draw("gives", text(role, "kind"), text(role, "name"));
            for subject in list(object, "subjects") {
                if subject["kind"] == "ServiceAccount" {
                    draw("to", "serviceaccount", text(subject, "name"));
                }
            }
        }
        "ServiceAccount" => {
            for secret in list(object, "imagePullSecrets") {
                draw("pulls with", "secret", text(secret, "name"));
            }
        }
        _ => {}
    }
}

/// What pods mount, read and run as.
fn of_pods(template: &Value, draw: &mut impl FnMut(&'static str, &str, &str)) {
    let spec = &template["spec"];
    draw(
        "runs as",
        "serviceaccount",
        text(spec, "serviceAccountName"),
    );
    for secret in list(spec, "imagePullSecrets") {
        draw("pulls with", "secret", text(secret, "name"));
    }
    for volume in list(spec, "volumes") {
        draw("mounts", "configmap", text(&volume["configMap"], "name"));
        draw("mounts", "secret", text(&volume["secret"], "secretName"));
        let claim = &volume["persistentVolumeClaim"];
        draw("mounts", "persistentvolumeclaim", text(claim, "claimName"));
        for source in list(&volume["projected"], "sources") {
            draw("mounts", "configmap", text(&source["configMap"], "name"));
            draw("mounts", "secret", text(&source["secret"], "name"));
        }
    }
    for container in list(spec, "initContainers").chain(list(spec, "containers")) {
        for from in list(container, "envFrom") {
            draw("reads", "configmap", text(&from["configMapRef"], "name"));
            draw("reads", "secret", text(&from["secretRef"], "name"));
        }
        for variable in list(container, "env") {
            let from = &variable["valueFrom"];
            draw("reads", "configmap", text(&from["configMapKeyRef"], "name"));
            draw("reads", "secret", text(&from["secretKeyRef"], "name"));
        }
    }
}

/// The workloads whose pods have the labels that it selects.
fn selected<'a>(object: &Value, objects: &'a [Value]) -> Vec<&'a Value> {
    let spec = &object["spec"];
    let wanted = match object["kind"].as_str().unwrap_or_default() {
        "Service" => &spec["selector"],
        "PodDisruptionBudget" => &spec["selector"]["matchLabels"],
        "NetworkPolicy" => &spec["podSelector"]["matchLabels"],
        _ => return Vec::new(),
    };
    let Some(wanted) = wanted.as_object().filter(|wanted| !wanted.is_empty()) else {
        return Vec::new();
    };
    let has = |other: &&Value| {
        let namespace = |object: &Value| object["metadata"]["namespace"].clone();
        let labels = template(other).map(|template| &template["metadata"]["labels"]);
        namespace(object) == namespace(other)
            && labels.is_some_and(|labels| {
                wanted
                    .iter()
                    .all(|(name, value)| labels.get(name) == Some(value))
            })
    };
    objects.iter().filter(has).collect()
}

#[cfg(test)]
mod tests;
