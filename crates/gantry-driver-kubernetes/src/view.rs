//! What is seen of the cluster: one watch for each kind and namespace, whatever it is watched for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::cluster::trouble;
use crate::context::Context;
use crate::link::Input;
use crate::object::{Key, text};

/// How often everything may be watched anew.
const RENEW: Duration = Duration::from_secs(1);

/// One watch: a kind in a namespace, or in the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Scope {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) namespace: Option<String>,
}

impl Scope {
    /// The watch in which an object is seen.
    pub(crate) fn of(key: &Key) -> Self {
        Self {
            group: key.group.clone(),
            version: key.version.clone(),
            kind: key.kind.clone(),
            namespace: key.namespace.clone(),
        }
    }

    pub(crate) fn beside(namespace: &str, group: &str, kind: &str) -> Self {
        Self {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: Some(namespace.to_owned()),
        }
    }

    /// What is looked at beside workloads in a namespace: what they make, and what is told of it.
    pub(crate) fn of_workloads(namespace: &str) -> [Self; 4] {
        [
            Self::beside(namespace, "", "Pod"),
            Self::beside(namespace, "", "Event"),
            Self::beside(namespace, "apps", "ReplicaSet"),
            Self::beside(namespace, "batch", "Job"),
        ]
    }
}

/// What a watch tells.
#[derive(Debug)]
pub(crate) enum Change {
    /// Everything is told anew.
    Begin,
    /// It is there, like this.
    There(Value),
    /// It is gone.
    Gone(Value),
    /// Everything was told.
    Whole,
    /// The cluster cannot be asked.
    Away(String),
    /// The cluster answers, but may not be asked this any more.
    Blind(String),
}

/// Everything that is seen.
#[derive(Default)]
pub(crate) struct View {
    watches: HashMap<Scope, Watch>,
    /// When everything was watched anew.
    renewed: Option<Instant>,
}

struct Watch {
    objects: HashMap<String, Arc<Value>>,
    /// What was told since everything is told anew.
    fresh: Option<HashMap<String, Arc<Value>>>,
    /// The newest version of anything that was told.
    newest: u64,
    /// Whether everything was told once.
    whole: bool,
    away: bool,
    /// Whether it may not be asked any more what it told before.
    blind: bool,
    task: AbortOnDropHandle<()>,
}

impl View {
    /// Sees to it that this is watched.
    pub(crate) fn want(
        &mut self,
        scope: &Scope,
        context: &Arc<Context>,
        outbox: &UnboundedSender<Input>,
    ) {
        if self.watches.contains_key(scope) {
            return;
        }
        let task = watch(Arc::clone(context), scope.clone(), outbox.clone(), false);
        let task = tokio::spawn(task);
        self.watches.insert(
            scope.clone(),
            Watch {
                objects: HashMap::new(),
                fresh: None,
                newest: 0,
                whole: false,
                away: false,
                blind: false,
                task: AbortOnDropHandle::new(task),
            },
        );
    }

    /// Watches everything anew, on new connections: those of before may be dead without anyone having been told. What
    /// was seen is kept until all is told again.
    pub(crate) fn renew(&mut self, context: &Arc<Context>, outbox: &UnboundedSender<Input>) {
        let now = Instant::now();
        if self.renewed.is_some_and(|at| now - at < RENEW) {
            return;
        }
        self.renewed = Some(now);
        for (scope, seen) in &mut self.watches {
            let task = watch(Arc::clone(context), scope.clone(), outbox.clone(), true);
            seen.task = AbortOnDropHandle::new(tokio::spawn(task));
        }
    }

