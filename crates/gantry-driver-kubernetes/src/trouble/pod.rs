//! What its status tells about a pod.

use serde_json::Value;

use super::container::{ComesBack, Container};
use super::{Trouble, Weight, nodes};
use crate::standing::{list, plain, text};

/// What its status tells about a pod: all containers, init containers first.
pub(crate) fn of_pod(pod: &Value) -> Vec<Trouble> {
    let phase = text(pod, "/status/phase");
    // The containers of a pod that is being deleted are killed on purpose.
    let deleted = pod
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|at| !at.is_null());
    if phase == Some("Succeeded") || deleted {
        return Vec::new();
    }
    let failed = phase == Some("Failed");
    if failed && let Some(reason) = text(pod, "/status/reason") {
        // The cluster ended it, and its containers with it: how they ended tells nothing.
        let how = if reason == "Evicted" {
            "was evicted".to_owned()
        } else {
            format!("failed: {reason}")
        };
        let what = text(pod, "/status/message")
            .map(|it| format!("{how}: {}", plain(it)))
            .unwrap_or(how);
        return vec![Trouble::new(Weight::Hopeless, what)];
    }
    let mut found: Vec<_> = nodes::unscheduled(pod).into_iter().collect();
    for (specs, statuses, init) in [
        (
            "/spec/initContainers",
            "/status/initContainerStatuses",
            true,
        ),
        ("/spec/containers", "/status/containerStatuses", false),
    ] {
        for status in list(pod, statuses) {
            let name = text(status, "/name").unwrap_or_default();
            let spec = list(pod, specs)
                .iter()
                .find(|it| text(it, "/name") == Some(name));
            found.extend(
                Container {
                    name,
                    status,
                    spec,
                    comes_back: comes_back(pod, spec, init),
                }
                .trouble(),
            );
        }
    }
    if failed {
        for trouble in &mut found {
            trouble.weight = Weight::Hopeless;
        }
        if found.is_empty() {
            let what = text(pod, "/status/message").map_or_else(
                || "failed".to_owned(),
                |it| format!("failed: {}", plain(it)),
            );
            found.push(Trouble::new(Weight::Hopeless, what));
        }
    }
    found
}

fn comes_back(pod: &Value, spec: Option<&Value>, init: bool) -> ComesBack {
    let own = spec.and_then(|it| text(it, "/restartPolicy"));
    match (own.or_else(|| text(pod, "/spec/restartPolicy")), init) {
        (Some("Never"), _) => ComesBack::Never,
        (Some("OnFailure"), _) => ComesBack::OnFailure,
        // What ends well in a pod that starts again always is still done, unless it is a sidecar.
        (_, true) if own != Some("Always") => ComesBack::OnFailure,
        _ => ComesBack::Always,
    }
}
