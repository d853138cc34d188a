//! Whether a cluster has room for what manifests ask for.
//!
//! | what is asked | what is compared | what follows |
//! |---|---|---|
//! | requests of one pod | what each node can give at all | refused: it can never run |
//! | all of it in a namespace | what its quotas leave | refused: the cluster would make none of what is too much |
//! | all of it | what pods of others leave on all nodes | a warning: they may end |
//!
//! What is there already and is only changed counts as far as it asks for more. Where more nodes may be made, nothing is
//! said of nodes; what may not be looked at counts as enough. Everything here is without I/O; who asks is `room/look.rs`.

pub(crate) mod look;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::object::{Key, list, text};
use crate::quantity::{thousandths, written};

/// Amounts by resource, in thousandths.
pub(crate) type Amounts = BTreeMap<String, u128>;

/// What one object asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) key: Key,
    /// What each of its pods asks for.
    pub(crate) pod: Amounts,
    /// The same of limits.
    pub(crate) limits: Amounts,
    /// How many pods there are at once; none of what runs at some time.
    pub(crate) copies: u128,
}

/// What an object asks for; nothing if it has no pods.
pub(crate) fn demand(object: &Value, namespace: &str) -> Option<Demand> {
    let mut key = Key::of(object);
    let spec = &object["spec"];
    let number = |name: &str, usual: u128| {
        let found = spec[name].as_u64().map(u128::from);
        found.unwrap_or(usual)
    };
    let template = &spec["template"]["spec"];
    let (pod, copies) = match key.kind.as_str() {
        _ if !key.is_workload() => return None,
        "Pod" => (spec, 1),
        "Job" => {
            let at_once = number("parallelism", 1).min(number("completions", u128::MAX));
            (template, if spec["suspend"] == true { 0 } else { at_once })
        }
        "CronJob" => (&spec["jobTemplate"]["spec"]["template"]["spec"], 0),
        // As many as there are nodes that take it.
        "DaemonSet" => (template, 0),
        _ => (template, number("replicas", 1)),
    };
    key.namespace.get_or_insert_with(|| namespace.to_owned());
    Some(Demand {
        key,
        pod: of_pod(pod, &["requests", "limits"]),
        limits: of_pod(pod, &["limits"]),
        copies,
    })
}

/// What a pod asks for: its containers together, or its greediest init container. `names` are where an amount is sought.
fn of_pod(pod: &Value, names: &[&str]) -> Amounts {
    let mut sum = Amounts::new();
    for container in list(pod, "containers") {
        add(&mut sum, &of_container(container, names), 1);
    }
    let mut beside = Amounts::new();
    let mut most = Amounts::new();
    for container in list(pod, "initContainers") {
        let own = of_container(container, names);
        let mut now = beside.clone();
        add(&mut now, &own, 1);
        if container["restartPolicy"] == "Always" {
            // It stays beside those that come after it.
            beside = now;
        } else {
            raise(&mut most, &now);
        }
    }
    add(&mut sum, &beside, 1);
    raise(&mut sum, &most);
    add(&mut sum, &amounts(&pod["overhead"]), 1);
    sum
}

fn of_container(container: &Value, names: &[&str]) -> Amounts {
    let mut found = Amounts::new();
    for name in names.iter().rev() {
        // What is written first wins: a limit is a request where there is none.
        found.extend(amounts(&container["resources"][*name]));
    }
    found
}

fn amounts(value: &Value) -> Amounts {
    let fields = value.as_object().into_iter().flatten();
    let amount = |value: &Value| match value {
        Value::String(text) => thousandths(text),
        Value::Number(number) => thousandths(&number.to_string()),
        _ => None,
    };
    fields
        .filter_map(|(name, value)| Some((name.clone(), amount(value)?)))
        .collect()
}

fn add(to: &mut Amounts, what: &Amounts, times: u128) {
    for (name, amount) in what {
        let sum = to.entry(name.clone()).or_default();
        *sum = sum.saturating_add(amount.saturating_mul(times));
    }
}

fn raise(to: &mut Amounts, what: &Amounts) {
    for (name, amount) in what {
        let most = to.entry(name.clone()).or_default();
        *most = (*most).max(*amount);
    }
}

fn less(from: &mut Amounts, what: &Amounts) {
    for (name, amount) in what {
        if let Some(left) = from.get_mut(name) {
            *left = left.saturating_sub(*amount);
        }
    }
}

/// What people call a resource.
fn called(resource: &str) -> &str {
    match resource {
        "cpu" => "processors",
        "ephemeral-storage" => "disk",
        other => other,
    }
}

