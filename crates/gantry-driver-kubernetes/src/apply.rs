//! Bringing manifests into the cluster, and what left them out of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use gantry_core::{Failure, FailureKind, Generation, InstanceId, Stage};
use gantry_driver::{DriverError, Recorded};
use gantry_stack::modes::kubernetes::OnStop;
use kube::api::{DynamicObject, ObjectMeta, Patch, PatchParams};
use kube::core::Status;
use kube::core::response::StatusCause;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::cluster::{self, MANAGER, trouble};
use crate::context::Context;
use crate::delete;
use crate::home;
use crate::kustomize;
use crate::link::End;
use crate::namespace;
use crate::object::{Key, Rank};
use crate::record::{self, Applied, Left, Record, STACK};
use crate::scale;
use crate::spec::Spec;
use crate::standing::{self, Standing};

/// How many requests are under way at once.
pub(crate) const AT_ONCE: usize = 8;

/// How long a definition may take until its kind can be used.
const ESTABLISHED: Duration = Duration::from_secs(30);

/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A start, or a change as it runs.
pub(crate) struct Apply {
    pub(crate) context: Arc<Context>,
    pub(crate) instance: InstanceId,
    pub(crate) generation: Generation,
    pub(crate) from: Recorded,
    /// What was applied before: of the same instance, also of an earlier start.
    pub(crate) before: Option<Record>,
    pub(crate) cancelled: CancellationToken,
}

/// As which versions the server has what was applied: what is seen of it and is older says nothing.
pub(crate) type Marks = Vec<Mark>;

/// As which version the server has an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) key: Key,
    pub(crate) left: Left,
}

impl Mark {
    /// Of an object, by what the server says of it.
    pub(crate) fn of(key: Key, metadata: &ObjectMeta) -> Self {
        let version = metadata.resource_version.as_deref();
        Self {
            key,
            left: Left {
                version: version.and_then(|it| it.parse().ok()).unwrap_or(0),
                generation: metadata.generation,
            },
        }
    }
}

/// Why it was not applied.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// It was told to give up before it changed anything.
    Cancelled,
    /// It failed.
    Failed(DriverError),
    /// Something that it ran failed: how that ended.
    Broken(Box<End>),
    /// Something that it ran did not end in time: where that stands.
    Late(Box<End>),
}

impl Wrong {
    /// The same as a service's failure in this part of its life.
    pub(crate) fn into_failure(self, stage: Stage) -> Failure {
        let stage = match self {
            Self::Late(_) => Stage::Ready,
            _ => stage,
        };
        match self {
            Self::Cancelled => Failure::new(stage, "it was given up"),
            Self::Failed(error) => error.into_failure(stage),
            Self::Broken(end) | Self::Late(end) => {
                let mut failure = Failure::new(stage, end.reason).kind(FailureKind::Permanent);
                failure.exit = end.exit;
                failure.tail = end.tail;
                failure
            }
        }
    }
}

impl From<DriverError> for Wrong {
    fn from(error: DriverError) -> Self {
        Self::Failed(error)
    }
}

impl Apply {
    /// What is there now, also if it failed: then that is what was there before and what was made since.
    pub(crate) async fn run(self) -> (Option<Record>, Result<Marks, Wrong>) {
        let mut record = self.before.clone();
        let result = self.go(&mut record).await;
        let fresh = self.before.as_ref().is_none_or(|before| before.stopped);
        if result.is_err() && fresh {
            // Nothing of a start that failed stays.
            let slept = self
                .before
                .as_ref()
                .filter(|it| it.on_stop == OnStop::Scale);
            if let (Some(made), Some(_)) = (&mut record, slept) {
                // What was there before it stays there, and goes to sleep again.
                if let Err(error) = scale::sleep(&self.context, made).await {
                    tracing::warn!(instance = %self.instance, %error, "what has failed to start runs on");
                }
                made.stopped = true;
            } else if let Some(mut made) = record.take() {
                let cleared = delete::all(
                    &self.context,
                    &self.instance,
                    &mut made,
                    delete::How::Polite,
                )
                .await;
                if cleared.is_err() || !made.objects.is_empty() {
                    // What is kept, or would not go, is the next start's to find.
                    made.stopped = true;
                    record = Some(made);
                }
            }
        }
        (record, result)
    }

