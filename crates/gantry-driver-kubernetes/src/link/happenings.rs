//! What a cluster tells of pods: passed on once each.

use std::collections::HashMap;
use std::time::Duration;

use gantry_core::{Generation, InstanceId};
use gantry_driver::{ChildName, DriverEvent};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;

use crate::object::{Key, controller, text};
use crate::view::{Change, Scope, version_of};

/// How many events may wait until it is known whose pod they are about. In a namespace that is shared most are
/// about nobody's.
const ROOM: usize = 128;

/// How long they wait: pods and events are watched apart, and one watch may be a pause behind the other.
const PATIENCE: Duration = Duration::from_secs(10);

/// Times are told in whole seconds by some: so much may be missing in one.
const PART: SignedDuration = SignedDuration::from_millis(999);

/// Decides which events are passed on. Nothing is kept of one for which that is decided.
///
/// An event is an object that counts: when the same happens again, it is changed. Versions are numbers that grow
/// within a namespace. So the newest version that was taken in says of each event whether it was seen with that count,
/// and one number a namespace is all that is remembered. Where a watch begins anew everything is told again, in the
/// order of names: what is newer than all that was there *before* is new. It is passed on when all has been told,
/// for until then the watch may begin once more.
///
/// What is passed on happened to a pod of an instance since the start of that instance. If an earlier session made
/// that start, it was for that one to tell what was there when this one began: of all that the first watch tells at
/// first, only what happened since this session began is passed on. A time in whole seconds that may be before the
/// beginning counts as before it, so what happened in that one second may be lost, but nothing is told twice.
pub(super) struct Happenings {
    /// When this session began.
    begun: Timestamp,
    namespaces: HashMap<String, Seen>,
    waiting: Vec<Waiting>,
}

/// What was seen of a namespace.
#[derive(Debug, Default)]
struct Seen {
    newest: u64,
    /// The newest before everything was told again, while it is.
    before: Option<u64>,
    /// Whether everything was told once.
    whole: bool,
}

/// An event for which it is not decided yet whose it is.
struct Waiting {
    about: About,
    version: u64,
    /// Whether it may have been there before this session began.
    first: bool,
    /// As it is told.
    told: Timestamp,
    /// As near to the truth as can be known.
    at: Timestamp,
    since: Instant,
    text: String,
}

/// The pod that an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
}

/// The instance to which a pod belongs.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) instance: InstanceId,
    pub(super) generation: Generation,
    /// When its start began.
    pub(super) begun: Timestamp,
}

impl Happenings {
    pub(super) fn new(begun: Timestamp) -> Self {
        Self {
            begun,
            namespaces: HashMap::new(),
            waiting: Vec::new(),
        }
    }

    /// A watch tells this. Returns whether nothing else is to be concluded from it.
    pub(super) fn take(&mut self, scope: &Scope, change: &Change) -> bool {
        let ("Event", Some(namespace)) = (scope.kind.as_str(), &scope.namespace) else {
            return false;
        };
        let seen = self.namespaces.entry(namespace.clone()).or_default();
        match change {
            Change::Begin => {
                if seen.before.is_some() {
                    // It comes once more.
                    let of_another = |it: &Waiting| it.about.namespace != *namespace;
                    self.waiting.retain(of_another);
                }
                seen.before.get_or_insert(seen.newest);
            }
            Change::Whole => (seen.before, seen.whole) = (None, true),
            Change::There(event) => {
                let version = version_of(event);
                let known = seen.before.unwrap_or(seen.newest);
                seen.newest = seen.newest.max(version);
                let first = !seen.whole;
                if version > known {
                    self.wait(namespace, version, first, event);
                }
                return is_plain(event);
            }
            Change::Gone(event) => return is_plain(event),
            Change::Away(_) | Change::Blind(_) => {}
        }
        false
    }

