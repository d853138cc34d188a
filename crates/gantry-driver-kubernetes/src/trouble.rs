//! What keeps a pod from being ready, in plain words.
//!
//! A cluster tries everything again for ever, so nothing in it says that something will not work. What it does
//! say is a reason and a message, by which one can tell what passes by itself from what does not.

mod container;
mod event;
mod nodes;
mod pod;
mod workload;

pub(crate) use self::event::{is_of_a_beginning, of_event};
pub(crate) use self::pod::of_pod;
pub(crate) use self::workload::of_workload;
use crate::standing::plain;

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

#[cfg(test)]
mod tests;
