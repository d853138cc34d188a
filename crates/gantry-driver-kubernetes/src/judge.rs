//! What all objects of an instance mean together. Without I/O.

mod events;
mod unbound;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use gantry_core::ExitStatus;
use gantry_driver::{ChildName, ChildStatus};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use smol_str::SmolStr;

use crate::object::{Key, controller, text};
use crate::ready_when::{self, ReadyWhen};
use crate::record::Record;
use crate::standing::{self, Standing};
use crate::trouble::{self, Trouble, Weight};
use crate::view::{Scope, View};

/// For how long a real error may be seen before it counts as one that stays.
const STAYS: SignedDuration = SignedDuration::from_secs(4);

/// How late a container's end may be known. Whole seconds are told: it may have begun at the end of that one. And a node looks
/// once in a second what has become of it.
const LATE: SignedDuration = SignedDuration::from_millis(2_200);

/// Since when each real error was seen.
pub(crate) type Errors = BTreeMap<String, Timestamp>;

/// An instance, judged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    /// Its workloads and pods.
    pub(crate) children: Vec<ChildStatus>,
    pub(crate) verdict: Verdict,
    /// When time alone may change that.
    pub(crate) again: Option<Timestamp>,
    /// Its pods.
    pub(crate) pods: Vec<Arc<Value>>,
    /// The hooks that run.
    pub(crate) blame: Blame,
}

/// What is to be said of hooks that run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Blame {
    /// What troubles one, and whether that is without hope.
    pub(crate) trouble: Option<(bool, Cause)>,
    /// One that has not ended, and how it is.
    pub(crate) runs: Option<Cause>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// Not everything has been seen.
    Unknown,
    /// Nothing of it is there any more.
    Gone,
    /// It is there, and ready; or not, with what is missing.
    There { missing: Option<SmolStr> },
    /// It will not become ready.
    Hopeless(Cause),
    /// It consists of jobs, and all ended: well, or with this.
    Ended {
        cause: Option<Cause>,
        exit: ExitStatus,
    },
}

/// Why, and whose last words tell more.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cause {
    pub(crate) what: String,
    /// The pod, its container, and whether those of its run before are meant.
    pub(crate) words: Option<(Key, String, bool)>,
    pub(crate) exit: Option<ExitStatus>,
}

/// What is watched for an instance.
pub(crate) fn scopes(record: &Record) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = Vec::new();
    for one in &record.objects {
        scopes.push(Scope::of(&one.key));
        if let (true, Some(namespace)) = (one.key.is_workload(), &one.key.namespace) {
            scopes.extend(Scope::of_workloads(namespace));
        }
    }
    for hook in hooks(record) {
        scopes.push(Scope::of(hook));
        scopes.extend(
            hook.namespace
                .as_deref()
                .into_iter()
                .flat_map(Scope::of_workloads),
        );
    }
    scopes.sort();
    scopes.dedup();
    scopes
}

/// The hooks of a release that run something.
fn hooks(record: &Record) -> impl Iterator<Item = &Key> {
    let hooks = record.release.iter().flat_map(|release| &release.hooks);
    hooks.filter(|key| key.is_workload())
}

/// Judges an instance.
pub(crate) fn judge(record: &Record, view: &View, now: Timestamp, errors: &mut Errors) -> Judged {
    let mut judged = Judged {
        children: Vec::new(),
        verdict: Verdict::Unknown,
        again: None,
        pods: Vec::new(),
        blame: Blame::default(),
    };
    if !scopes(record).iter().all(|scope| view.knows(scope)) {
        return judged;
    }
    let mut look = Look {
        view,
        now,
        before: std::mem::take(errors),
        errors,
        begun: record.begun,
        settle: SignedDuration::try_from(record.settle).unwrap_or(SignedDuration::ZERO),
        ready_when: &record.ready_when,
        again: None,
        missing: Vec::new(),
        hopeless: Vec::new(),
        absent: 0,
        jobs: 0,
        over: 0,
        others: 0,
    };
    for one in record
        .objects
        .iter()
        .filter(|one| (!one.foreign || one.key.is_workload()) && !one.kept)
    {
        look.object(&one.key, &mut judged);
    }
    let keys: Vec<&Key> = record.objects.iter().map(|one| &one.key).collect();
    let idle = ready_when::idle(&record.ready_when, &keys);
    let idle = idle.into_iter();
    look.missing.extend(
        idle.map(|pattern| format!("`ready-when` is about {pattern}, and nothing is called that")),
    );
    for hook in hooks(record) {
        look.hook(hook, &mut judged);
    }
    judged.again = look.again;
    judged.verdict = look.verdict();
    judged
}

