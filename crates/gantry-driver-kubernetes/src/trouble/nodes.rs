//! Why a pod has no node, by what the scheduler says.

use serde_json::Value;

use super::{Trouble, Weight, with};
use crate::quantity::{thousandths, written};
use crate::standing::{condition, list, named, says, text};

/// How it is said that volume claims are waited for.
const UNBOUND: &str = "is not bound";

/// What the scheduler says about a pod that has no node.
pub(super) fn unscheduled(pod: &Value) -> Option<Trouble> {
    let it = condition(pod, "PodScheduled").filter(|it| says(it, "False"))?;
    let message = text(it, "/message").unwrap_or_default();
    let (weight, what) = match text(it, "/reason") {
        Some("Unschedulable") => why_no_node(pod, message),
        Some("SchedulingGated") => (
            Weight::Passing,
            "is held back by a scheduling gate".to_owned(),
        ),
        _ => (Weight::Passing, with("has no node yet", message)),
    };
    Some(Trouble {
        is_of_claims: what.contains(UNBOUND),
        ..Trouble::new(weight, what)
    })
}

/// Why no node takes a pod, from "0/3 nodes are available: 1 Insufficient memory, 2 node(s) were unschedulable.
/// preemption: ...".
fn why_no_node(pod: &Value, message: &str) -> (Weight, String) {
    let verbatim = |message| (Weight::Once, with("has no node", message));
    // What could be done about it by removing other pods is not for who reads this.
    let reasons = [". preemption:", ". no new claims"]
        .iter()
        .fold(message, |rest, it| {
            rest.split_once(it).map_or(rest, |(before, _)| before)
        })
        .trim_end_matches('.');
    let Some((nodes, reasons)) = reasons.split_once(" nodes are available: ") else {
        return verbatim(reasons);
    };
    let all = nodes.rsplit('/').next().unwrap_or_default();
    let mut parts: Vec<(&str, String)> = Vec::new();
    for piece in reasons.split(", ") {
        match (counted(piece), parts.last_mut()) {
            (Some((count, what)), _) => parts.push((count, what.to_owned())),
            // A comma within a reason.
            (None, Some((_, last))) => *last = format!("{last}, {piece}"),
            (None, None) => parts.push((all, piece.to_owned())),
        }
    }
    let causes: Vec<_> = parts
        .iter()
        .map(|(count, reason)| (*count, no_node_cause(pod, reason)))
        .collect();
    // One node that may take it later is enough.
    let Some(weight) = causes.iter().map(|(_, cause)| cause.weight).min() else {
        return verbatim(reasons);
    };
    if causes.iter().all(|(count, _)| *count == all) {
        let causes: Vec<_> = causes.into_iter().map(|(_, cause)| cause.of_all).collect();
        return (weight, causes.join(", and "));
    }
    let causes: Vec<_> = causes
        .into_iter()
        .map(|(count, cause)| format!("{count} of {all}: {}", cause.of_some))
        .collect();
    (
        weight,
        format!("no node can take it ({})", causes.join("; ")),
    )
}

/// How many nodes have a reason, and the reason.
fn counted(reason: &str) -> Option<(&str, &str)> {
    let (count, rest) = reason.split_once(' ')?;
    count
        .bytes()
        .all(|it| it.is_ascii_digit())
        .then_some((count, rest))
}

/// Why nodes do not take a pod.
struct NoNode {
    weight: Weight,
    /// The sentence, where it is so for all nodes.
    of_all: String,
    /// A few words, where it is so for some.
    of_some: String,
}

fn no_node_cause(pod: &Value, reason: &str) -> NoNode {
    let cause = |weight, of_all: &str, of_some: &str| NoNode {
        weight,
        of_all: of_all.to_owned(),
        of_some: of_some.to_owned(),
    };
    if let Some(resource) = reason.strip_prefix("Insufficient ") {
        let what = match resource {
            "cpu" => "processors",
            other => other,
        };
        let asks =
            requested(pod, resource).map_or_else(String::new, |it| format!(" (it asks for {it})"));
        return NoNode {
            weight: Weight::Hopeless,
            of_all: format!("no node has enough {what}{asks}"),
            of_some: format!("not enough {what}{asks}"),
        };
    }
    let small = reason.to_lowercase();
    if small.contains("taint") {
        let taint = reason
            .split_once('{')
            .and_then(|(_, rest)| rest.split_once('}'));
        let taint = taint.map(|(taint, _)| taint.trim_end_matches([' ', ':']));
        let weight = match taint {
            // The cluster itself puts these on a node that starts or ails, and takes them away again.
            Some(it) if it.starts_with("node.kubernetes.io/") => Weight::Passing,
            Some(it) if it.starts_with("node.cloudprovider.kubernetes.io/") => Weight::Passing,
            Some(_) => Weight::Hopeless,
            None => Weight::Once,
        };
        let taint = taint.map_or_else(String::new, |it| format!(" ({it})"));
        return NoNode {
            weight,
            of_all: format!("every node has a taint that it does not tolerate{taint}"),
            of_some: format!("a taint that it does not tolerate{taint}"),
        };
    }
    if small.contains("persistentvolumeclaim")
        || small.contains("persistent volume")
        || small.contains("binding volumes")
    {
        // Of claims that are not bound it says so, and "not found" behind it.
        if small.contains("not found") && !small.contains("unbound immediate") {
            return cause(
                Weight::Once,
                &format!("its volume claim does not exist: {reason}"),
                reason,
            );
        }
        let weight = if small.contains("unbound immediate") {
            Weight::Once
        } else {
            Weight::Passing
        };
        let claims: Vec<_> = list(pod, "/spec/volumes")
            .iter()
            .filter_map(|it| text(it, "/persistentVolumeClaim/claimName"))
            .collect();
        let what = match claims.len() {
            0 => format!("its volume claim {UNBOUND}"),
            1 => format!("its volume claim {} {UNBOUND}", claims.concat()),
            _ => format!("one of its volume claims {} {UNBOUND}", named(&claims)),
        };
        return cause(weight, &what, &what);
    }
    if (small.contains("node affinity") && !small.contains("volume"))
        || small.contains("node selector")
    {
        return cause(
            Weight::Hopeless,
            "no node matches its node selector or affinity",
            "not what its node selector or affinity asks for",
        );
    }
    if small.contains("were unschedulable") {
        return cause(
            Weight::Once,
            "every node is closed to new pods",
            "closed to new pods",
        );
    }
    cause(Weight::Once, &with("has no node", reason), reason)
}

/// What the containers of a pod ask for, as written if it is one that asks.
fn requested(pod: &Value, resource: &str) -> Option<String> {
    let asked: Vec<&str> = list(pod, "/spec/containers")
        .iter()
        .filter_map(|it| {
            it.get("resources")?
                .get("requests")?
                .get(resource)?
                .as_str()
        })
        .collect();
    match asked.as_slice() {
        [] => None,
        [only] => Some((*only).to_owned()),
        several => {
            let sum = several
                .iter()
                .try_fold(0_u128, |sum, it| sum.checked_add(thousandths(it)?))
                .map(written);
            Some(sum.unwrap_or_else(|| several.join(" + ")))
        }
    }
}
