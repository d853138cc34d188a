//! What a forward leads to: found among what is seen of the cluster. Without I/O.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::object::{Key, text};
use crate::standing::{self, Standing};
use crate::view::{Scope, View};

/// What is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    kind: Kind,
    pattern: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Service,
    Deployment,
    StatefulSet,
    Pod,
}

/// One way: its name, and the pod and port behind it, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) name: String,
    pub(crate) aims: Vec<Aim>,
    /// Why there is none.
    pub(crate) wrong: Option<String>,
}

/// A port of a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Aim {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) uid: String,
    pub(crate) port: u16,
}

impl Way {
    /// A way to what is not there.
    pub(crate) fn missing(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            aims: Vec::new(),
            wrong: None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Service => "service",
            Kind::Deployment => "deployment",
            Kind::StatefulSet => "statefulset",
            Kind::Pod => "pod",
        };
        write!(f, "{kind}/{}", self.pattern)
    }
}

impl Target {
    /// As a user writes it: a service's name, or a kind before the name.
    pub(crate) fn of(text: &str) -> Self {
        let (kind, pattern) = match text.split_once('/') {
            Some(("deployment" | "deployments" | "deploy", name)) => (Kind::Deployment, name),
            Some(("statefulset" | "statefulsets" | "sts", name)) => (Kind::StatefulSet, name),
            Some(("pod" | "pods" | "po", name)) => (Kind::Pod, name),
            Some((_, name)) => (Kind::Service, name),
            None => (Kind::Service, text),
        };
        Self {
            kind,
            pattern: pattern.to_owned(),
        }
    }

    pub(crate) fn pattern(&self) -> &str {
        &self.pattern
    }

    pub(crate) fn is_pattern(&self) -> bool {
        self.pattern.contains(['*', '?'])
    }

    /// What is watched for it besides pods.
    pub(crate) fn scope(&self, namespace: &str) -> Option<Scope> {
        let (group, kind) = match self.kind {
            Kind::Service => ("", "Service"),
            Kind::Deployment => ("apps", "Deployment"),
            Kind::StatefulSet => ("apps", "StatefulSet"),
            Kind::Pod => return None,
        };
        Some(Scope::beside(namespace, group, kind))
    }

    /// All that match, in the order of their names.
    pub(crate) fn find(&self, view: &View, namespace: &str, remote: &str) -> Vec<Way> {
        let [pods, ..] = Scope::of_workloads(namespace);
        let pods = view.all(&pods);
        let objects = match self.scope(namespace) {
            Some(scope) => view.all(&scope),
            None => pods.clone(),
        };
        let mut found = Vec::new();
        for object in objects {
            let name = Key::of(object).name;
            if !matches(&self.pattern, &name) {
                continue;
            }
            if self.kind == Kind::Pod && self.is_pattern() && !is_usable(object) {
                continue;
            }
            found.push(self.way(name, object, &pods, remote));
        }
        found
    }

    fn way(&self, name: String, object: &Value, pods: &[&Arc<Value>], remote: &str) -> Way {
        let selector = match self.kind {
            Kind::Pod => None,
            Kind::Service => Some(&object["spec"]["selector"]),
            Kind::Deployment | Kind::StatefulSet => {
                Some(&object["spec"]["selector"]["matchLabels"])
            }
        };
        let is_its = |pod: &Value| match selector {
            None => pod["metadata"]["uid"] == object["metadata"]["uid"],
            Some(selector) => selects(selector, pod),
        };
        let wanted = if self.kind == Kind::Service {
            target_port(object, remote)
        } else {
            Some(remote.to_owned())
        };
        let Some(wanted) = wanted else {
            let wrong = Some(format!("{self} has no port {remote}"));
            let aims = Vec::new();
            return Way { name, aims, wrong };
        };
        let its: Vec<&&Arc<Value>> = pods.iter().filter(|pod| is_its(pod)).collect();
        let mut wrong = match (its.is_empty(), selector.is_some_and(|it| !it.is_object())) {
            (_, true) => Some(format!("{self} selects no pods")),
            (true, _) => Some(format!("{self} has no pods")),
            _ => Some("no pod of it is ready".to_owned()),
        };
        let mut aims = Vec::new();
        for pod in its.into_iter().filter(|pod| is_usable(pod)) {
            match pod_port(pod, &wanted) {
                Some(port) => {
                    let key = Key::of(pod);
                    aims.push(Aim {
                        namespace: key.namespace.unwrap_or_default(),
                        pod: key.name,
                        uid: text(pod, &["metadata", "uid"])
                            .unwrap_or_default()
                            .to_owned(),
                        port,
                    });
                    wrong = None;
                }
                None => {
                    wrong = wrong.map(|_| format!("{} has no port {wanted}", Key::of(pod).short()));
                }
            }
        }
        if !aims.is_empty() {
            wrong = None;
        }
        Way { name, aims, wrong }
    }
}

/// Whether a pod is ready, and stays for now.
fn is_usable(pod: &Value) -> bool {
    standing::of(pod) == Standing::Current && !standing::has_completed(pod)
}

fn selects(selector: &Value, pod: &Value) -> bool {
    let labels = &pod["metadata"]["labels"];
    let wanted = selector.as_object();
    wanted.is_some_and(|wanted| {
        !wanted.is_empty() && wanted.iter().all(|(name, value)| labels[name] == *value)
    })
}

/// Where a service's port leads: a number, or the name of a container's port.
fn target_port(service: &Value, remote: &str) -> Option<String> {
    let ports = service["spec"]["ports"].as_array()?;
    let number: Option<u64> = Some(remote.parse().unwrap_or(0));
    let one = ports
        .iter()
        .find(|port| port["name"] == remote || port["port"].as_u64() == number)?;
    Some(match &one["targetPort"] {
        Value::String(name) => name.clone(),
        Value::Number(number) => number.to_string(),
        _ => one["port"].to_string(),
    })
}

/// A pod's port by number or name.
fn pod_port(pod: &Value, wanted: &str) -> Option<u16> {
    if let Ok(number) = wanted.parse() {
        return Some(number);
    }
    let containers = pod["spec"]["containers"].as_array()?;
    let mut ports = containers
        .iter()
        .filter_map(|container| container["ports"].as_array())
        .flatten();
    let port = ports.find(|port| port["name"] == wanted)?;
    port["containerPort"].as_u64()?.try_into().ok()
}

/// `*` stands for any letters, `?` for one; all of the name must match.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests;