struct Look<'a> {
    view: &'a View,
    now: Timestamp,
    /// The errors that were seen when it was judged last, and those that are seen now.
    before: Errors,
    errors: &'a mut Errors,
    begun: Timestamp,
    /// How long a pod without a readiness probe must have run.
    settle: SignedDuration,
    ready_when: &'a ReadyWhen,
    again: Option<Timestamp>,
    missing: Vec<String>,
    hopeless: Vec<Cause>,
    /// How many objects are not there.
    absent: usize,
    /// How many jobs there are, and how many of them have ended.
    jobs: usize,
    over: usize,
    /// How many objects there are that are no jobs, and run.
    others: usize,
}

impl Look<'_> {
    fn verdict(self) -> Verdict {
        if self.others == 0 && self.jobs > 0 && self.over == self.jobs {
            let exit = |cause: &Cause| cause.exit.clone();
            return match self.hopeless.into_iter().next() {
                Some(cause) => Verdict::Ended {
                    exit: exit(&cause).unwrap_or(ExitStatus::Code(1)),
                    cause: Some(cause),
                },
                None => Verdict::Ended {
                    cause: None,
                    exit: ExitStatus::Code(0),
                },
            };
        }
        if self.others + self.jobs == 0 && self.absent > 0 {
            return Verdict::Gone;
        }
        if let Some(cause) = self.hopeless.into_iter().next() {
            return Verdict::Hopeless(cause);
        }
        let missing = (!self.missing.is_empty()).then(|| self.missing.join("; ").into());
        Verdict::There { missing }
    }

    fn object(&mut self, key: &Key, judged: &mut Judged) {
        let short = key.short();
        let Some(object) = self.view.get(key).cloned() else {
            self.absent += 1;
            self.missing.push(format!("{short} is not there"));
            if key.is_workload() {
                judged.children.push(gone(&short));
            }
            return;
        };
        let standing = standing::of(&object);
        let mut standing = ready_when::decide(self.ready_when, key, &object, standing);
        if !key.is_workload() {
            match standing {
                Standing::Current => {}
                Standing::Failed(what) => self.hopeless.push(plain(format!("{short} {what}"))),
                // Nobody is bound to a claim before somebody uses it.
                Standing::InProgress(_) if key.kind == "PersistentVolumeClaim" => {}
                Standing::InProgress(what) | Standing::Terminating(what) => {
                    self.missing.push(format!("{short}: {what}"));
                }
            }
            return;
        }
        let is_job = key.kind == "Job" || key.kind == "Pod" && is_run_once(&object);
        let ended =
            is_job && (standing::has_completed(&object) || matches!(standing, Standing::Failed(_)));
        if is_job {
            self.jobs += 1;
            self.over += usize::from(ended);
        } else {
            self.others += 1;
        }
        let causes = self.workload(key, &object, is_job, &mut standing, judged);
        let first = causes.first().cloned();
        let message = first.as_ref().map(|(_, cause)| cause.what.clone());
        let is_current = standing == Standing::Current;
        match (&standing, first) {
            (Standing::Current, _) => {}
            (_, Some((Weight::Hopeless, cause))) => self.hopeless.push(cause),
            (Standing::Failed(what), first) => {
                let mut cause = first.map_or_else(|| plain(what.clone()), |(_, cause)| cause);
                if !cause.what.contains(&short) {
                    cause.what = format!("{short}: {}", cause.what);
                }
                self.hopeless.push(cause);
            }
            (Standing::InProgress(what) | Standing::Terminating(what), first) => {
                let detail =
                    first.map_or_else(String::new, |(_, cause)| format!(" ({})", cause.what));
                self.missing.push(format!("{short}: {what}{detail}"));
            }
        }
        judged.children.push(ChildStatus {
            name: ChildName::new(&short),
            state: Some(word(&standing, ended).into()),
            started: true,
            ready: is_current && !ended,
            completed: is_job && standing::has_completed(&object),
            message: message.filter(|_| !is_current),
        });
    }

    /// Takes in the pods of a workload, and gives what troubles it, the worst first.
    fn workload(
        &mut self,
        key: &Key,
        object: &Arc<Value>,
        is_job: bool,
        standing: &mut Standing,
        judged: &mut Judged,
    ) -> Vec<(Weight, Cause)> {
        let short = key.short();
        let pods = self.pods_of(key, object);
        let mut causes: Vec<(Weight, Cause)> = Vec::new();
        for told in trouble::of_workload(object) {
            causes.push((told.weight, plain(format!("{short}: {}", told.what))));
        }
        for pod in &pods {
            let pod_key = Key::of(pod);
            let name = pod_key.short();
            let troubles = self.with_claims(pod, trouble::of_pod(pod));
            let events = self.events_of(pod);
            judged.children.push(self::pod(&name, pod, &troubles));
            if *standing == Standing::Current && !is_job && !self.has_settled(pod) {
                *standing = Standing::InProgress(format!("{name} has not run for long enough"));
            }
            for told in troubles.into_iter().chain(events) {
                causes.push((told.weight, cause_of(&pod_key, told)));
            }
            judged.pods.push(Arc::clone(pod));
        }
        // A workload may be told to be whole before its pods are seen: they are what it is judged by.
        let is_seen = |pod: &&Arc<Value>| standing::of(pod) == Standing::Current;
        let (seen, wanted) = (
            pods.iter().filter(is_seen).count(),
            wanted_pods(key, object),
        );
        if *standing == Standing::Current && seen < wanted {
            *standing =
                Standing::InProgress(format!("{seen} of {wanted} pods were seen to be ready"));
        }
        for told in self.events_of(object) {
            causes.push((told.weight, plain(format!("{short}: {}", told.what))));
        }
        for (weight, cause) in &mut causes {
            self.weigh(weight, &cause.what);
        }
        causes.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        causes
    }

    /// A hook that has not ended: what its newest pod is at.
    fn at_work(&self, key: &Key, object: &Arc<Value>, trouble: Option<String>) -> Cause {
        let short = key.short();
        let pods = self.pods_of(key, object);
        let made =
            |pod: &&Arc<Value>| text(pod, &["metadata", "creationTimestamp"]).map(str::to_owned);
        let Some(pod) = pods.iter().max_by_key(made) else {
            let is = trouble.unwrap_or_else(|| format!("{short} has no pod yet"));
            return plain(is);
        };
        let name = Key::of(pod);
        let phase = text(pod, &["status", "phase"]).unwrap_or("Pending");
        let container = pod["spec"]["containers"][0]["name"].as_str();
        let is = trouble.unwrap_or_else(|| format!("{} is {phase}", name.short()));
        let what = if is.contains(&short) || *key == name {
            is
        } else {
            format!("{short}: {is}")
        };
        Cause {
            what,
            words: container.map(|container| (name, container.to_owned(), false)),
            exit: None,
        }
    }

    /// A hook is no part of what is judged: it runs before or after. What troubles one that runs now is told.
    fn hook(&mut self, key: &Key, judged: &mut Judged) {
        let Some(object) = self.view.get(key).cloned() else {
            return;
        };
        let short = key.short();
        let made = text(&object, &["metadata", "creationTimestamp"]);
        let made: Option<Timestamp> = made.and_then(|time| time.parse().ok());
        // Whole seconds are told.
        let is_old = made.is_some_and(|made| made < self.begun - SignedDuration::from_secs(1));
        let mut standing = standing::of(&object);
        let causes = self.workload(key, &object, true, &mut standing, judged);
        let completed = standing::has_completed(&object);
        let first = causes.into_iter().next();
        let message = first.as_ref().map(|(_, cause)| cause.what.clone());
        let failed = matches!(standing, Standing::Failed(_));
        if !completed && !is_old {
            let blamed = match (&standing, first) {
                (Standing::Failed(what), first) => {
                    let mut cause = first.map_or_else(|| plain(what.clone()), |(_, cause)| cause);
                    if !cause.what.contains(&short) {
                        cause.what = format!("{short}: {}", cause.what);
                    }
                    Some((true, cause))
                }
                (_, Some((weight, cause))) if weight != Weight::Passing => {
                    Some((weight == Weight::Hopeless, cause))
                }
                _ => None,
            };
            let known = &mut judged.blame;
            let is_worse = |(hopeless, _): &(bool, Cause)| *hopeless || known.trouble.is_none();
            if let Some(blamed) = blamed.filter(is_worse) {
                known.trouble = Some(blamed);
            }
            known.runs = Some(self.at_work(key, &object, message.clone()));
        }
        judged.children.push(ChildStatus {
            name: ChildName::new(&short),
            state: Some(word(&standing, completed || failed).into()),
            started: true,
            ready: false,
            completed,
            message: message.filter(|_| !completed),
        });
    }

    /// A real error that stays is as bad as one that is seen twice. A probe that is not answered yet is none: whoever
    /// starts slowly has its time.
    fn weigh(&mut self, weight: &mut Weight, what: &str) {
        if *weight != Weight::Once || what.contains("probe failed") {
            return;
        }
        let since = self.before.get(what).copied().unwrap_or(self.now);
        self.errors.insert(what.to_owned(), since);
        let stays = since.checked_add(STAYS).unwrap_or(since);
        if stays <= self.now {
            *weight = Weight::Hopeless;
        } else {
            self.again = Some(self.again.map_or(stays, |other| other.min(stays)));
        }
    }

    /// The pods of a workload; of a Deployment those that are made of what it asks for now.
    fn pods_of(&self, key: &Key, object: &Arc<Value>) -> Vec<Arc<Value>> {
        if key.kind == "Pod" {
            return vec![Arc::clone(object)];
        }
        let Some(namespace) = &key.namespace else {
            return Vec::new();
        };
        let [pods, _, sets, jobs] = Scope::of_workloads(namespace);
        let mut owners: HashSet<&str> = text(object, &["metadata", "uid"]).into_iter().collect();
        let between = match key.kind.as_str() {
            "Deployment" => newest(self.owned(&sets, &owners)),
            "CronJob" => self.owned(&jobs, &owners),
            _ => Vec::new(),
        };
        owners.extend(
            between
                .iter()
                .filter_map(|one| text(one, &["metadata", "uid"])),
        );
        self.owned(&pods, &owners).into_iter().cloned().collect()
    }

    fn owned(&self, scope: &Scope, owners: &HashSet<&str>) -> Vec<&Arc<Value>> {
        let mut all = self.view.all(scope);
        all.retain(|one| owner(one).is_some_and(|owner| owners.contains(owner)));
        all
    }

    /// Whether a pod has run for long enough to count. One with readiness probes counts at once.
    fn has_settled(&mut self, pod: &Value) -> bool {
        let containers = pod["spec"]["containers"].as_array();
        let unprobed = containers
            .into_iter()
            .flatten()
            .filter(|container| !container["readinessProbe"].is_object());
        let mut settles: Option<Timestamp> = None;
        for container in unprobed {
            let statuses = pod["status"]["containerStatuses"].as_array();
            let mut statuses = statuses.into_iter().flatten();
            let status = statuses.find(|status| status["name"] == container["name"]);
            let started = status.and_then(|it| text(it, &["state", "running", "startedAt"]));
            let started: Option<Timestamp> = started.and_then(|time| time.parse().ok());
            let whole = self.settle.saturating_add(LATE);
            let at = started.and_then(|at| at.checked_add(whole).ok());
            settles = settles.max(at);
        }
        match settles {
            Some(at) if at > self.now => {
                self.again = Some(self.again.map_or(at, |other| other.min(at)));
                false
            }
            _ => true,
        }
    }
}

