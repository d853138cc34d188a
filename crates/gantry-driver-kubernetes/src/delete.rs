//! Taking out of the cluster what was applied, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use gantry_core::InstanceId;
use gantry_driver::DriverError;
use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, DeleteParams, DynamicObject, PropagationPolicy};
use kube::core::ObjectMeta;

use crate::cluster::{self, trouble};
use crate::context::Context;
use crate::namespace;
use crate::object::{Key, Rank};
use crate::record::{self, Record};

/// How often it is looked whether something is gone.
const LOOK: Duration = Duration::from_millis(100);

/// For how long the collector may not know a kind.
const YOUNG: SignedDuration = SignedDuration::from_secs(60);

/// In which manner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// With the time that pods ask for.
    Polite,
    /// At once.
    Kill,
}

/// What stays when a service is stopped: data, and what others may use by now.
fn is_kept(key: &Key) -> bool {
    matches!(
        (key.group.as_str(), key.kind.as_str()),
        (
            "",
            "PersistentVolumeClaim" | "PersistentVolume" | "Namespace"
        ) | ("apiextensions.k8s.io", "CustomResourceDefinition")
    )
}

/// Whether an object makes others, which go with it: workloads, and whatever an operator does for its own kinds.
pub(crate) fn makes_others(key: &Key) -> bool {
    key.is_workload() || !key.is_built_in()
}

/// Deletes what was applied for an instance, but for what is kept, which stays in the record.
pub(crate) async fn all(
    context: &Arc<Context>,
    instance: &InstanceId,
    record: &mut Record,
    how: How,
) -> Result<(), DriverError> {
    let ours = record.objects.iter().filter(|one| !one.foreign);
    let doomed: Vec<Key> = ours
        .map(|one| one.key.clone())
        .filter(|key| !is_kept(key))
        .collect();
    these(context, &doomed, how).await?;
    record
        .objects
        .retain(|one| !one.foreign && is_kept(&one.key));
    let has_data = record.objects.iter().any(|one| one.key.namespace.is_some());
    if record.made_namespace && !has_data {
        these(context, &[namespace::key(&record.namespace)], how).await?;
        record.made_namespace = false;
    } else {
        forget(context, instance, record).await?;
    }
    Ok(())
}

/// Deletes what is kept otherwise, but for definitions: with one would go what others have made of its kind.
pub(crate) async fn kept(
    context: &Arc<Context>,
    instance: &InstanceId,
    record: &Record,
) -> Result<(), DriverError> {
    let objects = record.objects.iter().filter(|one| !one.foreign);
    let mut doomed: Vec<Key> = objects.map(|one| one.key.clone()).collect();
    doomed.retain(|key| Rank::of(key) != Rank::Definition);
    if record.made_namespace {
        doomed.push(namespace::key(&record.namespace));
    }
    these(context, &doomed, How::Polite).await?;
    if !record.made_namespace {
        forget(context, instance, record).await?;
    }
    Ok(())
}

/// Removes the cluster's copy of an inventory.
async fn forget(
    context: &Context,
    instance: &InstanceId,
    record: &Record,
) -> Result<(), DriverError> {
    let copy = Key {
        kind: "ConfigMap".to_owned(),
        namespace: Some(record.namespace.clone()),
        ..namespace::key(&record::name_in_cluster(&context.stack, instance))
    };
    let api = context.cluster.place(&copy).await?;
    match api.delete(&copy.name, &DeleteParams::default()).await {
        Err(error) if !cluster::is_absent(&error) => Err(trouble("delete", &error)),
        _ => Ok(()),
    }
}

/// Deletes these, in the reverse of the order in which things are made, and waits until they are gone.
pub(crate) async fn these(
    context: &Arc<Context>,
    keys: &[Key],
    how: How,
) -> Result<(), DriverError> {
    for rank in Rank::ALL.into_iter().rev() {
        let of_rank = keys.iter().filter(|key| Rank::of(key) == rank);
        try_join_all(of_rank.map(|key| one(context, key, how))).await?;
    }
    Ok(())
}

