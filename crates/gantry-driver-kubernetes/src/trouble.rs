//! What keeps a pod from being ready, in plain words.
//!
//! A cluster tries everything again for ever, so nothing in it says that something will not work. What it does
//! say is a reason and a message, by which one can tell what passes by itself from what does not.

mod nodes;

use serde_json::Value;

use crate::standing::{condition, group_and_kind, list, number, plain, says, text};

/// Something that keeps a pod (or what should become pods) from being ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// How bad it is.
    pub(crate) weight: Weight,
    /// A sentence without its subject, with the cause in plain words: "its container `web` crashed: exit code 3".
    pub(crate) what: String,
    /// The container whose last words tell more, and whether they are those of the run before the present one.
    pub(crate) words: Option<(String, bool)>,
    /// How that container ended, where it did.
    pub(crate) end: Option<End>,
    /// Whether it waits for volume claims, of which others may know more.
    pub(crate) is_of_claims: bool,
}

/// Whether trouble may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// It may pass by itself: a volume that is being attached, a registry that does not answer.
    Passing,
    /// A real error, which counts when it is seen twice: a first crash, a failed probe.
    Once,
    /// Success is impossible, or it has been seen twice.
    Hopeless,
}

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// Its exit code.
    pub(crate) code: i64,
    /// The signal that killed it.
    pub(crate) signal: Option<i64>,
    /// Whether it was killed because it ran out of memory.
    pub(crate) out_of_memory: bool,
}

impl Trouble {
    fn new(weight: Weight, what: impl Into<String>) -> Self {
        Self {
            weight,
            what: what.into(),
            words: None,
            end: None,
            is_of_claims: false,
        }
    }
}

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

/// When a container that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ComesBack {
    Always,
    OnFailure,
    Never,
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

struct Container<'a> {
    name: &'a str,
    status: &'a Value,
    spec: Option<&'a Value>,
    comes_back: ComesBack,
}

