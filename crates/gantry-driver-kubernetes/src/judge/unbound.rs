//! Why a claim that a pod waits for has no volume: the scheduler says only that it has none.

use serde_json::Value;

use super::Look;
use crate::object::{Key, text};
use crate::standing::list;
use crate::trouble::{self, Trouble};
use crate::view::Scope;

impl Look<'_> {
    /// Adds to what troubles a pod what is known of its claims: their class, and what is said of them.
    pub(super) fn with_claims(&self, pod: &Value, mut troubles: Vec<Trouble>) -> Vec<Trouble> {
        let unbound = troubles.iter_mut().filter(|told| told.is_of_claims);
        for told in unbound {
            let claims = list(pod, "/spec/volumes").iter();
            let claims =
                claims.filter_map(|one| one["persistentVolumeClaim"]["claimName"].as_str());
            let claims: Vec<&str> = claims.collect();
            let known: Vec<String> = claims
                .iter()
                .filter_map(|claim| {
                    let known = self.of_claim(pod, claim)?;
                    Some(match claims.as_slice() {
                        [_] => known,
                        _ => format!("{claim}: {known}"),
                    })
                })
                .collect();
            if !known.is_empty() {
                told.what = format!("{} ({})", told.what, known.join("; "));
            }
        }
        troubles
    }

    /// What is known of a claim, if anything is.
    fn of_claim(&self, pod: &Value, name: &str) -> Option<String> {
        let namespace = text(pod, &["metadata", "namespace"])?;
        let key = Key::core("PersistentVolumeClaim", Some(namespace), name);
        let claim = self.view.get(&key);
        if claim.is_some_and(|claim| text(claim, &["status", "phase"]) == Some("Bound")) {
            return None;
        }
        let class = claim.and_then(|claim| text(claim, &["spec", "storageClassName"]));
        let class = class.map(|class| format!("storage class {class}"));
        let [_, events, ..] = Scope::of_workloads(namespace);
        let about = |event: &Value| {
            let involved = &event["involvedObject"];
            involved["kind"] == *key.kind && involved["name"] == *name && self.is_since(event)
        };
        let said = self.view.all(&events).into_iter();
        let mut said = said
            .filter(|event| about(event))
            .filter_map(|event| trouble::of_event(event));
        let why = said.next().map(|told| told.what);
        let known: Vec<String> = class.into_iter().chain(why).collect();
        (!known.is_empty()).then(|| known.join(": "))
    }
}