async fn one(context: &Context, key: &Key, how: How) -> Result<(), DriverError> {
    let api = match context.cluster.place(key).await {
        Ok(api) => api,
        // Its kind went with its definition, and it with that.
        Err(error) if error.reason.starts_with("the cluster knows no kind") => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut parameters = DeleteParams {
        propagation_policy: Some(
            if makes_others(key) && !is_of_young_kind(context, key).await {
                // Whoever depends on it goes first, so that it is gone only when they are.
                PropagationPolicy::Foreground
            } else {
                // The cluster's collector takes only some twenty objects a second.
                PropagationPolicy::Background
            },
        ),
        ..DeleteParams::default()
    };
    if how == How::Kill {
        parameters.grace_period_seconds = Some(0);
    }
    match api.delete(&key.name, &parameters).await {
        Err(error) if cluster::is_absent(&error) => return Ok(()),
        Err(error) => return Err(trouble("delete", &error)),
        Ok(_) => {}
    }
    gone(&api, key).await
}

/// Whether its kind was defined just now. The cluster's collector learns of a kind only after half a minute, and until then
/// an object of it would wait for a collector that does not come.
async fn is_of_young_kind(context: &Context, key: &Key) -> bool {
    if key.is_workload() || !makes_others(key) {
        return false;
    }
    let Ok(kind) = context.cluster.kind(key).await else {
        return false;
    };
    let definition = Key {
        group: "apiextensions.k8s.io".to_owned(),
        version: "v1".to_owned(),
        kind: "CustomResourceDefinition".to_owned(),
        namespace: None,
        name: format!("{}.{}", kind.resource.plural, key.group),
    };
    let Ok(api) = context.cluster.place(&definition).await else {
        return false;
    };
    let found = api.get_metadata(&definition.name).await;
    let made = found.ok().and_then(|it| it.metadata.creation_timestamp);
    made.is_some_and(|made| Timestamp::now().duration_since(made.0) < YOUNG)
}

/// Ends pods without their time.
pub(crate) async fn at_once(context: &Context, pods: &[Key]) -> Result<(), DriverError> {
    for key in pods {
        let api = context.cluster.place(key).await?;
        let at_once = DeleteParams {
            grace_period_seconds: Some(0),
            ..DeleteParams::default()
        };
        // Whoever is gone is what was wanted; the others are waited for.
        let _ = api.delete(&key.name, &at_once).await;
    }
    Ok(())
}

/// Waits until somebody else's deletion of these is through. What nobody deletes is not waited for.
pub(crate) async fn wait_until_gone(context: &Context, keys: &[Key]) -> Result<(), DriverError> {
    let waits = keys.iter().map(|key| async move {
        match context.cluster.place(key).await {
            Ok(api) => gone(&api, key).await,
            Err(error) if error.reason.starts_with("the cluster knows no kind") => Ok(()),
            Err(error) => Err(error),
        }
    });
    try_join_all(waits).await.map(|_| ())
}

async fn gone(api: &Api<DynamicObject>, key: &Key) -> Result<(), DriverError> {
    loop {
        match api.get_metadata(&key.name).await {
            Err(error) if cluster::is_absent(&error) => return Ok(()),
            // Somebody has made it anew meanwhile: that one is not ours.
            Ok(found) if found.metadata.deletion_timestamp.is_none() => return Ok(()),
            Err(kube::Error::Api(status)) if status.code < 500 => {
                return Err(trouble("delete", &kube::Error::Api(status)));
            }
            // One that cannot be reached for a moment is asked again.
            Ok(_) | Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// How many of these are there.
pub(crate) async fn count(context: &Context, keys: &[Key]) -> usize {
    let looks = keys.iter().map(|key| async move {
        match context.cluster.place(key).await {
            Ok(api) => {
                let found = api.get_metadata(&key.name).await;
                !found.is_err_and(|error| cluster::is_absent(&error))
            }
            Err(_) => true,
        }
    });
    let there = join_all(looks).await;
    there.into_iter().filter(|there| *there).count()
}

/// What holds these, of those that are being deleted.
pub(crate) async fn what_holds(context: &Context, keys: &[Key]) -> Option<String> {
    let mut held = Vec::new();
    for key in keys {
        let Ok(api) = context.cluster.place(key).await else {
            continue;
        };
        let Ok(found) = api.get_metadata(&key.name).await else {
            continue;
        };
        let ObjectMeta {
            deletion_timestamp,
            finalizers,
            ..
        } = found.metadata;
        if deletion_timestamp.is_none() {
            continue;
        }
        let mut holders = finalizers.unwrap_or_default();
        holders.retain(|holder| holder != "foregroundDeletion");
        held.push(if holders.is_empty() {
            let what = if key.is_workload() {
                "has pods"
            } else {
                "has what was made for it"
            };
            format!("{} still {what}", key.short())
        } else {
            format!(
                "{} is held by the finalizer {}",
                key.short(),
                holders.join(", ")
            )
        });
    }
    (!held.is_empty()).then(|| held.join("; "))
}
