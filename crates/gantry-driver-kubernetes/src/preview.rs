//! What an `up` would make and change in a cluster, without changing anything: for one who looks before there is a
//! supervisor, and beside it.
//!
//! Manifests are applied for show: the server says what would come of them. A release is rehearsed by Helm, and compared with
//! the manifests of the one that is deployed, object by object.

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_core::{Digest, Generation, InstanceId, Revision, ServiceName};
use gantry_driver::{DriverError, EventSink, HostJobs, Recorded, Settings, StackIdentity};
use gantry_stack::load::ValuesText;
use gantry_stack::template::DOTS;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;

use crate::apply::Apply;
use crate::chart;
use crate::cluster::{self, Cluster, MANAGER};
use crate::context::Context;
use crate::helm::preview::{Rehearsal, Stage};
use crate::helm::tool::{Aim, Tool};
use crate::helm::upgrade::spec;
use crate::helm::{fetch, release};
use crate::object::{Key, Rank};
use crate::record::{self, Mode};
use crate::spec::{Spec, choice_of};

/// A service whose changes are wanted.
pub struct Wish {
    /// Whether Helm makes it.
    pub helm: bool,
    /// Its stack.
    pub stack: StackIdentity,
    /// Its name.
    pub service: ServiceName,
    /// The mode's part of it.
    pub spec: Value,
    /// The part that all modes have.
    pub settings: Settings,
    /// The environment that `up` would be given.
    pub environment: BTreeMap<String, String>,
    /// Who runs commands.
    pub host: Arc<dyn HostJobs>,
    /// What stands in the specification for what is not known yet, and for secrets.
    pub unknown: &'static str,
}

/// What would be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preview {
    /// What it is made of now, and would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<(Option<String>, String)>,
    /// Its objects: those that stay as they are, too.
    pub objects: Vec<ObjectChange>,
}

/// What becomes of an object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectChange {
    /// Its name, as in `deployment/web in shop`.
    pub object: String,
    /// What is done.
    pub change: Change,
    /// Which fields differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDifference>,
    /// Why it cannot be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// As it is rendered; nothing of what is deleted. Secrets are dots.
    #[serde(skip)]
    pub manifest: Option<Value>,
}

/// What is done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It stays as it is.
    Keep,
    /// It is made.
    Create,
    /// It is changed.
    Change,
    /// It is deleted.
    Delete,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldDifference {
    /// Where, as in `spec.template.spec.containers[web].image`.
    pub path: String,
    /// As it is; nothing if it is not there.
    pub from: Option<Value>,
    /// As it would be.
    pub to: Option<Value>,
}

/// What lies below the values of the stack file, the lowest first: what the chart of a release brings along, and the values
/// files. A chart that is on this machine needs no Helm, and no cluster is asked.
pub async fn values(wish: &Wish) -> Result<Vec<ValuesText>, DriverError> {
    let spec = spec(&wish.spec)?;
    let wrong = |error: String| DriverError::permanent("values", error);
    let chart = if let Some(path) = fetch::is_whole(&spec) {
        path
    } else {
        let tools = choice_of(&wish.spec).tools;
        let tool = Tool::find(&wish.host, &tools, &Aim::default()).await?;
        let service = wish.service.as_str();
        let fetched = fetch::fetch(&tool, &wish.stack, service, &spec, false).await?;
        fetched.path
    };
    let mut all = chart::values::of(&chart)
        .map_err(|error| wrong(format!("the values of {chart} cannot be read: {error}")))?;
    for file in &spec.values_files {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|error| wrong(format!("{file} cannot be read: {error}")))?;
        all.push(ValuesText {
            place: file.clone(),
            is_default: false,
            below: Vec::new(),
            text,
        });
    }
    Ok(all)
}

/// Looks.
pub async fn preview(wish: Wish) -> Result<Preview, DriverError> {
    let choice = choice_of(&wish.spec);
    let cluster = Cluster::connect(&choice, &wish.environment, Some(&wish.host)).await?;
    let instance = InstanceId::new(wish.service.clone(), 0);
    let mode = if wish.helm {
        Mode::Releases
    } else {
        Mode::Manifests
    };
    let context = Arc::new(Context {
        mode,
        cluster,
        tools: choice.tools,
        tool: OnceCell::new(),
        target: String::new(),
        stack: wish.stack.clone(),
        // Nobody hears of what is only looked at.
        events: EventSink::new(|_| ()),
        host: Some(Arc::clone(&wish.host)),
        logs: watch::Sender::new(0),
    });
    let unknown = wish.unknown;
    let mut found = if wish.helm {
        of_release(&context, &instance, &wish).await?
    } else {
        of_manifests(&context, &instance, wish).await?
    };
    for object in &mut found.objects {
        object
            .fields
            .retain(|field| !says(field.to.as_ref(), unknown));
        if object.change == Change::Change && object.fields.is_empty() && object.trouble.is_none() {
            object.change = Change::Keep;
        }
    }
    Ok(found)
}