impl Container<'_> {
    fn trouble(&self) -> Option<Trouble> {
        let again = number(self.status, "/restartCount").unwrap_or(0) >= 1;
        let state = |pointer| self.status.pointer(pointer).filter(|it| it.is_object());
        let before = state("/lastState/terminated");
        if let Some(waiting) = state("/state/waiting") {
            let reason = text(waiting, "/reason").unwrap_or_default();
            let message = text(waiting, "/message").unwrap_or_default();
            return match self.waits(reason, message) {
                Some(trouble) => Some(trouble),
                None if reason == "CrashLoopBackOff" => Some(self.crash_loop(before)),
                // It is made anew, as after a restart of its node. That is not a crash of its own.
                None if matches!(reason, "ContainerCreating" | "PodInitializing") => {
                    self.got_over(before?)
                }
                None => self.ended(before?, true, again),
            };
        }
        if let Some(ended) = state("/state/terminated") {
            return self.ended(ended, false, again);
        }
        let ready = self.status.get("ready").and_then(Value::as_bool) == Some(true);
        if ready { None } else { self.got_over(before?) }
    }

    /// What the last run tells where there is a next one. Whether that will end likewise nobody knows yet.
    fn got_over(&self, before: &Value) -> Option<Trouble> {
        let trouble = self.ended(before, true, false)?;
        let weight = trouble.weight.min(Weight::Once);
        Some(Trouble { weight, ..trouble })
    }

    fn crash_loop(&self, before: Option<&Value>) -> Trouble {
        before
            .and_then(|it| self.ended(it, true, true))
            .unwrap_or_else(|| {
                let mut trouble = Trouble::new(
                    Weight::Hopeless,
                    format!("its container `{}` crashes again and again", self.name),
                );
                trouble.words = Some((self.name.to_owned(), true));
                trouble
            })
    }

    /// What a reason to wait tells, where it is not about a run that ended.
    fn waits(&self, reason: &str, message: &str) -> Option<Trouble> {
        let name = self.name;
        let cannot = |weight, what: &str| {
            Some(Trouble::new(
                weight,
                with(
                    &format!("its container `{name}` cannot be {what}"),
                    &innermost(message),
                ),
            ))
        };
        // These are about the kubelet, which has only just started, or about work that is still going on.
        let in_between = [
            "failed to sync",
            "not yet been read",
            "deadline exceeded",
            "failed to reserve container name",
        ]
        .iter()
        .any(|it| message.contains(it));
        match reason {
            "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" | "ImageInspectError" => {
                let (mut weight, cause) = why_no_image(message);
                if reason == "ImagePullBackOff" {
                    weight = match weight {
                        Some(Weight::Once) => Some(Weight::Hopeless),
                        // The first error may pass. This is not the first.
                        None => Some(Weight::Once),
                        passing => passing,
                    };
                }
                let what = format!(
                    "the image {} of its container `{name}` cannot be fetched",
                    self.image()
                );
                Some(Trouble::new(
                    weight.unwrap_or(Weight::Passing),
                    with(&what, &cause),
                ))
            }
            "ErrImageNeverPull" => Some(Trouble::new(
                Weight::Hopeless,
                format!(
                    "the image {} of its container `{name}` is not on the node, and may not be fetched",
                    self.image()
                ),
            )),
            "InvalidImageName" => {
                let what = format!(
                    "the image {} of its container `{name}` has no valid name",
                    self.image()
                );
                let cause = message
                    .split_once("invalid reference format: ")
                    .map_or("", |(_, cause)| cause);
                Some(Trouble::new(Weight::Hopeless, with(&what, cause)))
            }
            "CreateContainerConfigError" | "CreateContainerError" => cannot(
                if in_between {
                    Weight::Passing
                } else {
                    Weight::Hopeless
                },
                "made",
            ),
            "RunContainerError" => cannot(Weight::Hopeless, "started"),
            _ if reason.ends_with("Error") || reason.starts_with("Err") => {
                let what = format!("its container `{name}` cannot be started: {reason}");
                Some(Trouble::new(Weight::Once, with(&what, &innermost(message))))
            }
            _ => None,
        }
    }

    /// What the end of a run tells: of the present one, or of the one `before`. `again` is whether it counts as a
    /// second one.
    fn ended(&self, run: &Value, before: bool, again: bool) -> Option<Trouble> {
        let name = self.name;
        let code = number(run, "/exitCode")?;
        let reason = text(run, "/reason").unwrap_or_default();
        if matches!(reason, "StartError" | "ContainerCannotRun") {
            let what = format!("its container `{name}` cannot be started");
            let cause = innermost(text(run, "/message").unwrap_or_default());
            return Some(Trouble::new(Weight::Hopeless, with(&what, &cause)));
        }
        let end = End {
            code,
            // Greater codes than the greatest signal's belong to programs that say -1.
            signal: number(run, "/signal")
                .filter(|it| *it > 0)
                .or_else(|| code.checked_sub(128))
                .filter(|it| (1..=64).contains(it)),
            out_of_memory: reason == "OOMKilled",
        };
        let what = if end.out_of_memory {
            let limit = self
                .spec
                .and_then(|it| text(it, "/resources/limits/memory"));
            let limit = limit.map_or_else(String::new, |it| format!(" (limit {it})"));
            format!("its container `{name}` ran out of memory{limit}")
        } else if let Some(signal) = end.signal {
            format!(
                "its container `{name}` was killed by {}",
                signal_name(signal)
            )
        } else if code != 0 {
            format!("its container `{name}` crashed: exit code {code}")
        } else if self.comes_back == ComesBack::Always {
            format!("its container `{name}` ended by itself with exit code 0")
        } else {
            return None;
        };
        let hopeless = again || self.comes_back == ComesBack::Never;
        let weight = if hopeless {
            Weight::Hopeless
        } else {
            Weight::Once
        };
        Some(Trouble {
            words: Some((name.to_owned(), before)),
            end: Some(end),
            ..Trouble::new(weight, what)
        })
    }

    fn image(&self) -> &str {
        self.spec
            .and_then(|it| text(it, "/image"))
            .or_else(|| text(self.status, "/image"))
            .unwrap_or_default()
    }
}

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

/// Whether an error is about the way to a server and not about what it was asked: trying again may help.
pub(crate) fn is_of_the_way(error: &str) -> bool {
    const WORDS: [&str; 14] = [
        "connection refused",
        "connection reset",
        "i/o timeout",
        "TLS handshake timeout",
        "no such host",
        "EOF",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "429 Too Many Requests",
        "Client.Timeout exceeded",
        "network is unreachable",
        "client connection lost",
        "etcdserver: request timed out",
        "etcdserver: leader changed",
    ];
    WORDS.iter().any(|words| error.contains(words))
}

/// Why something was not created. Who wanted to may have lost the API server meanwhile, or found one that has just begun:
/// that refuses the cluster's own parts as long as it has not read who may do what.
fn uncreated(message: &str) -> Trouble {
    let is_refused_to_its_own = message.contains("is forbidden: User \"system:");
    let weight = if is_of_the_way(message) || is_refused_to_its_own {
        Weight::Passing
    } else {
        Weight::Once
    };
    Trouble::new(weight, refusal(message))
}

