//! What of an instance somebody means who wants to connect to it.

use gantry_driver::{DialRequest, DriverError};

use super::Link;
use crate::forward::target::{Aim, Target};
use crate::object::Key;

impl Link {
    /// A pod's port that is ready now. Permanent: it never will be.
    pub(super) fn aim(&self, request: &DialRequest) -> Result<Aim, DriverError> {
        let wrong = |reason: String| DriverError::permanent("dial", reason);
        let slot = self.slots.get(&request.instance);
        let record = slot.and_then(|slot| slot.record.as_ref());
        let record = record.filter(|record| !record.stopped);
        let record = record.ok_or_else(|| wrong("it does not run".to_owned()))?;
        let objects = record.objects.iter().map(|one| &one.key);
        let reachable: Vec<&Key> = objects.filter(|key| can_be_reached(key)).collect();
        let (target, namespace) = if let Some(child) = &request.child {
            let key = reachable.iter().find(|key| key.short() == child.as_str());
            let namespace = key.and_then(|key| key.namespace.clone());
            (Target::of(child.as_str()), namespace)
        } else {
            let key = usual(&reachable, request.instance.service.as_str()).ok_or_else(|| {
                let names: Vec<String> = reachable.iter().map(|key| key.short()).collect();
                wrong(if names.is_empty() {
                    "nothing of it can be connected to".to_owned()
                } else {
                    format!("name what is meant: {}", names.join(", "))
                })
            })?;
            (Target::of(&key.short()), key.namespace.clone())
        };
        let namespace = namespace.unwrap_or_else(|| record.namespace.clone());
        let found = target.find(&self.view, &namespace, &request.port);
        let names: Vec<&str> = found.iter().map(|way| way.name.as_str()).collect();
        match found.as_slice() {
            [] => Err(wrong(format!("there is no {target} in {namespace}"))),
            [way] => way.aims.first().cloned().ok_or_else(|| {
                let reason = way.wrong.clone().unwrap_or_default();
                DriverError::transient("dial", reason)
            }),
            _ => Err(wrong(format!(
                "several match {target}: {}",
                names.join(", ")
            ))),
        }
    }
}

fn can_be_reached(key: &Key) -> bool {
    matches!(
        (key.group.as_str(), key.kind.as_str()),
        ("", "Service" | "Pod") | ("apps", "Deployment" | "StatefulSet")
    )
}

/// What is meant if nothing is said: its one service, or the one that is called like it; without services its one workload.
fn usual<'a>(reachable: &[&'a Key], name: &str) -> Option<&'a Key> {
    let of = |service: bool| {
        let all = reachable.iter().copied();
        let all: Vec<&Key> = all
            .filter(|key| (key.kind == "Service") == service)
            .collect();
        match all.as_slice() {
            [one] => Some(*one),
            all => all.iter().copied().find(|key| key.name == name),
        }
    };
    of(true).or_else(|| of(false))
}
