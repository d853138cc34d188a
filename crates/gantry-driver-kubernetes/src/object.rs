//! What an object is called.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What tells one object of a cluster from all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Key {
    /// The group; empty for the core.
    pub group: String,
    /// The version by which it was written.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; none for what belongs to the whole cluster, or is not said.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl Key {
    /// That of an object of a kind without a group, as pods are.
    pub fn core(kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self {
            group: String::new(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// That of an object.
    pub fn of(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let api = text(&object["apiVersion"]);
        let (group, version) = match api.split_once('/') {
            Some((group, version)) => (group.to_owned(), version.to_owned()),
            None => (String::new(), api),
        };
        let metadata = &object["metadata"];
        Self {
            group,
            version,
            kind: text(&object["kind"]),
            namespace: metadata["namespace"].as_str().map(str::to_owned),
            name: text(&metadata["name"]),
        }
    }

    /// Whether both name the same thing, whatever the version.
    pub fn is_same(&self, other: &Self) -> bool {
        let whole = |key: &Self| {
            (
                key.group.clone(),
                key.kind.clone(),
                key.namespace.clone(),
                key.name.clone(),
            )
        };
        whole(self) == whole(other)
    }

    /// Kind and name as users write them: `deployment/web`.
    pub fn short(&self) -> String {
        format!("{}/{}", self.kind.to_lowercase(), self.name)
    }

    /// Whether the cluster itself has its kind, and not an operator: the groups of those have a dot in their names.
    pub(crate) fn is_built_in(&self) -> bool {
        !self.group.contains('.') || self.group.ends_with(".k8s.io")
    }

    /// Whether it runs something: pods, or what makes them.
    pub fn is_workload(&self) -> bool {
        matches!(
            (self.group.as_str(), self.kind.as_str()),
            ("", "Pod" | "ReplicationController")
                | (
                    "apps",
                    "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet"
                )
                | ("batch", "Job" | "CronJob")
        )
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())?;
        match &self.namespace {
            Some(namespace) => write!(f, " in {namespace}"),
            None => Ok(()),
        }
    }
}

/// In which order things are made, and in reverse unmade: what others need comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// Namespaces.
    Namespace,
    /// Definitions of kinds.
    Definition,
    /// What workloads read, use and are reached by.
    Configuration,
    /// What runs.
    Workload,
    /// Everything else, objects of defined kinds among it.
    Rest,
}

impl Rank {
    /// All, in order.
    pub const ALL: [Self; 5] = [
        Self::Namespace,
        Self::Definition,
        Self::Configuration,
        Self::Workload,
        Self::Rest,
    ];

    /// That of an object.
    pub fn of(key: &Key) -> Self {
        if key.is_workload() {
            return Self::Workload;
        }
        match (key.group.as_str(), key.kind.as_str()) {
            ("", "Namespace") => Self::Namespace,
            ("apiextensions.k8s.io", "CustomResourceDefinition") => Self::Definition,
            (
                ""
                | "rbac.authorization.k8s.io"
                | "storage.k8s.io"
                | "scheduling.k8s.io"
                | "node.k8s.io"
                | "apiregistration.k8s.io",
                _,
            )
            | ("networking.k8s.io", "NetworkPolicy" | "IngressClass") => Self::Configuration,
            _ => Self::Rest,
        }
    }
}

/// The items of a list of an object; none where there is no list.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

/// A field of an object, by a path of names.
/// Who made an object, and keeps it, as the object says.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    owners.iter().find(|owner| owner["controller"] == true)
}

pub(crate) fn text<'a>(object: &'a Value, path: &[&str]) -> Option<&'a str> {
    path.iter()
        .try_fold(object, |value, name| value.get(name))
        .and_then(Value::as_str)
}

#[cfg(test)]
mod tests;
