//! What an event tells.

use serde_json::Value;

use super::{Trouble, Weight, innermost, uncreated, with};
use crate::standing::text;

/// Whether an event is about what comes before a pod's containers: it is over when they have begun, and nothing in the
/// cluster says so.
pub(crate) fn is_of_a_beginning(event: &Value) -> bool {
    let of_beginning = ["FailedMount", "FailedAttachVolume", "FailedScheduling"];
    text(event, "/reason").is_some_and(|reason| of_beginning.contains(&reason))
}

/// What an event tells about the object that it involves; none for what is no trouble.
pub(crate) fn of_event(event: &Value) -> Option<Trouble> {
    if text(event, "/type") != Some("Warning") {
        return None;
    }
    let message = text(event, "/message").unwrap_or_default().trim();
    match text(event, "/reason")? {
        "FailedCreate" => Some(uncreated(message)),
        "FailedMount" => Some(mount(message)),
        "FailedAttachVolume" => {
            let (volume, cause) = volume_and_cause(message);
            Some(Trouble::new(
                Weight::Passing,
                with(&format!("{volume} cannot be attached"), cause),
            ))
        }
        "Unhealthy" => probe(event, message),
        "ProvisioningFailed" => Some(Trouble::new(
            Weight::Once,
            with("no volume can be made for it", &innermost(message)),
        )),
        "FailedCreatePodSandBox" => {
            let cause = message
                .strip_prefix("Failed to create pod sandbox: ")
                .unwrap_or(message);
            Some(Trouble::new(
                Weight::Passing,
                with("its sandbox cannot be made", &innermost(cause)),
            ))
        }
        // The pod's own status tells the rest, and better.
        _ => None,
    }
}

fn mount(message: &str) -> Trouble {
    let (volume, cause) = volume_and_cause(message);
    // All of these come with another event or none, and pass: the kubelet waits for its own copies.
    let passes = [
        "failed to sync",
        "not registered",
        "timed out waiting",
        "deadline exceeded",
    ]
    .iter()
    .any(|it| message.contains(it));
    let weight = if passes {
        Weight::Passing
    } else {
        Weight::Once
    };
    Trouble::new(weight, with(&format!("{volume} cannot be mounted"), cause))
}

/// The volume and the cause of `MountVolume.SetUp failed for volume "config" : configmap "settings" not found`.
fn volume_and_cause(message: &str) -> (String, &str) {
    message
        .split_once("failed for volume \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or_else(
            || ("its volumes".to_owned(), message),
            |(volume, cause)| {
                (
                    format!("its volume `{volume}`"),
                    cause.trim_start_matches([' ', ':']),
                )
            },
        )
}

fn probe(event: &Value, message: &str) -> Option<Trouble> {
    let (which, cause) = message.split_once(" probe ")?;
    let (how, cause) = cause.split_once(':').unwrap_or((cause, ""));
    let what = with(&format!("its {} probe {how}", which.to_lowercase()), cause);
    let mut trouble = Trouble::new(Weight::Once, what);
    trouble.words = text(event, "/involvedObject/fieldPath")
        .and_then(|it| it.split_once('{')?.1.strip_suffix('}'))
        .map(|it| (it.to_owned(), false));
    Some(trouble)
}
