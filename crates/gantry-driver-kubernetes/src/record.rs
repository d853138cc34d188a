//! What was applied for an instance: the inventory, written down here and in the cluster.
//!
//! It is written before anything is applied, so that nothing that was made is ever forgotten. Only what stands in it is
//! ever deleted.

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_core::{Digest, Generation, InstanceId, Revision, ServiceName};
use gantry_driver::{LogPolicy, Settings, StackIdentity};
use gantry_stack::modes::forward::Forward;
use gantry_stack::modes::kubernetes::OnStop;
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::apply::Mark;
use crate::forward::{self, Noted};
use crate::home;
use crate::object::Key;
use crate::ready_when::ReadyWhen;

const VERSION: u32 = 1;

/// The labels that everything has that we apply.
pub(crate) const STACK: &str = "gantry.stack";
pub(crate) const SERVICE: &str = "gantry.service";

/// What was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Record {
    version: u32,
    pub(crate) generation: Generation,
    pub(crate) revision: Revision,
    pub(crate) digest: Digest,
    /// Which cluster: another session's records are not this one's.
    pub(crate) target: String,
    /// The namespace of objects that name none, in which the cluster's copy of this is.
    pub(crate) namespace: String,
    /// Whether we made it.
    pub(crate) made_namespace: bool,
    /// In the order in which they are applied.
    pub(crate) objects: Vec<Applied>,
    /// When its start began.
    pub(crate) begun: Timestamp,
    /// Whether it has come to where its start has ended.
    pub(crate) started: bool,
    /// Whether it was stopped: what is left is kept for the next start.
    pub(crate) stopped: bool,
    /// How output is kept.
    pub(crate) logs: LogPolicy,
    /// How long a pod without a readiness probe must have run before it counts as ready.
    #[serde(default = "two_seconds")]
    pub(crate) settle: Duration,
    /// When objects are ready, in the words of the stack file.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(crate) ready_when: ReadyWhen,
    /// What a stop does with it.
    #[serde(default)]
    pub(crate) on_stop: OnStop,
    /// Ways from this machine to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) forwards: Vec<Noted>,
    /// The release, if Helm made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) release: Option<ReleaseNote>,
}

fn two_seconds() -> Duration {
    Duration::from_secs(2)
}

/// What is known of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ReleaseNote {
    pub(crate) name: String,
    /// Its newest revision; 0 if there is none yet.
    pub(crate) revision: u32,
    /// What it is made of, as in `web-1.2.3`.
    pub(crate) chart: String,
    /// The version of what is in the chart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app_version: Option<String>,
    /// What runs before or after, and is no part of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hooks: Vec<Key>,
    /// Definitions that it brought along, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) definitions: Vec<String>,
    /// What the run of Helm is called that made it, or makes it.
    pub(crate) job: String,
    /// The revision that it went back to, if it did: it is not what the stack file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) back_to: Option<u32>,
    /// The revision that such a run has left half done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) interrupted: Option<u32>,
}

/// Whose records are meant: each mode has files of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Manifests that are applied.
    Manifests,
    /// Releases that Helm makes.
    Releases,
}

impl Mode {
    fn file(self) -> &'static str {
        match self {
            Self::Manifests => "kubernetes.json",
            Self::Releases => "helm.json",
        }
    }
}

/// One object that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Applied {
    #[serde(flatten)]
    pub(crate) key: Key,
    /// Whether it was there before, made by somebody else: then it is never deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) foreign: bool,
    /// Whether it stands in no manifest: a claim that a stateful set has made, and that outlives it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) kept: bool,
    /// How many copies there were when a stop took it to none; of a cron job 1, for one that was not suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asleep: Option<u64>,
    /// As what we left it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) left: Option<Left>,
}

/// As what an object was left: whatever differs later was changed by somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Left {
    /// Its version: it grows with every change, also of what is seen of it.
    pub(crate) version: u64,
    /// The count of changes of what is wanted of it, of kinds that have such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) generation: Option<i64>,
}

impl Applied {
    pub(crate) fn new(key: Key, foreign: bool) -> Self {
        Self {
            key,
            foreign,
            kept: false,
            asleep: None,
            left: None,
        }
    }
}

impl Record {
    pub(crate) fn new(
        generation: Generation,
        from: &gantry_driver::Recorded,
        target: &str,
        namespace: String,
    ) -> Self {
        Self {
            version: VERSION,
            generation,
            revision: from.revision,
            digest: from.digest,
            target: target.to_owned(),
            namespace,
            made_namespace: false,
            objects: Vec::new(),
            begun: Timestamp::now(),
            started: false,
            stopped: false,
            logs: from.settings.logs.clone(),
            settle: two_seconds(),
            ready_when: ReadyWhen::new(),
            on_stop: OnStop::Delete,
            forwards: Vec::new(),
            release: None,
        }
    }

    /// Notes the ways to it, with the ports that were drawn for them.
    pub(crate) fn forward(&mut self, forwards: &[Forward], settings: &Settings) {
        let port = |at: usize, one: &Forward| {
            let name = forward::port_name(one, at, &settings.ports);
            settings.host_ports.as_ref()?.get(name.as_str()).copied()
        };
        let noted = forwards.iter().enumerate().map(|(at, one)| Noted {
            forward: one.clone(),
            drawn: port(at, one).filter(|_| one.local == 0),
            namespace: one
                .namespace
                .clone()
                .unwrap_or_else(|| self.namespace.clone()),
        });
        self.forwards = noted.collect();
    }