/// What can never run, since every node is too small for it, each a sentence.
pub(crate) fn too_large(demands: &[Demand], nodes: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    let nodes: Vec<(&str, Amounts)> = nodes
        .iter()
        .map(|node| {
            let name = text(node, &["metadata", "name"]).unwrap_or_default();
            (name, amounts(&node["status"]["allocatable"]))
        })
        .collect();
    if nodes.is_empty() {
        return wrong;
    }
    for demand in demands {
        let fits = |(_, has): &(&str, Amounts)| {
            let mut asked = demand.pod.iter();
            asked.all(|(name, amount)| has.get(name).copied().unwrap_or(0) >= *amount)
        };
        if nodes.iter().any(fits) {
            continue;
        }
        let lacking = demand.pod.iter().filter_map(|(name, amount)| {
            let has = |node: &(&str, Amounts)| node.1.get(name).copied().unwrap_or(0);
            let largest = nodes.iter().max_by_key(|node| has(node))?;
            let most = has(largest);
            (most < *amount).then(|| {
                let (what, asked) = (called(name), written(*amount));
                let has = if most == 0 {
                    "none has any".to_owned()
                } else {
                    format!("{}, which has most, has {}", largest.0, rounded(name, most))
                };
                format!("no node has enough {what} (it asks for {asked}; {has})")
            })
        });
        let lacking: Vec<String> = lacking.collect();
        let what = if lacking.is_empty() {
            // Each is somewhere, but not together.
            let asked = demand.pod.iter();
            let asked =
                asked.map(|(name, amount)| format!("{} {}", written(*amount), called(name)));
            let asked: Vec<String> = asked.collect();
            format!("no node has all of what it asks for: {}", asked.join(", "))
        } else {
            lacking.join(", and ")
        };
        wrong.push(format!("{}: {what}", demand.key.short()));
    }
    wrong
}

/// An amount for people: memory of nodes is an odd number of kibibytes.
fn rounded(resource: &str, amount: u128) -> String {
    const MIB: u128 = 1000 << 20;
    if resource == "memory" || resource == "ephemeral-storage" {
        return written(amount / MIB * MIB);
    }
    written(amount)
}

/// What a quota calls the same as these amounts.
fn by_quota_name(demands: &[&Demand]) -> Amounts {
    let mut asked = Amounts::new();
    for demand in demands {
        for (name, amount) in &demand.pod {
            let amount = Amounts::from([(format!("requests.{name}"), *amount)]);
            add(&mut asked, &amount, demand.copies);
        }
        for (name, amount) in &demand.limits {
            let amount = Amounts::from([(format!("limits.{name}"), *amount)]);
            add(&mut asked, &amount, demand.copies);
        }
        for name in ["pods", "count/pods"] {
            let pods = Amounts::from([(name.to_owned(), 1000)]);
            add(&mut asked, &pods, demand.copies);
        }
    }
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(amount) = asked.get(&format!("requests.{name}")).copied() {
            asked.insert(name.to_owned(), amount);
        }
    }
    asked
}

/// What the quotas of a namespace would refuse, each a sentence. `before` is asked for already by what is there.
pub(crate) fn beyond_quota(demands: &[Demand], before: &[Demand], quotas: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    for quota in quotas {
        let spec = &quota["spec"];
        // It counts only some pods.
        if spec["scopes"].is_array() || spec["scopeSelector"].is_object() {
            continue;
        }
        let namespace = text(quota, &["metadata", "namespace"]);
        let of = |all: &'_ [Demand]| {
            let here = all
                .iter()
                .filter(|it| it.key.namespace.as_deref() == namespace);
            by_quota_name(&here.collect::<Vec<_>>())
        };
        let mut asked = of(demands);
        less(&mut asked, &of(before));
        let (hard, used) = (
            amounts(&quota["status"]["hard"]),
            amounts(&quota["status"]["used"]),
        );
        let name = text(quota, &["metadata", "name"]).unwrap_or_default();
        for (resource, hard) in &hard {
            let asked = asked.get(resource).copied().unwrap_or(0);
            let used = used.get(resource).copied().unwrap_or(0);
            if asked > 0 && used.saturating_add(asked) > *hard {
                wrong.push(format!(
                    "exceeded quota {name} in {}: {resource} is {} of {}, and {} more are asked for",
                    namespace.unwrap_or_default(),
                    written(used),
                    written(*hard),
                    written(asked),
                ));
            }
        }
    }
    wrong
}

/// What is asked for beyond what pods leave on all nodes, each a sentence.
pub(crate) fn beyond_free(
    demands: &[Demand],
    before: &[Demand],
    nodes: &[Value],
    pods: &[Value],
) -> Vec<String> {
    let total = |all: &[Demand]| {
        let mut sum = Amounts::new();
        for demand in all {
            add(&mut sum, &demand.pod, demand.copies);
        }
        sum
    };
    let mut asked = total(demands);
    less(&mut asked, &total(before));
    let mut free = Amounts::new();
    for node in nodes {
        if node["spec"]["unschedulable"] != true {
            add(&mut free, &amounts(&node["status"]["allocatable"]), 1);
        }
    }
    for pod in pods {
        let phase = text(pod, &["status", "phase"]);
        if text(pod, &["spec", "nodeName"]).is_some()
            && !matches!(phase, Some("Succeeded" | "Failed"))
        {
            less(&mut free, &of_pod(&pod["spec"], &["requests"]));
        }
    }
    let over = asked.iter().filter(|(name, amount)| {
        let free = free.get(*name).copied().unwrap_or(0);
        **amount > 0 && **amount > free
    });
    over.map(|(name, amount)| {
        let left = free.get(name).copied().unwrap_or(0);
        format!(
            "the pods ask for {} {}, and {} are free",
            written(*amount),
            called(name),
            rounded(name, left)
        )
    })
    .collect()
}

#[cfg(test)]
mod tests;