fn refusal(message: &str) -> String {
    // The second is how the controller of stateful sets says it.
    ["Error creating: ", " failed error: "]
        .iter()
        .find_map(|it| message.split_once(it))
        .map_or_else(|| plain(message), |(_, cause)| plain(cause))
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

/// What the conditions of a workload tell: pods that it may not create, a deadline that has passed, a job that failed.
pub(crate) fn of_workload(object: &Value) -> Vec<Trouble> {
    let holds = |kind| condition(object, kind).filter(|it| says(it, "True"));
    let (group, kind) = group_and_kind(object);
    if (group, kind) == ("batch", "Job") {
        // The target is set at once, the end when its pods are gone.
        return holds("Failed")
            .or_else(|| holds("FailureTarget"))
            .map(|it| failed_job(object, it))
            .into_iter()
            .collect();
    }
    if !matches!(kind, "Deployment" | "ReplicaSet" | "ReplicationController") {
        return Vec::new();
    }
    let mut found = Vec::new();
    if let Some(it) = holds("ReplicaFailure") {
        let unsaid = || Trouble::new(Weight::Once, "a pod of it cannot be created");
        found.push(text(it, "/message").map_or_else(unsaid, uncreated));
    }
    let progressing = condition(object, "Progressing");
    if let Some(it) =
        progressing.filter(|it| text(it, "/reason") == Some("ProgressDeadlineExceeded"))
    {
        let deadline = number(object, "/spec/progressDeadlineSeconds").map_or_else(
            || "its deadline".to_owned(),
            |it| format!("its deadline of {it} s"),
        );
        let what = with(
            &format!("made no progress within {deadline}"),
            text(it, "/message").unwrap_or_default(),
        );
        found.push(Trouble::new(Weight::Hopeless, what));
    }
    found
}

fn failed_job(job: &Value, failed: &Value) -> Trouble {
    let message = text(failed, "/message").unwrap_or_default();
    let what = match text(failed, "/reason").unwrap_or_default() {
        "BackoffLimitExceeded" => match number(job, "/spec/backoffLimit") {
            Some(0) => "failed, and may not be tried again (its backoff limit is 0)".to_owned(),
            Some(limit) => format!("failed more often than it may (its backoff limit is {limit})"),
            None => "failed more often than it may".to_owned(),
        },
        "DeadlineExceeded" => match number(job, "/spec/activeDeadlineSeconds") {
            Some(limit) => format!("took longer than it may ({limit} s)"),
            None => "took longer than it may".to_owned(),
        },
        "" => with("failed", message),
        reason => with(&format!("failed: {reason}"), message),
    };
    Trouble::new(Weight::Hopeless, what)
}

/// Why an image cannot be fetched, and how bad that is where one can tell.
fn why_no_image(message: &str) -> (Option<Weight>, String) {
    let small = message.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|it| small.contains(it));
    // The message of a pull that is put off holds the error only on new clusters.
    if message.is_empty() || small.starts_with("back-off pulling image") && !small.contains("\": ")
    {
        return (None, String::new());
    }
    if any(&["no such host"]) {
        return (
            Some(Weight::Passing),
            "its registry is not known: no such host".to_owned(),
        );
    }
    if any(&["connection refused"]) {
        return (
            Some(Weight::Passing),
            "its registry does not answer: connection refused".to_owned(),
        );
    }
    if any(&["toomanyrequests", "too many requests"]) {
        return (
            Some(Weight::Passing),
            "its registry has had too many requests".to_owned(),
        );
    }
    if any(&["denied", "unauthorized", "authorization failed"]) {
        let cause = if any(&["does not exist"]) {
            "it does not exist, or needs a login"
        } else {
            "access denied"
        };
        return (Some(Weight::Once), cause.to_owned());
    }
    if any(&["not found", "manifest unknown", "does not exist"]) {
        return (Some(Weight::Once), "not found".to_owned());
    }
    let passes = any(&["timeout", "deadline exceeded", "connection reset"]);
    let last = message.trim().rsplit(": ").next().unwrap_or_default();
    (passes.then_some(Weight::Passing), last.to_owned())
}

/// An error without the layers of programs that passed it on.
fn innermost(message: &str) -> String {
    let message = message.trim();
    let message = message.strip_suffix(": unknown").unwrap_or(message);
    [
        " desc = ",
        "unable to start container process: ",
        "starting container process caused: ",
    ]
    .iter()
    .fold(message, |rest, it| {
        rest.rsplit_once(it).map_or(rest, |(_, cause)| cause)
    })
    .to_owned()
}

/// The sentence with its cause, where there is one.
fn with(what: &str, cause: &str) -> String {
    match plain(cause) {
        cause if cause.is_empty() => what.to_owned(),
        cause => format!("{what}: {cause}"),
    }
}

/// The name of a signal. The numbers are those of Linux on the processors that clusters have.
fn signal_name(signal: i64) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;
