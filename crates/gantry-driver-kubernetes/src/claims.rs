//! The claims that stateful sets have made for their pods. They hold data, outlive pods and sets, and stand in no manifest.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::object::Key;

/// Those of these pods: what a volume of a pod is bound to that its set has a template for.
pub(crate) fn of_pods(sets: &[Arc<Value>], pods: &[Arc<Value>]) -> Vec<Key> {
    let mut found = Vec::new();
    for pod in pods {
        let owners = pod["metadata"]["ownerReferences"].as_array();
        let owners: HashSet<&str> = owners
            .into_iter()
            .flatten()
            .filter_map(|owner| owner["uid"].as_str())
            .collect();
        let is_owner = |set: &&Arc<Value>| {
            let uid = set["metadata"]["uid"].as_str();
            uid.is_some_and(|uid| owners.contains(uid))
        };
        let templates = sets.iter().find(is_owner);
        let templates = templates.and_then(|set| set["spec"]["volumeClaimTemplates"].as_array());
        let templates: HashSet<&str> = templates
            .into_iter()
            .flatten()
            .filter_map(|template| template["metadata"]["name"].as_str())
            .collect();
        let namespace = pod["metadata"]["namespace"].as_str();
        let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
        for volume in volumes {
            let name = volume["name"].as_str().unwrap_or_default();
            let claim = volume["persistentVolumeClaim"]["claimName"].as_str();
            if let Some(claim) = claim.filter(|_| templates.contains(name)) {
                found.push(Key::core("PersistentVolumeClaim", namespace, claim));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests;
