//! How an object of a cluster stands: whether what it asks for is there.
//!
//! The rules are those of kstatus (`sigs.k8s.io/cli-utils/pkg/kstatus`), which most tools follow. They differ in
//! two places, because here somebody waits: a job is current when it has ended well, not when it runs, and a pod
//! or a load balancer is current when it can be used.

use serde_json::Value;

/// How one object of a cluster stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// What the object asks for is there.
    Current,
    /// It is on its way: what is missing, as a sentence without its subject ("1 of 3 pods is ready").
    InProgress(String),
    /// It says itself that it will not get there.
    Failed(String),
    /// It is being deleted: what holds it (its finalizers by name), or "is being deleted".
    Terminating(String),
}

/// How the object stands, by the rules of kstatus.
pub(crate) fn of(object: &Value) -> Standing {
    if object
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|at| !at.is_null())
    {
        return Standing::Terminating(holders(object));
    }
    if let (Some(newest), Some(seen)) = (
        number(object, "/metadata/generation"),
        number(object, "/status/observedGeneration"),
    ) && newest != seen
    {
        return progress("the controller has not seen the newest change yet");
    }
    match group_and_kind(object) {
        ("apps" | "extensions", "Deployment") => deployment(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps" | "extensions", "DaemonSet") => daemon_set(object),
        ("apps" | "extensions", "ReplicaSet") => replica_set(object),
        ("batch", "Job") => job(object),
        ("", "Pod") => pod(object),
        ("", "Service") => service(object),
        ("", "PersistentVolumeClaim") => claim(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        ("apiregistration.k8s.io", "APIService") => api_service(object),
        ("", "ConfigMap" | "Secret")
        | ("batch", "CronJob")
        | ("networking.k8s.io" | "extensions", "Ingress") => Standing::Current,
        _ => generic(object),
    }
}

/// Whether it is a job or a pod that ended well.
pub(crate) fn has_completed(object: &Value) -> bool {
    match group_and_kind(object) {
        ("batch", "Job") => condition(object, "Complete").is_some_and(|it| says(it, "True")),
        ("", "Pod") => text(object, "/status/phase") == Some("Succeeded"),
        _ => false,
    }
}

/// The group (empty for the core) and the kind of an object.
pub(crate) fn group_and_kind(object: &Value) -> (&str, &str) {
    let version = text(object, "/apiVersion").unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    (group, text(object, "/kind").unwrap_or_default())
}

/// The text at a JSON pointer; an empty one counts as none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|it| !it.is_empty())
}

/// The integer at a JSON pointer.
pub(crate) fn number(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer)?.as_i64()
}

/// The items of the list at a JSON pointer; none where there is no list.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The condition of this type in an object's status.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions")
        .iter()
        .find(|it| text(it, "/type") == Some(kind))
}

/// Whether a condition has this status: `True`, `False` or `Unknown`.
pub(crate) fn says(condition: &Value, status: &str) -> bool {
    text(condition, "/status") == Some(status)
}

/// Somebody else's sentence in our style: no final period, and a small letter at its beginning where that is an
/// ordinary word. `Get` is the HTTP client's.
pub(crate) fn plain(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let word = message
        .split(|it: char| it.is_whitespace() || it == ':')
        .next()
        .unwrap_or_default();
    let mut letters = word.chars();
    match letters.next() {
        Some(first)
            if word != "Get"
                && first.is_uppercase()
                && letters.all(|it| it.is_lowercase() || it == '\'') =>
        {
            first
                .to_lowercase()
                .chain(message.chars().skip(1))
                .collect()
        }
        _ => message.to_owned(),
    }
}

/// The names as one reads them out: "`a`", "`a` and `b`", "`a`, `b` and `c`".
pub(crate) fn named(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => format!("`{only}`"),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|it| format!("`{it}`")).collect();
            format!("{} and `{last}`", first.join(", "))
        }
    }
}

fn progress(what: impl Into<String>) -> Standing {
    Standing::InProgress(what.into())
}

/// The message of a condition, or else its reason, or else these words.
fn message(condition: &Value, otherwise: &str) -> String {
    text(condition, "/message")
        .or_else(|| text(condition, "/reason"))
        .map_or_else(|| otherwise.to_owned(), plain)
}