    /// Takes in what a watch tells.
    pub(crate) fn take(&mut self, scope: &Scope, change: Change) {
        let Some(watch) = self.watches.get_mut(scope) else {
            return;
        };
        let name = |object: &Value| Key::of(object).name;
        if let Change::There(object) | Change::Gone(object) = &change {
            watch.newest = watch.newest.max(version_of(object));
        }
        match change {
            Change::Begin => watch.fresh = Some(HashMap::new()),
            Change::There(object) => {
                let all = watch.fresh.as_mut().unwrap_or(&mut watch.objects);
                all.insert(name(&object), Arc::new(object));
            }
            Change::Gone(object) => {
                watch.objects.remove(&name(&object));
            }
            Change::Whole => {
                if let Some(fresh) = watch.fresh.take() {
                    watch.objects = fresh;
                }
                (watch.whole, watch.away, watch.blind) = (true, false, false);
            }
            Change::Away(_) => watch.away = true,
            Change::Blind(_) => watch.blind = true,
        }
    }

    /// Whether some watch cannot ask.
    pub(crate) fn is_away(&self) -> bool {
        self.watches.values().any(|watch| watch.away || watch.blind)
    }

    /// The cluster answers again. Watches go on from where they were, and what was missed is told.
    pub(crate) fn is_back(&mut self) {
        for watch in self.watches.values_mut() {
            watch.away = false;
        }
    }

    /// Whether all that was asked for has been told.
    pub(crate) fn is_whole(&self) -> bool {
        self.watches.values().all(|watch| watch.whole)
    }

    /// Whether that of this watch has been told.
    pub(crate) fn knows(&self, scope: &Scope) -> bool {
        self.watches.get(scope).is_some_and(|watch| watch.whole)
    }

    /// Whether an object was seen as it was in this version, or later. One that is gone was.
    pub(crate) fn has_seen(&self, key: &Key, version: u64) -> bool {
        let Some(watch) = self.watches.get(&Scope::of(key)) else {
            return false;
        };
        let Some(object) = watch.objects.get(&key.name) else {
            return watch.newest >= version;
        };
        version_of(object) >= version
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.watches.get(&Scope::of(key))?.objects.get(&key.name)
    }

    /// All of a watch, in the order of their names.
    pub(crate) fn all(&self, scope: &Scope) -> Vec<&Arc<Value>> {
        let objects = self.watches.get(scope).map(|watch| &watch.objects);
        let mut all: Vec<_> = objects.into_iter().flatten().collect();
        all.sort_by_key(|(name, _)| *name);
        all.into_iter().map(|(_, object)| object).collect()
    }
}

/// Versions are numbers that grow within a kind.
pub(crate) fn version_of(object: &Value) -> u64 {
    let version = text(object, &["metadata", "resourceVersion"]);
    version.and_then(|text| text.parse().ok()).unwrap_or(0)
}

async fn watch(
    context: Arc<Context>,
    scope: Scope,
    outbox: UnboundedSender<Input>,
    on_new_connections: bool,
) {
    let tell = |change| {
        outbox
            .send(Input::Seen(scope.clone(), Box::new(change)))
            .is_ok()
    };
    let key = Key {
        group: scope.group.clone(),
        version: scope.version.clone(),
        kind: scope.kind.clone(),
        namespace: scope.namespace.clone(),
        name: String::new(),
    };
    let api = loop {
        let place = if on_new_connections {
            context.cluster.place_on_road(&key).await
        } else {
            context.cluster.place(&key).await
        };
        match place {
            Ok(api) => break api,
            Err(error) => {
                if !tell(Change::Away(error.to_string())) {
                    return;
                }
                tokio::time::sleep(Pause::LONGEST).await;
            }
        }
    };
    let begin = || {
        let events = watcher::watcher(api.clone(), watcher::Config::default());
        events.backoff(Pause::default()).boxed()
    };
    let mut events = begin();
    let mut refusals = Refusals::default();
    while let Some(event) = events.next().await {
        let plain = |object: kube::api::DynamicObject| {
            let mut value = serde_json::to_value(object).unwrap_or_default();
            if let Some(metadata) = value["metadata"].as_object_mut() {
                metadata.remove("managedFields");
            }
            value
        };
        let change = match event {
            Ok(Event::Init) => Change::Begin,
            Ok(Event::InitApply(object) | Event::Apply(object)) => {
                Change::There(typed(plain(object), &scope))
            }
            Ok(Event::InitDone) => {
                refusals = Refusals::AfterAll;
                Change::Whole
            }
            Ok(Event::Delete(object)) => Change::Gone(typed(plain(object), &scope)),
            Err(error) => match trouble_of(&error) {
                Trouble::Away(reason) => Change::Away(reason),
                Trouble::Refused(reason) => {
                    tracing::warn!(?scope, reason, "this cannot be watched");
                    match refusals.next() {
                        // A server that has just begun does not know yet who may do what.
                        Refused::Again => continue,
                        Refused::Blind => {
                            // It was seen before: what is there is not gone because nobody may look.
                            events = begin();
                            tokio::time::sleep(Pause::LONGEST).await;
                            Change::Blind(reason)
                        }
                        Refused::Always => {
                            // As if nothing were there: whoever waits for it is told that it is not.
                            let _ = tell(Change::Begin);
                            Change::Whole
                        }
                    }
                }
                Trouble::Old => {
                    // What it knows is too old to go on from, whoever says so: everything is told anew.
                    events = begin();
                    tokio::time::sleep(Pause::FIRST).await;
                    continue;
                }
                Trouble::None => continue,
            },
        };
        if !tell(change) {
            return;
        }
    }
}