    fn wait(&mut self, namespace: &str, version: u64, first: bool, event: &Value) {
        let involved = &event["involvedObject"];
        let Some(told) = time(event) else { return };
        let is_old = first && told + PART < self.begun;
        if involved["kind"] != "Pod" || is_old {
            return;
        }
        let word = |name: &str| involved[name].as_str().unwrap_or_default().to_owned();
        let now = Timestamp::now();
        self.waiting.push(Waiting {
            about: About {
                namespace: namespace.to_owned(),
                name: word("name"),
                uid: word("uid"),
            },
            version,
            first,
            told,
            at: if is_whole(told) {
                now.clamp(told, told + PART)
            } else {
                told
            },
            since: Instant::now(),
            text: words(event),
        });
        if self.waiting.len() > ROOM {
            let waiting = self.waiting.iter().enumerate();
            let oldest = waiting.min_by_key(|(_, it)| (it.at, it.version));
            if let Some((place, _)) = oldest {
                self.waiting.swap_remove(place);
            }
        }
    }

    /// What is to be passed on, in the order of time, where somebody knows whose it is.
    pub(super) fn ripe(&mut self, whose: impl Fn(&About) -> Option<Owner>) -> Vec<DriverEvent> {
        let mut ripe = Vec::new();
        let (begun, namespaces) = (self.begun, &self.namespaces);
        self.waiting.retain_mut(|one| {
            let seen = namespaces.get(&one.about.namespace);
            if seen.is_some_and(|seen| seen.before.is_some()) {
                return true;
            }
            let Some(owner) = whose(&one.about) else {
                return one.since.elapsed() < PATIENCE;
            };
            let happened = if owner.begun < begun {
                !one.first || one.told >= begun
            } else {
                // The start may have begun within the second that is told.
                one.told + PART >= owner.begun
            };
            if happened {
                let text = std::mem::take(&mut one.text);
                let key = format!("pod/{}", one.about.name);
                let event = DriverEvent::Happened {
                    instance: owner.instance,
                    generation: owner.generation,
                    child: ChildName::new(key),
                    at: one.at,
                    text,
                };
                ripe.push(((one.at, one.version), event));
            }
            false
        });
        ripe.sort_by_key(|(order, _)| *order);
        ripe.into_iter().map(|(_, event)| event).collect()
    }
}

/// The object that made this one, and keeps it.
pub(super) fn maker(object: &Value) -> Option<Key> {
    let owner = controller(object)?;
    let api = owner["apiVersion"].as_str()?;
    let (group, version) = api.split_once('/').unwrap_or(("", api));
    Some(Key {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: owner["kind"].as_str()?.to_owned(),
        namespace: text(object, &["metadata", "namespace"]).map(str::to_owned),
        name: owner["name"].as_str()?.to_owned(),
    })
}

/// Whether it tells of no trouble.
fn is_plain(event: &Value) -> bool {
    event["type"] != "Warning"
}

/// When it happened last.
fn time(event: &Value) -> Option<Timestamp> {
    let times = [
        &event["series"]["lastObservedTime"],
        &event["lastTimestamp"],
        &event["eventTime"],
        &event["firstTimestamp"],
        &event["metadata"]["creationTimestamp"],
    ];
    let mut times = times.into_iter().filter_map(Value::as_str);
    times.find_map(|time| time.parse().ok())
}

fn is_whole(time: Timestamp) -> bool {
    time.subsec_nanosecond() == 0
}

/// `Pulled: Successfully pulled image "web:1"`, on one line.
fn words(event: &Value) -> String {
    let message = event["message"].as_str().unwrap_or_default();
    let message: Vec<&str> = message.split_whitespace().collect();
    let reason = event["reason"].as_str().unwrap_or_default();
    let count = event["series"]["count"].as_u64();
    let count = count.or_else(|| event["count"].as_u64()).unwrap_or(1);
    let again = if count > 1 {
        format!(" ({count} times)")
    } else {
        String::new()
    };
    format!("{reason}: {}{again}", message.join(" "))
}

#[cfg(test)]
mod tests;