/// The reason of a condition and its message, or else these words.
fn reason_and_message(condition: &Value, otherwise: &str) -> String {
    match (text(condition, "/reason"), text(condition, "/message")) {
        (Some(reason), Some(message)) => format!("{reason}: {}", plain(message)),
        _ => message(condition, otherwise),
    }
}

/// The verb that goes with so many.
fn verb(count: i64, singular: &'static str, plural: &'static str) -> &'static str {
    if count == 1 { singular } else { plural }
}

/// "1 of 3 pods is", "2 of 3 pods are", "0 of 1 pod is"; `what` and the verb's two forms are given.
fn share(
    part: i64,
    whole: i64,
    what: &str,
    singular: &'static str,
    plural: &'static str,
) -> String {
    let verb = verb(if whole == 1 { 1 } else { part }, singular, plural);
    let ending = if whole == 1 { "" } else { "s" };
    format!("{part} of {whole} {what}{ending} {verb}")
}

fn pods(part: i64, whole: i64, how: &str) -> Standing {
    progress(format!("{} {how}", share(part, whole, "pod", "is", "are")))
}

/// Pods that are there although nobody asks for them any more.
fn surplus(count: i64) -> Standing {
    progress(match count {
        1 => "1 old pod has not ended yet".to_owned(),
        _ => format!("{count} old pods have not ended yet"),
    })
}

fn holders(object: &Value) -> String {
    let names: Vec<_> = list(object, "/metadata/finalizers")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    match names.len() {
        0 => "is being deleted".to_owned(),
        1 => format!("is held by its finalizer {}", named(&names)),
        _ => format!("is held by its finalizers {}", named(&names)),
    }
}

/// What a workload asks for and has. The API server leaves out what is zero.
struct Replicas {
    wanted: i64,
    there: i64,
    /// Pods of the newest template.
    updated: i64,
    ready: i64,
    available: i64,
    /// Only new clusters tell it.
    terminating: i64,
}

impl Replicas {
    fn of(object: &Value) -> Self {
        let status = |name: &str| number(object, &format!("/status/{name}")).unwrap_or(0);
        Self {
            wanted: number(object, "/spec/replicas").unwrap_or(1),
            there: status("replicas"),
            updated: status("updatedReplicas"),
            ready: status("readyReplicas"),
            available: status("availableReplicas"),
            terminating: status("terminatingReplicas"),
        }
    }

    /// How a workload stands that asks for no pods. What its conditions say is about pods that it had before.
    fn none_wanted(&self) -> Option<Standing> {
        if self.wanted != 0 {
            return None;
        }
        Some(
            match self.there.max(0).saturating_add(self.terminating.max(0)) {
                0 => Standing::Current,
                left => surplus(left),
            },
        )
    }
}

fn deployment(object: &Value) -> Standing {
    let replicas = Replicas::of(object);
    if let Some(standing) = replicas.none_wanted() {
        return standing;
    }
    let progressing = condition(object, "Progressing");
    if let Some(it) = progressing
        && text(it, "/reason") == Some("ProgressDeadlineExceeded")
    {
        return Standing::Failed(message(it, "exceeded its progress deadline"));
    }
    let Replicas {
        wanted,
        there,
        updated,
        ready,
        available,
        ..
    } = replicas;
    if wanted > there {
        return pods(there, wanted, "there");
    }
    if wanted > updated {
        return pods(updated, wanted, "up to date");
    }
    if there > wanted {
        return surplus(there.saturating_sub(wanted));
    }
    if wanted > ready {
        return pods(ready, wanted, "ready");
    }
    if updated > available {
        return pods(available, updated, "available");
    }
    // Without a deadline the controller writes no such condition. The largest number stands for none.
    let has_deadline =
        number(object, "/spec/progressDeadlineSeconds").is_some_and(|it| it < i64::from(i32::MAX));
    let rolled_out = progressing.is_some_and(|it| {
        says(it, "True") && text(it, "/reason") == Some("NewReplicaSetAvailable")
    });
    if has_deadline && !rolled_out {
        let paused = object.pointer("/spec/paused").and_then(Value::as_bool) == Some(true);
        return progress(if paused {
            "is paused"
        } else {
            "its newest pods are not available yet"
        });
    }
    match condition(object, "Available") {
        Some(it) if says(it, "True") => Standing::Current,
        Some(it) => progress(message(it, "is not available yet")),
        None => progress("is not available yet"),
    }
}

