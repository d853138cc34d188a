//! A stop that deletes nothing: workloads are taken to no copies, and to as many as there were by the next start.
//!
//! | what | a stop | the next start |
//! |---|---|---|
//! | a Deployment, a `StatefulSet`, a `ReplicaSet` | is scaled to 0, and its copies are noted | has as many as its manifest says, else as there were |
//! | a `CronJob` | is suspended, and its jobs that run are deleted | is as its manifest says, else as it was |
//! | a Job, a Pod, a `DaemonSet`, and whatever an operator runs | is deleted: it cannot have no copies | is made anew |
//! | everything else | stays | is applied as always |
//!
//! What was made by somebody else is left alone, as always.

use std::sync::Arc;
use std::time::Duration;

use gantry_driver::DriverError;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::apply::{Mark, Marks};
use crate::cluster::{self, MANAGER, trouble};
use crate::context::Context;
use crate::delete::{self, How};
use crate::object::Key;
use crate::record::Record;

/// How often it is looked whether something is at rest.
const LOOK: Duration = Duration::from_millis(100);

/// How what runs is taken to nothing.
enum Way {
    /// By a field, which has this value at rest.
    Field(&'static str, Value),
    /// Only by its deletion.
    Deletion,
    /// It runs nothing.
    None,
}

fn way(key: &Key) -> Way {
    match (key.group.as_str(), key.kind.as_str()) {
        ("apps", "Deployment" | "StatefulSet" | "ReplicaSet") | ("", "ReplicationController") => {
            Way::Field("replicas", json!(0))
        }
        ("batch", "CronJob") => Way::Field("suspend", json!(true)),
        _ if delete::makes_others(key) && !is_definition(key) => Way::Deletion,
        _ => Way::None,
    }
}

fn is_definition(key: &Key) -> bool {
    key.kind == "CustomResourceDefinition"
}

/// Takes everything to rest, and notes how it was. What was deleted for it leaves the record.
pub(crate) async fn sleep(context: &Arc<Context>, record: &mut Record) -> Result<(), DriverError> {
    let (mut doomed, mut jobs, mut laid) = (Vec::new(), Vec::new(), Vec::new());
    for one in record
        .objects
        .iter_mut()
        .filter(|one| !one.foreign && !one.kept)
    {
        match way(&one.key) {
            Way::Field(field, rest) => {
                if let Some(found) = lay(context, &one.key, field, &rest).await? {
                    one.asleep = Some(found["spec"][field].as_u64().unwrap_or(1));
                    jobs.extend(running_jobs(&one.key, &found));
                    laid.push(one.key.clone());
                }
            }
            Way::Deletion => doomed.push(one.key.clone()),
            Way::None => {}
        }
        one.left = None;
    }
    delete::these(context, &doomed, How::Polite).await?;
    delete::these(context, &jobs, How::Polite).await?;
    for key in laid.iter().filter(|key| key.kind != "CronJob") {
        until_at_rest(context, key).await?;
    }
    record
        .objects
        .retain(|one| !doomed.iter().any(|key| key.is_same(&one.key)));
    Ok(())
}

/// The jobs of a cron job that run.
fn running_jobs(key: &Key, object: &Value) -> Vec<Key> {
    let active = object["status"]["active"].as_array().into_iter().flatten();
    let names = active.filter_map(|one| one["name"].as_str());
    names
        .map(|name| Key {
            kind: "Job".to_owned(),
            version: "v1".to_owned(),
            name: name.to_owned(),
            ..key.clone()
        })
        .collect()
}

/// Waits until the cluster has let go of every copy: from then on its pods are seen to be on their way out.
async fn until_at_rest(context: &Context, key: &Key) -> Result<(), DriverError> {
    let api = context.cluster.place(key).await?;
    loop {
        let found = match api.get(&key.name).await {
            Ok(found) => serde_json::to_value(found).unwrap_or_default(),
            Err(error) if cluster::is_absent(&error) => return Ok(()),
            Err(error) => return Err(trouble("stop", &error)),
        };
        let number = |at: &Value| at.as_i64().unwrap_or(0);
        let status = &found["status"];
        let seen =
            number(&status["observedGeneration"]) >= number(&found["metadata"]["generation"]);
        // Somebody may have woken it meanwhile: that is not waited for.
        let woken = number(&found["spec"]["replicas"]) > 0;
        if woken || seen && number(&status["replicas"]) == 0 {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Takes one to rest. Gives what it was, if it had any copies.
async fn lay(
    context: &Context,
    key: &Key,
    field: &str,
    rest: &Value,
) -> Result<Option<Value>, DriverError> {
    let api = context.cluster.place(key).await?;
    let found = match api.get(&key.name).await {
        Ok(found) => serde_json::to_value(found).unwrap_or_default(),
        Err(error) if cluster::is_absent(&error) => return Ok(None),
        Err(error) => return Err(trouble("stop", &error)),
    };
    if found["spec"][field] == *rest {
        return Ok(None);
    }
    set(context, key, field, rest).await?;
    Ok(Some(found))
}

async fn set(
    context: &Context,
    key: &Key,
    field: &str,
    value: &Value,
) -> Result<Mark, DriverError> {
    let api = context.cluster.place(key).await?;
    let patch = json!({ "spec": { field: value } });
    let parameters = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patched = api
        .patch(&key.name, &parameters, &Patch::Merge(&patch))
        .await;
    let patched = patched.map_err(|error| trouble("scale", &error))?;
    Ok(Mark::of(key.clone(), &patched.metadata))
}

/// Wakes what a stop has taken to rest, where its manifest does not say how much of it there is.
pub(crate) async fn wake(
    context: &Context,
    record: &mut Record,
    objects: &[Value],
    marks: &mut Marks,
) -> Result<(), DriverError> {
    for one in &mut record.objects {
        let (Some(copies), Way::Field(field, _)) = (one.asleep, way(&one.key)) else {
            continue;
        };
        let written = objects
            .iter()
            .find(|object| Key::of(object).is_same(&one.key));
        let says = written.is_some_and(|object| !object["spec"][field].is_null());
        if written.is_some() && !says {
            let value = if field == "suspend" {
                json!(false)
            } else {
                json!(copies)
            };
            let mark = set(context, &one.key, field, &value).await?;
            marks.retain(|other| !other.key.is_same(&one.key));
            marks.push(mark);
        }
        one.asleep = None;
    }
    Ok(())
}
