//! What has come of an installation or an upgrade: read from what Helm notes in the cluster.

use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use gantry_core::{FailureKind, InstanceId, Millis};
use gantry_driver::DriverError;
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};

use super::release::{self, Release, Revision};
use super::tool::Ask;
use crate::apply::{AT_ONCE, Mark, Marks};
use crate::cluster;
use crate::context::Context;
use crate::home;
use crate::object::Key;
use crate::record::{Applied, Record};

/// How long Helm may take for one step, unless the stack file says so: its `start-timeout` decides before.
const LONG: Duration = Duration::from_hours(24);

/// The same as it is given to Helm.
pub(crate) fn in_full(limit: Option<Millis>) -> Duration {
    limit.map_or(LONG, |limit| Duration::from_millis(limit.0))
}

/// What its run is called.
pub(crate) fn job(record: &Record) -> SmolStr {
    record
        .release
        .as_ref()
        .map_or_else(SmolStr::default, |it| it.job.as_str().into())
}

/// Takes in what Helm has noted of a revision.
pub(crate) async fn take(
    context: &Context,
    now: &mut Record,
    revision: &Revision,
    release: &Release,
) -> Result<(), DriverError> {
    let kept = now.objects.iter().filter(|one| one.kept).cloned();
    let mut objects: Vec<Applied> = kept.collect();
    for object in release.objects() {
        let key = in_place(context, &object, &now.namespace).await?;
        objects.retain(|one| !one.key.is_same(&key));
        objects.push(Applied::new(key, false));
    }
    let hooks = hooks_of(context, release, &now.namespace).await?;
    now.objects = objects;
    if let Some(note) = &mut now.release {
        note.revision = revision.number;
        note.chart = release.chart();
        note.app_version = release.app_version().map(str::to_owned);
        note.hooks = hooks;
        note.definitions = release.definitions();
    }
    Ok(())
}

/// The same of the hooks alone, of the last revision: one that failed may have left some running.
pub(crate) async fn take_hooks(context: &Context, now: &mut Record) -> Result<(), DriverError> {
    let Some(note) = &mut now.release else {
        return Ok(());
    };
    let revisions = release::revisions(&context.cluster, &now.namespace, &note.name).await?;
    if let Some(last) = revisions.last() {
        note.hooks = hooks_of(context, &last.read()?, &now.namespace).await?;
    }
    Ok(())
}

async fn hooks_of(
    context: &Context,
    release: &Release,
    namespace: &str,
) -> Result<Vec<Key>, DriverError> {
    let mut hooks = Vec::new();
    for hook in release.hooks() {
        hooks.push(in_place(context, &hook, namespace).await?);
    }
    Ok(hooks)
}

/// The key of an object, in the release's namespace if it names none.
pub(crate) async fn in_place(
    context: &Context,
    object: &Value,
    namespace: &str,
) -> Result<Key, DriverError> {
    let mut key = Key::of(object);
    // A kind that the chart itself defines is known only when that is there; it is in a namespace more often than not.
    let namespaced = match context.cluster.kind(&key).await {
        Ok(kind) => kind.namespaced,
        Err(error) if error.kind == FailureKind::Unreachable => return Err(error),
        Err(_) => true,
    };
    if namespaced {
        key.namespace.get_or_insert_with(|| namespace.to_owned());
    } else {
        key.namespace = None;
    }
    Ok(key)
}

/// Reads what is deployed now, if Helm says that it is. Gives as which versions the server has it.
pub(crate) async fn conclude(context: &Context, now: &mut Record) -> Result<Marks, DriverError> {
    let name = now.release.as_ref().map_or("", |it| &it.name).to_owned();
    let revisions = release::revisions(&context.cluster, &now.namespace, &name).await?;
    let last = revisions.last().filter(|last| last.status == "deployed");
    let Some(last) = last else {
        let state = revisions.last().map_or("not there", |last| &last.status);
        let reason = format!("the release {name} is {state}");
        return Err(DriverError::transient("release", reason));
    };
    let mark = home::mark(&context.stack);
    if last.home() != Some(&*mark) {
        let claimed = release::claim(&context.cluster, &now.namespace, last, &mark).await;
        if let Err(error) = claimed {
            tracing::warn!(release = name, %error, "other homes will not know whose it is");
        }
    }
    let release = last.read()?;
    take(context, now, last, &release).await?;
    now.started = true;
    let looks = now.objects.iter().map(|one| one.key.clone());
    let looks = looks.map(|key| async move {
        let api = context.cluster.place(&key).await?;
        match api.get_metadata(&key.name).await {
            Ok(found) => Ok(Some(Mark::of(key, &found.metadata))),
            Err(error) if cluster::is_absent(&error) => Ok(None),
            Err(error) => Err(cluster::trouble("look", &error)),
        }
    });
    let looks: Vec<_> = looks.collect();
    let marks: Vec<Option<Mark>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    let marks: Marks = marks.into_iter().flatten().collect();
    now.leave(&marks);
    Ok(marks)
}

/// Goes on with a start that an earlier session began, and did not see the end of.
pub(crate) async fn resume(
    context: &Context,
    instance: &InstanceId,
    record: &mut Record,
) -> Result<Marks, DriverError> {
    let tool = context.tool().await?;
    let name = job(record);
    // The program runs on, whoever began it. One that is over, and of which nobody knows any more, is this harmless one.
    let ask = Ask {
        name: name.clone(),
        once: true,
        limit: LONG,
        ..Ask::quick("", &["version"])
    };
    let _ = tool.run_bare(ask).await?;
    let marks = conclude(context, record).await;
    if marks.is_err() {
        let of = record.release.as_ref().map_or("", |it| &it.name);
        let found = release::revisions(&context.cluster, &record.namespace, of).await?;
        let last = found.last().filter(|last| last.is_pending());
        if let Some(note) = &mut record.release {
            note.interrupted = last.map(|last| last.number);
        }
    }
    tool.taken(&name);
    marks.map_err(|error| {
        let reason = format_smolstr!(
            "its start was cut short by the death of the supervisor of {instance}: {}",
            error.reason
        );
        DriverError::transient("helm", reason)
    })
}