fn stateful_set(object: &Value) -> Standing {
    // Its user brings the pods up to date by hand, so nobody can tell when that is done.
    if text(object, "/spec/updateStrategy/type") == Some("OnDelete") {
        return Standing::Current;
    }
    let replicas = Replicas::of(object);
    if let Some(standing) = replicas.none_wanted() {
        return standing;
    }
    let Replicas {
        wanted,
        there,
        updated,
        ready,
        ..
    } = replicas;
    if wanted > there {
        return pods(there, wanted, "there");
    }
    if wanted > ready {
        return pods(ready, wanted, "ready");
    }
    if there > wanted {
        return surplus(there.saturating_sub(wanted));
    }
    if let Some(partition) = number(object, "/spec/updateStrategy/rollingUpdate/partition") {
        // The pods below the partition keep their old template.
        let wanted = wanted.saturating_sub(partition);
        if updated < wanted {
            return pods(updated, wanted, "up to date");
        }
        return Standing::Current;
    }
    let current = number(object, "/status/currentReplicas").unwrap_or(0);
    if wanted > current {
        return pods(updated, wanted, "up to date");
    }
    if text(object, "/status/currentRevision") != text(object, "/status/updateRevision") {
        return progress("its newest revision is not the current one yet");
    }
    Standing::Current
}

fn daemon_set(object: &Value) -> Standing {
    let status = |name: &str| number(object, &format!("/status/{name}"));
    // Its controller writes both with the first thing that it does. Without them the numbers mean nothing.
    let (Some(_), Some(_), Some(wanted)) = (
        number(object, "/metadata/generation"),
        status("observedGeneration"),
        status("desiredNumberScheduled"),
    ) else {
        return progress("the controller has not seen it yet");
    };
    let there = status("currentNumberScheduled").unwrap_or(0);
    if wanted > there {
        return pods(there, wanted, "there");
    }
    let updated = status("updatedNumberScheduled").unwrap_or(0);
    let by_hand = text(object, "/spec/updateStrategy/type") == Some("OnDelete");
    if wanted > updated && !by_hand {
        return pods(updated, wanted, "up to date");
    }
    let ready = status("numberReady").unwrap_or(0);
    if wanted > ready {
        return pods(ready, wanted, "ready");
    }
    let available = status("numberAvailable").unwrap_or(0);
    if wanted > available {
        return pods(available, wanted, "available");
    }
    Standing::Current
}

fn replica_set(object: &Value) -> Standing {
    let replicas = Replicas::of(object);
    if let Some(standing) = replicas.none_wanted() {
        return standing;
    }
    if let Some(it) = condition(object, "ReplicaFailure").filter(|it| says(it, "True")) {
        return progress(message(it, "a pod cannot be created"));
    }
    let Replicas {
        wanted,
        there,
        ready,
        available,
        ..
    } = replicas;
    if wanted > there {
        return pods(there, wanted, "there");
    }
    let labelled = number(object, "/status/fullyLabeledReplicas").unwrap_or(0);
    if wanted > labelled {
        return pods(labelled, wanted, "labelled");
    }
    if wanted > ready {
        return pods(ready, wanted, "ready");
    }
    if wanted > available {
        return pods(available, wanted, "available");
    }
    if there > wanted {
        return surplus(there.saturating_sub(wanted));
    }
    Standing::Current
}

fn job(object: &Value) -> Standing {
    let holds = |kind| condition(object, kind).filter(|it| says(it, "True"));
    if holds("Complete").is_some() {
        return Standing::Current;
    }
    if let Some(it) = holds("Failed") {
        return Standing::Failed(reason_and_message(it, "failed"));
    }
    // It does what it is told to: nothing.
    if holds("Suspended").is_some() {
        return Standing::Current;
    }
    if text(object, "/status/startTime").is_none() {
        return progress("has not started yet");
    }
    let status = |name: &str| number(object, &format!("/status/{name}"));
    let parallel = number(object, "/spec/parallelism").unwrap_or(1);
    let wanted = number(object, "/spec/completions").unwrap_or(parallel);
    // Pods that are not ready yet count as active too. Old clusters do not tell them apart.
    let active = status("active").unwrap_or(0);
    let running = status("ready").unwrap_or(active);
    let counts = [
        (running, "is running", "are running"),
        (
            active.saturating_sub(running),
            "is starting",
            "are starting",
        ),
        (status("failed").unwrap_or(0), "has failed", "have failed"),
    ];
    let succeeded = share(
        status("succeeded").unwrap_or(0),
        wanted,
        "pod",
        "has",
        "have",
    );
    let mut what = vec![format!("{succeeded} succeeded")];
    what.extend(
        counts
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, singular, plural)| format!("{count} {}", verb(count, singular, plural))),
    );
    progress(what.join(", "))
}