    async fn go(&self, record: &mut Option<Record>) -> Result<Marks, Wrong> {
        let cluster = &self.context.cluster;
        let spec = Spec::read(&self.from.spec).map_err(DriverError::from)?;
        let namespace = spec.0.namespace.clone();
        let namespace = namespace.unwrap_or_else(|| cluster.namespace.clone());
        let mut objects = self.objects(&spec).await?;
        self.complete(&mut objects, &namespace, &spec).await?;
        if self.cancelled.is_cancelled() {
            return Err(Wrong::Cancelled);
        }
        if self.before.is_none() {
            home::claim(cluster, &self.context.stack, &self.instance, &namespace).await?;
        }
        let create = spec.0.create_namespace;
        let made = namespace::see_to(&self.context, &self.instance, &namespace, create).await?;
        let before = record.take();
        let mut now = Record::new(self.generation, &self.from, &self.context.target, namespace);
        let same = before
            .as_ref()
            .filter(|before| before.namespace == now.namespace);
        now.forward(&spec.0.forward, &self.from.settings);
        now.settle = spec.0.settle.to_duration();
        now.ready_when.clone_from(&spec.0.ready_when);
        now.on_stop = spec.0.stop;
        now.made_namespace = made || same.is_some_and(|before| before.made_namespace);
        let planned = self.planned(&objects, before.as_ref()).await;
        let planned = planned.inspect_err(|_| record.clone_from(&before))?;
        let keys: BTreeSet<Key> = planned.iter().map(|one| one.key.clone()).collect();
        now.objects = planned;
        let left: Vec<Applied> = before.map_or_else(Vec::new, |before| before.objects);
        now.objects
            .extend(left.iter().filter(|one| one.kept).cloned());
        let gone = |one: &Applied| !one.kept && !keys.iter().any(|key| key.is_same(&one.key));
        let left: Vec<Applied> = left.into_iter().filter(gone).collect();
        // What is there and what will be, before anything is changed.
        now.objects.extend(left.iter().cloned());
        self.note(&now).await?;
        *record = Some(now.clone());
        if let Some(before) = &self.before
            && before.generation != self.generation
        {
            self.clear_what_ended(&objects, before).await?;
        }
        let mut marks = self.apply_all(&objects).await?;
        scale::wake(&self.context, &mut now, &objects, &mut marks).await?;
        if spec.0.prune {
            let doomed = left.iter().filter(|one| !one.foreign);
            let doomed: Vec<Key> = doomed.map(|one| one.key.clone()).collect();
            delete::these(&self.context, &doomed, delete::How::Polite).await?;
            now.objects.retain(|one| !gone(one));
        }
        now.started = true;
        now.leave(&marks);
        self.note(&now).await?;
        *record = Some(now);
        Ok(marks)
    }

    /// The objects as they are written.
    pub(crate) async fn objects(&self, spec: &Spec) -> Result<Vec<Value>, DriverError> {
        let name = format!("kustomize {}@{}", self.instance, self.generation);
        kustomize::objects(self.context.host(), &spec.0, name).await
    }

    /// Gives each its namespace, our labels and the images that the stack file names.
    pub(crate) async fn complete(
        &self,
        objects: &mut [Value],
        namespace: &str,
        spec: &Spec,
    ) -> Result<(), DriverError> {
        let labels = record::labels(&self.context.stack, &self.instance);
        let defined = definitions(objects);
        for object in objects.iter_mut() {
            let key = Key::of(object);
            let namespaced = match defined.iter().find(|one| one.is(&key)) {
                Some(definition) => definition.namespaced,
                None => self.context.cluster.kind(&key).await?.namespaced,
            };
            let metadata = &mut object["metadata"];
            if namespaced && key.namespace.is_none() {
                metadata["namespace"] = namespace.into();
            }
            if let Some(labels) = labels.as_object() {
                for (name, value) in labels {
                    metadata["labels"][name] = value.clone();
                }
            }
            if !spec.0.images.is_empty() {
                replace_images(object, &spec.0.images);
            }
        }
        Ok(())
    }