/// How many pods a workload that is whole has at least.
fn wanted_pods(key: &Key, object: &Value) -> usize {
    let number = match key.kind.as_str() {
        "Deployment" | "ReplicaSet" | "StatefulSet" | "ReplicationController" => {
            object["spec"]["replicas"].as_u64().unwrap_or(1)
        }
        "DaemonSet" => object["status"]["desiredNumberScheduled"]
            .as_u64()
            .unwrap_or(0),
        _ => 0,
    };
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A pod as a part.
fn pod(name: &str, pod: &Value, troubles: &[Trouble]) -> ChildStatus {
    let phase = text(pod, &["status", "phase"])
        .unwrap_or("Pending")
        .to_lowercase();
    let is_going = pod["metadata"]["deletionTimestamp"].is_string();
    let completed = standing::has_completed(pod);
    ChildStatus {
        name: ChildName::new(name),
        state: Some(if is_going {
            "terminating".into()
        } else {
            phase.as_str().into()
        }),
        started: matches!(phase.as_str(), "running" | "succeeded" | "failed"),
        ready: standing::of(pod) == Standing::Current && !completed,
        completed,
        message: troubles.first().map(|told| told.what.clone()),
    }
}

fn owner(object: &Value) -> Option<&str> {
    controller(object)?["uid"].as_str()
}

/// The newest of a Deployment's sets.
fn newest(sets: Vec<&Arc<Value>>) -> Vec<&Arc<Value>> {
    let revision = |set: &&Arc<Value>| -> u64 {
        let annotation = &set["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        annotation
            .as_str()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    sets.into_iter().max_by_key(revision).into_iter().collect()
}

fn is_run_once(pod: &Value) -> bool {
    matches!(
        text(pod, &["spec", "restartPolicy"]),
        Some("Never" | "OnFailure")
    )
}

fn plain(what: String) -> Cause {
    Cause {
        what,
        words: None,
        exit: None,
    }
}

fn cause_of(pod: &Key, told: Trouble) -> Cause {
    let exit = told.end.map(|end| {
        let code = i32::try_from(end.code).unwrap_or(-1);
        match end.signal.and_then(|signal| i32::try_from(signal).ok()) {
            _ if end.out_of_memory => ExitStatus::OutOfMemory {
                limit: None,
                code: Some(code),
            },
            Some(signal) => ExitStatus::Signal(signal),
            None => ExitStatus::Code(code),
        }
    });
    Cause {
        what: format!("{}: {}", pod.short(), told.what),
        words: told
            .words
            .map(|(container, before)| (pod.clone(), container, before)),
        exit,
    }
}

fn word(standing: &Standing, ended: bool) -> &'static str {
    match standing {
        Standing::Current if ended => "completed",
        Standing::Current => "ready",
        Standing::InProgress(_) => "progressing",
        Standing::Failed(_) => "failed",
        Standing::Terminating(_) => "terminating",
    }
}

fn gone(name: &str) -> ChildStatus {
    ChildStatus {
        name: ChildName::new(name),
        state: None,
        started: false,
        ready: false,
        completed: false,
        message: None,
    }
}