fn pod(object: &Value) -> Standing {
    match text(object, "/status/phase") {
        Some("Succeeded") => Standing::Current,
        Some("Failed") => Standing::Failed(end_of_pod(object)),
        Some("Running") => {
            let ready = condition(object, "Ready");
            if ready.is_some_and(|it| says(it, "True")) {
                return Standing::Current;
            }
            let containers = list(object, "/status/containerStatuses");
            let usable = containers
                .iter()
                .filter(|it| it.get("ready").and_then(Value::as_bool) == Some(true))
                .count();
            if usable == containers.len() {
                // A gate of its own, or a status that is not complete yet.
                return progress(ready.map_or_else(
                    || "is not ready yet".to_owned(),
                    |it| message(it, "is not ready yet"),
                ));
            }
            let [usable, all] =
                [usable, containers.len()].map(|it| i64::try_from(it).unwrap_or(i64::MAX));
            progress(format!(
                "{} ready",
                share(usable, all, "container", "is", "are")
            ))
        }
        Some("Pending") => match condition(object, "PodScheduled") {
            Some(it) if says(it, "False") => progress(message(it, "has no node yet")),
            Some(it) if says(it, "True") => progress("its containers are not running yet"),
            _ => progress("has no node yet"),
        },
        Some("Unknown") => progress("its node does not answer"),
        _ => progress("the controller has not seen it yet"),
    }
}

fn end_of_pod(object: &Value) -> String {
    if let Some(why) = text(object, "/status/message").or_else(|| text(object, "/status/reason")) {
        return plain(why);
    }
    let ended = ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .flat_map(|place| list(object, place))
        .find_map(|it| {
            let code = number(it, "/state/terminated/exitCode").filter(|code| *code != 0)?;
            Some((text(it, "/name")?, code))
        });
    match ended {
        Some((name, code)) => format!("its container `{name}` ended with exit code {code}"),
        None => "failed".to_owned(),
    }
}

fn service(object: &Value) -> Standing {
    let balanced = text(object, "/spec/type") == Some("LoadBalancer");
    if balanced && list(object, "/status/loadBalancer/ingress").is_empty() {
        return progress("has no address of a load balancer yet");
    }
    Standing::Current
}

fn claim(object: &Value) -> Standing {
    match text(object, "/status/phase") {
        Some("Bound") => Standing::Current,
        Some("Lost") => Standing::Failed("its volume is lost".to_owned()),
        // A class may wait for the first pod that uses the claim. Only the class tells that, not the claim.
        _ => progress(match text(object, "/spec/storageClassName") {
            Some(class) => format!("no volume of the storage class `{class}` is bound to it yet"),
            None => "no volume is bound to it yet".to_owned(),
        }),
    }
}

fn definition(object: &Value) -> Standing {
    if let Some(it) = condition(object, "NamesAccepted").filter(|it| says(it, "False")) {
        return Standing::Failed(reason_and_message(it, "its names are not accepted"));
    }
    match condition(object, "Established") {
        Some(it) if says(it, "True") => Standing::Current,
        Some(it) if says(it, "False") && text(it, "/reason") != Some("Installing") => {
            Standing::Failed(reason_and_message(it, "is not established"))
        }
        _ => progress("is not established yet"),
    }
}

fn api_service(object: &Value) -> Standing {
    match condition(object, "Available") {
        Some(it) if says(it, "True") => Standing::Current,
        Some(it) => progress(message(it, "is not available yet")),
        None => progress("is not available yet"),
    }
}

fn generic(object: &Value) -> Standing {
    let holds = |kind| condition(object, kind).filter(|it| says(it, "True"));
    if let Some(it) = holds("Reconciling") {
        return progress(message(it, "is being reconciled"));
    }
    if let Some(it) = holds("Stalled") {
        return Standing::Failed(message(it, "is stalled"));
    }
    match condition(object, "Ready") {
        Some(it) if !says(it, "True") => progress(reason_and_message(it, "is not ready yet")),
        _ => Standing::Current,
    }
}

#[cfg(test)]
mod tests;