    /// What will be applied, and whether it was somebody else's before.
    async fn planned(
        &self,
        objects: &[Value],
        before: Option<&Record>,
    ) -> Result<Vec<Applied>, DriverError> {
        let ours = record::label(&self.context.stack.id);
        let looks = objects.iter().map(|object| {
            let ours = ours.clone();
            async move {
                let key = Key::of(object);
                if let Some(known) = before.and_then(|before| before.find(&key)) {
                    return Ok(Applied {
                        asleep: known.asleep,
                        ..Applied::new(key, known.foreign)
                    });
                }
                let Ok(api) = self.context.cluster.place(&key).await else {
                    // Its kind is defined by another of these objects.
                    return Ok(Applied::new(key, false));
                };
                match api.get_metadata(&key.name).await {
                    Ok(found) => {
                        let labels = found.metadata.labels.unwrap_or_default();
                        let foreign = labels.get(STACK) != Some(&ours);
                        Ok(Applied::new(key, foreign))
                    }
                    Err(error) if cluster::is_absent(&error) => Ok(Applied::new(key, false)),
                    Err(error) => Err(trouble("look", &error)),
                }
            }
        });
        let looks: Vec<_> = looks.collect();
        stream::iter(looks).buffered(AT_ONCE).try_collect().await
    }

    /// Writes it down here and in the cluster.
    async fn note(&self, record: &Record) -> Result<(), DriverError> {
        let context = &self.context;
        let written = record::write(&context.stack, context.mode, &self.instance, record);
        written.map_err(|error| {
            DriverError::transient("inventory", "the inventory cannot be written down")
                .with_evidence(error.to_string())
        })?;
        let copy = record.in_cluster(&self.context.stack, &self.instance);
        self.apply_one(&copy).await.map(|_| ())
    }

    /// What runs once and has ended does not run again by being applied again: it goes first.
    async fn clear_what_ended(
        &self,
        objects: &[Value],
        before: &Record,
    ) -> Result<(), DriverError> {
        let once = objects.iter().filter(|object| runs_once(object));
        let ours = |key: &Key| before.find(key).is_some_and(|one| !one.foreign);
        let doomed: Vec<Key> = once.map(Key::of).filter(ours).collect();
        delete::these(&self.context, &doomed, delete::How::Polite).await
    }

    async fn apply_all(&self, objects: &[Value]) -> Result<Marks, DriverError> {
        let mut marks = Marks::new();
        for rank in Rank::ALL {
            let these = objects.iter();
            let these = these.filter(|object| Rank::of(&Key::of(object)) == rank);
            let these: Vec<_> = these.map(|object| self.apply_one(object)).collect();
            let applied = stream::iter(these).buffer_unordered(AT_ONCE);
            marks.extend(applied.try_collect::<Marks>().await?);
            if rank == Rank::Definition {
                for object in objects {
                    let key = Key::of(object);
                    if Rank::of(&key) == rank {
                        self.wait_until_established(&key).await?;
                    }
                }
            }
        }
        Ok(marks)
    }

    async fn apply_one(&self, object: &Value) -> Result<Mark, DriverError> {
        let key = Key::of(object);
        let api = self.context.cluster.place(&key).await?;
        let wrong = |error| DriverError::permanent("apply", format!("{}: {error}", key.short()));
        let object: DynamicObject = serde_json::from_value(object.clone()).map_err(wrong)?;
        let parameters = PatchParams::apply(MANAGER);
        let patch = Patch::Apply(&object);
        let mut applied = api.patch(&key.name, &parameters, &patch).await;
        let known = self.before.as_ref().and_then(|before| before.find(&key));
        if let Err(kube::Error::Api(status)) = &applied
            && status.code == 422
            && is_fixed(&key)
            && known.is_some_and(|one| !one.foreign)
        {
            // It cannot be changed, only made anew.
            delete::these(
                &self.context,
                std::slice::from_ref(&key),
                delete::How::Polite,
            )
            .await?;
            applied = api.patch(&key.name, &parameters, &patch).await;
        }
        if let Err(kube::Error::Api(status)) = &applied
            && status.code == 409
            && owners_of_conflicts(status).is_some_and(|all| all.iter().all(|it| *it == MANAGER))
        {
            // What a stop has changed is ours, though not by applying it.
            let parameters = parameters.force();
            applied = api.patch(&key.name, &parameters, &patch).await;
        }
        let applied = applied.map_err(|error| refused(&key, &error))?;
        Ok(Mark::of(key, &applied.metadata))
    }

    async fn wait_until_established(&self, key: &Key) -> Result<(), DriverError> {
        let api = self.context.cluster.place(key).await?;
        let wait = async {
            loop {
                let found = api
                    .get(&key.name)
                    .await
                    .map_err(|error| trouble("apply", &error))?;
                let object = serde_json::to_value(&found).unwrap_or_default();
                match standing::of(&object) {
                    Standing::Current => return Ok(()),
                    Standing::Failed(reason) => {
                        let reason = format!("{} {reason}", key.short());
                        return Err(DriverError::permanent("apply", reason));
                    }
                    _ => tokio::time::sleep(LOOK).await,
                }
            }
        };
        let late = |_| {
            let reason = format!("{} was not established in time", key.short());
            Err(DriverError::transient("apply", reason))
        };
        tokio::time::timeout(ESTABLISHED, wait)
            .await
            .unwrap_or_else(late)
    }
}