fn says(value: Option<&Value>, text: &str) -> bool {
    value.is_some_and(|value| value.to_string().contains(text))
}

async fn of_manifests(
    context: &Arc<Context>,
    instance: &InstanceId,
    wish: Wish,
) -> Result<Preview, DriverError> {
    let spec = Spec::read(&wish.spec)?;
    let namespace = spec.0.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| context.cluster.namespace.clone());
    let before = record::read(&context.stack, Mode::Manifests, instance);
    let apply = Apply {
        context: Arc::clone(context),
        instance: instance.clone(),
        generation: Generation::default(),
        from: Recorded {
            revision: Revision::default(),
            digest: Digest::default(),
            spec: Arc::new(wish.spec),
            settings: Arc::new(wish.settings),
        },
        before: before.clone(),
        cancelled: CancellationToken::new(),
    };
    let mut objects = apply.objects(&spec).await?;
    apply.complete(&mut objects, &namespace, &spec).await?;
    objects.sort_by_key(|object| Rank::of(&Key::of(object)));
    let mut found = Vec::new();
    for object in &objects {
        found.push(applied(context, object).await?);
    }
    let keys: Vec<Key> = objects.iter().map(Key::of).collect();
    let left = before
        .iter()
        .filter(|before| !before.stopped)
        .flat_map(|before| &before.objects);
    let left = left.filter(|one| {
        spec.0.prune && !one.kept && !one.foreign && !keys.iter().any(|key| key.is_same(&one.key))
    });
    found.extend(left.map(|one| deleted(&one.key)));
    Ok(Preview {
        of: None,
        objects: found,
    })
}

/// What would come of applying an object.
async fn applied(context: &Context, object: &Value) -> Result<ObjectChange, DriverError> {
    let key = Key::of(object);
    let change = |change, fields, trouble| ObjectChange {
        object: key.to_string(),
        change,
        fields,
        trouble,
        manifest: Some(without_secrets(object)),
    };
    let Ok(api) = context.cluster.place(&key).await else {
        // Another of the objects defines its kind.
        return Ok(change(Change::Create, Vec::new(), None));
    };
    let found = compared(&api, &key, object, PatchParams::apply(MANAGER)).await?;
    Ok(match found {
        Live::Absent => change(Change::Create, Vec::new(), None),
        Live::Differs(fields) if fields.is_empty() => change(Change::Keep, fields, None),
        Live::Differs(fields) => change(Change::Change, fields, None),
        Live::Refused(trouble) => change(Change::Change, Vec::new(), Some(trouble)),
    })
}

/// How an object in the cluster differs from what it would be.
pub(crate) enum Live {
    /// It is not there.
    Absent,
    /// In these fields, if in any.
    Differs(Vec<FieldDifference>),
    /// The server would not take it.
    Refused(String),
}

/// Has the server apply an object for show, and compares what would come of it with what is there.
pub(crate) async fn compared_with_live(
    context: &Context,
    key: &Key,
    object: &Value,
    parameters: PatchParams,
) -> Result<Live, DriverError> {
    let api = context.cluster.place(key).await?;
    compared(&api, key, object, parameters).await
}

async fn compared(
    api: &Api<DynamicObject>,
    key: &Key,
    object: &Value,
    parameters: PatchParams,
) -> Result<Live, DriverError> {
    let live = match api.get(&key.name).await {
        Ok(live) => live,
        Err(error) if cluster::is_absent(&error) => return Ok(Live::Absent),
        Err(error) => return Err(cluster::trouble("look", &error)),
    };
    let wrong = |error| DriverError::permanent("look", format!("{}: {error}", key.short()));
    let patch: DynamicObject = serde_json::from_value(object.clone()).map_err(wrong)?;
    let parameters = PatchParams {
        dry_run: true,
        ..parameters
    };
    match api
        .patch(&key.name, &parameters, &Patch::Apply(&patch))
        .await
    {
        Ok(result) => {
            let plain = |object: DynamicObject| {
                let mut value = serde_json::to_value(object).unwrap_or_default();
                value["kind"] = key.kind.clone().into();
                value
            };
            Ok(Live::Differs(differences(&plain(live), &plain(result))))
        }
        Err(kube::Error::Api(status)) if status.code < 500 => {
            Ok(Live::Refused(status.message.replace('\n', " ")))
        }
        Err(error) => Err(cluster::trouble("look", &error)),
    }
}