/// How often a watch was refused that may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusals {
    /// So often, since it began.
    Before(u32),
    /// It was allowed once.
    AfterAll,
}

impl Default for Refusals {
    fn default() -> Self {
        Self::Before(0)
    }
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// Nothing yet.
    Again,
    /// What was seen cannot be seen now.
    Blind,
    /// It may never be seen.
    Always,
}

impl Refusals {
    /// So many of them mean that it will stay so: with their pauses, a second.
    const ENOUGH: u32 = 5;

    fn next(&mut self) -> Refused {
        match self {
            Self::AfterAll => Refused::Blind,
            Self::Before(count) if *count + 1 < Self::ENOUGH => {
                *count += 1;
                Refused::Again
            }
            Self::Before(_) => Refused::Always,
        }
    }
}

/// Lists leave out what all of their items have in common.
fn typed(mut object: Value, scope: &Scope) -> Value {
    if !object["kind"].is_string() {
        let api = if scope.group.is_empty() {
            scope.version.clone()
        } else {
            format!("{}/{}", scope.group, scope.version)
        };
        object["apiVersion"] = api.into();
        object["kind"] = scope.kind.clone().into();
    }
    object
}

/// How long a watch waits before it asks again: a server that is back is noticed within a second.
struct Pause(Duration);

impl Pause {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_millis(800);
}

impl Default for Pause {
    fn default() -> Self {
        Self(Self::FIRST)
    }
}

impl Iterator for Pause {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let now = self.0;
        self.0 = (now * 2).min(Self::LONGEST);
        Some(now)
    }
}

impl Backoff for Pause {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// What an error of a watch says.
enum Trouble {
    /// Nothing: everything is told anew.
    None,
    /// What it knew is too old to go on from.
    Old,
    /// The cluster cannot be asked.
    Away(String),
    /// It does not answer this question.
    Refused(String),
}

fn trouble_of(error: &watcher::Error) -> Trouble {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => match error {
            kube::Error::Api(status) if status.code == 410 => Trouble::Old,
            // It is the asker who is not known.
            kube::Error::Api(status) if status.code == 401 => {
                Trouble::Away(trouble("watch", error).reason.clone())
            }
            kube::Error::Api(status) if status.code < 500 && status.code != 429 => {
                Trouble::Refused(status.message.clone())
            }
            error => Trouble::Away(trouble("watch", error).to_string()),
        },
        watcher::Error::WatchError(status) if status.code == 410 => Trouble::Old,
        watcher::Error::WatchError(status) => Trouble::Away(status.message.clone()),
        watcher::Error::NoResourceVersion => Trouble::None,
    }
}