    /// Takes in claims that stateful sets have made.
    pub(crate) fn keep(&mut self, claims: &[Key]) {
        for key in claims {
            if self.find(key).is_none() {
                self.objects.push(Applied {
                    key: key.clone(),
                    foreign: false,
                    kept: true,
                    asleep: None,
                    left: None,
                });
            }
        }
    }

    /// Notes as what its objects were left.
    pub(crate) fn leave(&mut self, marks: &[Mark]) {
        for mark in marks {
            let objects = self.objects.iter_mut();
            for one in objects.filter(|one| one.key.is_same(&mark.key)) {
                one.left = Some(mark.left);
            }
        }
    }

    /// Whether an object is in it.
    pub(crate) fn find(&self, key: &Key) -> Option<&Applied> {
        self.objects.iter().find(|one| one.key.is_same(key))
    }

    /// The object in which the cluster has a copy.
    pub(crate) fn in_cluster(&self, stack: &StackIdentity, instance: &InstanceId) -> Value {
        let text = serde_json::to_string(self).unwrap_or_default();
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name_in_cluster(stack, instance),
                "namespace": self.namespace,
                "labels": labels(stack, instance),
            },
            "data": { "stack": stack.name, "home": home::mark(stack), "inventory": text },
        })
    }
}

/// What the cluster's copy is called.
pub(crate) fn name_in_cluster(stack: &StackIdentity, instance: &InstanceId) -> String {
    let sum = blake3::hash(stack.id.as_bytes()).to_hex();
    let service = instance.service.as_str().to_lowercase().replace('_', "-");
    format!("gantry.{}.{service}.{}", &sum[..10], instance.number())
}

/// The labels of what is applied for an instance. A label has at most 63 characters: a long id is named by its sum.
pub(crate) fn labels(stack: &StackIdentity, instance: &InstanceId) -> Value {
    label_pairs(stack, instance).into_iter().collect()
}

/// The same, one by one.
pub(crate) fn label_pairs(stack: &StackIdentity, instance: &InstanceId) -> [(String, String); 2] {
    [
        (STACK.to_owned(), label(&stack.id)),
        (SERVICE.to_owned(), label(instance.service.as_str())),
    ]
}

pub(crate) fn label(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let ends = |letter: char| letter.is_ascii_alphanumeric();
    if text.len() <= 63
        && text.chars().all(is_plain)
        && text.starts_with(ends)
        && text.ends_with(ends)
    {
        return text.to_owned();
    }
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

/// The folder with all that is kept of an instance.
pub(crate) fn folder(stack: &StackIdentity, instance: &InstanceId) -> Utf8PathBuf {
    stack
        .state_dir
        .join("services")
        .join(instance.service.as_str())
        .join(instance.number().to_string())
}

fn path(stack: &StackIdentity, mode: Mode, instance: &InstanceId) -> Utf8PathBuf {
    folder(stack, instance).join(mode.file())
}

/// Writes a record down, whole.
pub(crate) fn write(
    stack: &StackIdentity,
    mode: Mode,
    instance: &InstanceId,
    record: &Record,
) -> io::Result<()> {
    let path = path(stack, mode, instance);
    if let Some(folder) = path.parent() {
        let mut folders = std::fs::DirBuilder::new();
        folders.recursive(true).mode(0o700).create(folder)?;
    }
    let mut text = serde_json::to_vec_pretty(record)?;
    text.push(b'\n');
    let temporary = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(&text)?;
    drop(file);
    std::fs::rename(temporary, path)
}

/// Removes what was written.
pub(crate) fn remove(stack: &StackIdentity, mode: Mode, instance: &InstanceId) {
    let path = path(stack, mode, instance);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%path, %error, "what was noted of an instance stays");
        }
        _ => {}
    }
}

/// The record of an instance, if it can be read.
pub(crate) fn read(stack: &StackIdentity, mode: Mode, instance: &InstanceId) -> Option<Record> {
    let text = std::fs::read(path(stack, mode, instance)).ok()?;
    let record: Record = serde_json::from_slice(&text).ok()?;
    (record.version == VERSION).then_some(record)
}

/// All records of a stack in one cluster. One that cannot be read is set aside, and said.
pub(crate) fn all(stack: &StackIdentity, mode: Mode, target: &str) -> Vec<(InstanceId, Record)> {
    let mut found = Vec::new();
    for (service, folder) in folders(&stack.state_dir.join("services")) {
        let Ok(service) = ServiceName::new(&service) else {
            continue;
        };
        for (number, _) in folders(&folder) {
            let slot = number.parse::<u16>().ok().and_then(|it| it.checked_sub(1));
            let Some(slot) = slot else { continue };
            let instance = InstanceId::new(service.clone(), slot);
            let path = path(stack, mode, &instance);
            let Ok(text) = std::fs::read(&path) else {
                continue;
            };
            match serde_json::from_slice::<Record>(&text) {
                Ok(record) if record.version == VERSION => {
                    if record.target == target {
                        found.push((instance, record));
                    }
                }
                other => {
                    let reason = other.map_or_else(
                        |error| error.to_string(),
                        |record| format!("it is of version {}", record.version),
                    );
                    tracing::warn!(%path, reason, "an inventory is set aside");
                    let _ = std::fs::rename(&path, path.with_extension("unreadable"));
                }
            }
        }
    }
    found
}

fn folders(path: &Utf8Path) -> Vec<(String, Utf8PathBuf)> {
    let entries = path.read_dir_utf8().into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders
        .map(|entry| (entry.file_name().to_owned(), entry.path().to_owned()))
        .collect()
}