/// Whether a kind's objects can hardly be changed once they are there.
fn is_fixed(key: &Key) -> bool {
    matches!(
        (key.group.as_str(), key.kind.as_str()),
        ("batch", "Job") | ("", "Pod")
    )
}

/// Whether an object is meant to end.
pub(crate) fn runs_once(object: &Value) -> bool {
    let key = Key::of(object);
    let policy = object["spec"]["restartPolicy"].as_str();
    match (key.group.as_str(), key.kind.as_str()) {
        ("batch", "Job") => true,
        ("", "Pod") => matches!(policy, Some("Never" | "OnFailure")),
        _ => false,
    }
}

/// Who owns the fields for which the server did not take an object; nothing if it was for something else.
fn owners_of_conflicts(status: &Status) -> Option<Vec<&str>> {
    let causes = status.details.as_ref().map(|details| &details.causes)?;
    let conflicts: Vec<&StatusCause> = causes
        .iter()
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .collect();
    let owners = conflicts.iter();
    let owners = owners.map(|cause| cause.message.split('"').nth(1).unwrap_or("somebody else"));
    (!conflicts.is_empty()).then(|| owners.collect())
}

/// The server calls it an error of its own that a field of a manifest is of a wrong kind.
const TYPED: &str = "failed to create typed patch object (";

/// Why the server did not take an object: whose a field is, or its own words.
fn refused(key: &Key, error: &kube::Error) -> DriverError {
    let kube::Error::Api(status) = error else {
        return trouble("apply", error);
    };
    let causes = status
        .details
        .as_ref()
        .map(|details| details.causes.as_slice());
    let conflicts: Vec<String> = causes
        .unwrap_or_default()
        .iter()
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| {
            let owner = cause.message.split('"').nth(1).unwrap_or("somebody else");
            format!("{} belongs to {owner}", cause.field)
        })
        .collect();
    if !conflicts.is_empty() {
        let reason = format!("{}: {}", key.short(), conflicts.join(", "));
        return DriverError::new("apply", FailureKind::NotOurs, reason);
    }
    if let Some(at) = status.message.find(TYPED) {
        let told = status.message[at..]
            .split_once("): ")
            .map_or("", |(_, told)| told);
        let told = told.replace("&value.valueUnstructured", "");
        let reason = format!("{}: {}", key.short(), told.trim());
        return DriverError::permanent("apply", reason);
    }
    let mut told = trouble("apply", error);
    told.reason = format!("{}: {}", key.short(), told.reason);
    told
}

/// A kind that one of the objects defines.
struct Defined {
    group: String,
    kind: String,
    namespaced: bool,
}

impl Defined {
    fn is(&self, key: &Key) -> bool {
        (&self.group, &self.kind) == (&key.group, &key.kind)
    }
}

fn definitions(objects: &[Value]) -> Vec<Defined> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let definitions = objects.iter();
    let definitions = definitions.filter(|it| Rank::of(&Key::of(it)) == Rank::Definition);
    definitions
        .map(|object| Defined {
            group: text(&object["spec"]["group"]),
            kind: text(&object["spec"]["names"]["kind"]),
            namespaced: object["spec"]["scope"] == "Namespaced",
        })
        .collect()
}

/// Puts other images in place of those of containers, wherever they are in an object.
fn replace_images(value: &mut Value, images: &indexmap::IndexMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let are_containers = matches!(name.as_str(), "containers" | "initContainers");
                if let (true, Value::Array(containers)) = (are_containers, &mut *value) {
                    for container in containers {
                        let image = container["image"].as_str();
                        if let Some(other) = image.and_then(|image| replaced(image, images)) {
                            container["image"] = other.into();
                        }
                    }
                } else {
                    replace_images(value, images);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                replace_images(item, images);
            }
        }
        _ => {}
    }
}

/// By its whole name, or by its name without tag and digest.
fn replaced(image: &str, images: &indexmap::IndexMap<String, String>) -> Option<String> {
    let bare = image.split('@').next().unwrap_or(image);
    let bare = match bare.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => bare,
    };
    images.get(image).or_else(|| images.get(bare)).cloned()
}
