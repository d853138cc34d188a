//! What keeps a container of a pod from running, or ended it.

use serde_json::Value;

use super::{End, Trouble, Weight, innermost, with};
use crate::standing::{number, text};

/// When a container that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComesBack {
    Always,
    OnFailure,
    Never,
}

/// A container of a pod, as its status shows it.
pub(super) struct Container<'a> {
    pub(super) name: &'a str,
    pub(super) status: &'a Value,
    pub(super) spec: Option<&'a Value>,
    pub(super) comes_back: ComesBack,
}

impl Container<'_> {
    pub(super) fn trouble(&self) -> Option<Trouble> {
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