async fn of_release(
    context: &Context,
    instance: &InstanceId,
    wish: &Wish,
) -> Result<Preview, DriverError> {
    let spec = spec(&wish.spec)?;
    let tool = context.tool().await?;
    let rehearsal = Rehearsal::of(Stage {
        tool: &tool,
        cluster: &context.cluster,
        stack: &context.stack,
        instance,
        spec: &spec,
    });
    let rehearsal = rehearsal.await?;
    let next = rehearsal.rehearse().await?;
    let mut deployed = rehearsal.revisions.iter().rev();
    let deployed = deployed.find(|one| one.status == "deployed");
    let deployed = deployed.map(release::Revision::read).transpose()?;
    let before = deployed
        .as_ref()
        .map(release::Release::objects)
        .unwrap_or_default();
    let after = next.objects();
    let mut found = Vec::new();
    for object in &after {
        let key = Key::of(object);
        let old = before.iter().find(|old| Key::of(old).is_same(&key));
        let fields = old.map(|old| differences(old, object)).unwrap_or_default();
        found.push(ObjectChange {
            object: key.to_string(),
            change: match old {
                None => Change::Create,
                Some(_) if fields.is_empty() => Change::Keep,
                Some(_) => Change::Change,
            },
            fields,
            trouble: None,
            manifest: Some(without_secrets(object)),
        });
    }
    let gone = before.iter().map(Key::of);
    let gone = gone.filter(|key| !after.iter().any(|new| Key::of(new).is_same(key)));
    found.extend(gone.map(|key| deleted(&key)));
    Ok(Preview {
        of: Some((deployed.map(|old| old.chart()), next.chart())),
        objects: found,
    })
}

fn deleted(key: &Key) -> ObjectChange {
    ObjectChange {
        object: key.to_string(),
        change: Change::Delete,
        fields: Vec::new(),
        trouble: None,
        manifest: None,
    }
}

/// What servers put into objects by themselves.
const SERVERS: [&str; 6] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "selfLink",
];

/// The fields in which two objects differ. The values of a Secret are dots.
pub(crate) fn differences(old: &Value, new: &Value) -> Vec<FieldDifference> {
    let is_secret = new["kind"] == "Secret";
    let mut found = Vec::new();
    let names = |value: &Value| -> Vec<String> {
        let fields = value.as_object().into_iter().flat_map(Map::keys);
        fields.filter(|name| *name != "status").cloned().collect()
    };
    let mut all = names(old);
    all.extend(names(new));
    all.sort();
    all.dedup();
    for name in all {
        let (old, new) = (old.get(&name), new.get(&name));
        if name == "metadata" {
            let strip = |value: Option<&Value>| {
                let mut value = value.cloned().unwrap_or_default();
                if let Some(map) = value.as_object_mut() {
                    map.retain(|name, _| !SERVERS.contains(&name.as_str()));
                }
                value
            };
            compare("metadata", Some(&strip(old)), Some(&strip(new)), &mut found);
        } else {
            compare(&name, old, new, &mut found);
        }
    }
    if is_secret {
        for field in &mut found {
            if field.path.starts_with("data") || field.path.starts_with("stringData") {
                for value in [&mut field.from, &mut field.to].into_iter().flatten() {
                    *value = DOTS.into();
                }
            }
        }
    }
    found
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<FieldDifference>) {
    let is_nothing = |value: Option<&Value>| value.is_none_or(Value::is_null);
    if old == new || is_nothing(old) && is_nothing(new) {
        return;
    }
    match (old, new) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let path = if name.contains(['.', '/']) {
                    format!("{path}[{name}]")
                } else {
                    format!("{path}.{name}")
                };
                compare(&path, one.get(name), other.get(name), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            let called = |value: &Value| value["name"].as_str().map(str::to_owned);
            let have_names = one.iter().chain(other).all(|item| called(item).is_some());
            if have_names {
                let mut names: Vec<String> = one.iter().chain(other).filter_map(called).collect();
                names.sort();
                names.dedup();
                for wanted in names {
                    let of = |all: &[Value]| {
                        all.iter()
                            .find(|item| item["name"] == wanted.as_str())
                            .cloned()
                    };
                    let path = format!("{path}[{wanted}]");
                    compare(&path, of(one).as_ref(), of(other).as_ref(), found);
                }
            } else {
                for at in 0..one.len().max(other.len()) {
                    compare(&format!("{path}[{at}]"), one.get(at), other.get(at), found);
                }
            }
        }
        (old, new) => found.push(FieldDifference {
            path: path.to_owned(),
            from: old.cloned(),
            to: new.cloned(),
        }),
    }
}

/// An object as it may be shown.
pub(crate) fn without_secrets(object: &Value) -> Value {
    let mut object = object.clone();
    if object["kind"] == "Secret" {
        for field in ["data", "stringData"] {
            if let Some(values) = object[field].as_object_mut() {
                values.values_mut().for_each(|value| *value = DOTS.into());
            }
            if object[field].is_null()
                && let Some(map) = object.as_object_mut()
            {
                map.remove(field);
            }
        }
    }
    object
}

#[cfg(test)]
mod tests;
