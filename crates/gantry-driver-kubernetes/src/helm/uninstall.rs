//! A stop: uninstalling a release, and waiting until nothing of it is left but data.

use std::sync::Arc;
use std::time::Duration;

use gantry_core::InstanceId;
use gantry_driver::{DriverError, DriverEvent};

use super::release as releases;
use super::tool::{Ask, Tool, failure};
use crate::cluster::Cluster;
use crate::context::Context;
use crate::delete::{self, How};
use crate::object::Key;
use crate::record::Record;

/// How long Helm may take for one hook of an uninstallation.
const LIMIT: Duration = Duration::from_mins(30);

/// From how many objects on they are deleted without waiting for what depends on each: the cluster's collector takes only
/// some twenty a second.
const MANY: usize = 30;

/// In which order objects and what depends on them go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cascade {
    /// Whoever depends on a workload goes first, so that it is gone only when its pods are.
    Foreground,
    /// At once; pods that are known are waited for.
    Background,
}

/// Uninstalls what was installed for an instance, and deletes what its hooks have left running. Claims stay, and are in the
/// record then; so does a namespace that was made.
pub(crate) async fn all(
    context: &Arc<Context>,
    instance: &InstanceId,
    record: &mut Record,
    how: How,
    pods: Option<&[Key]>,
) -> Result<(), DriverError> {
    let Some(note) = record.release.clone() else {
        return Ok(());
    };
    let (cluster, namespace) = (&context.cluster, record.namespace.clone());
    if !record.started && !note.job.is_empty() {
        // A Helm that an earlier session began may be at work.
        context.tool().await?.end(&note.job.as_str().into()).await;
    }
    let revisions = releases::revisions(cluster, &namespace, &note.name).await?;
    let mut claims = Vec::new();
    let mut hooks = note.hooks.clone();
    if let Some(last) = revisions.last() {
        let tool = context.tool().await?;
        claims = releases::keep_claims(cluster, &namespace, last).await?;
        // Those of a revision that failed are noted nowhere else.
        let of_last = last.read()?.hooks();
        let of_last = of_last.iter().map(|hook| Key {
            namespace: Key::of(hook).namespace.or_else(|| Some(namespace.clone())),
            ..Key::of(hook)
        });
        hooks.extend(of_last);
        hooks.sort();
        hooks.dedup();
        let of_operators = record.objects.iter().map(|one| &one.key);
        let mut of_operators =
            of_operators.filter(|key| delete::makes_others(key) && !key.is_workload());
        let has_unknown = pods.is_none() || of_operators.next().is_some();
        let cascade = if has_unknown && record.objects.len() <= MANY {
            Cascade::Foreground
        } else {
            Cascade::Background
        };
        release(&tool, cluster, &namespace, &note.name, how, cascade).await?;
        if !note.definitions.is_empty() {
            context.events.send(DriverEvent::Note {
                instance: instance.clone(),
                generation: record.generation,
                text: format!(
                    "leaves the definitions of its chart, as Helm does: {}",
                    note.definitions.join(", ")
                ),
            });
        }
    }
    let is_claim = |key: &Key| key.group.is_empty() && key.kind == "PersistentVolumeClaim";
    let gone = record
        .objects
        .iter()
        .filter(|one| !one.kept && !is_claim(&one.key));
    let gone: Vec<Key> = gone.map(|one| one.key.clone()).collect();
    delete::wait_until_gone(context, &gone).await?;
    delete::wait_until_gone(context, pods.unwrap_or_default()).await?;
    // What hooks have made is Helm's to leave behind, but not to leave running.
    let running: Vec<Key> = hooks.into_iter().filter(Key::is_workload).collect();
    delete::these(context, &running, how).await?;
    record.objects.retain(|one| one.kept);
    record.keep(&claims);
    record.release = None;
    Ok(())
}

/// Has Helm uninstall a release. One that is not there is none.
pub(crate) async fn release(
    tool: &Tool,
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    how: How,
    cascade: Cascade,
) -> Result<(), DriverError> {
    let limit = format!("{}s", LIMIT.as_secs());
    let mut words = vec![
        "uninstall",
        name,
        "--namespace",
        namespace,
        "--timeout",
        &limit,
    ];
    words.extend([
        "--cascade",
        match cascade {
            Cascade::Foreground => "foreground",
            Cascade::Background => "background",
        },
    ]);
    if how == How::Kill {
        words.push("--no-hooks");
    }
    let ask = Ask {
        limit: LIMIT.saturating_mul(2),
        ..Ask::quick(format!("helm uninstall {namespace} {name}"), &words)
    };
    let outcome = tool.run(ask).await?;
    if outcome.success() {
        return Ok(());
    }
    let error = failure("uninstall", &outcome, LIMIT);
    let there = releases::revisions(cluster, namespace, name).await?;
    if there.is_empty() {
        // Somebody else was faster, or it is gone in spite of what it says.
        return Ok(());
    }
    Err(error)
}

/// Has Helm go back to a revision.
pub(crate) async fn rollback(
    tool: &Tool,
    namespace: &str,
    name: &str,
    number: u32,
) -> Result<(), DriverError> {
    let (number, limit) = (number.to_string(), format!("{}s", LIMIT.as_secs()));
    let words = [
        "rollback",
        name,
        &number,
        "--namespace",
        namespace,
        "--timeout",
        &limit,
    ];
    let ask = Ask {
        limit: LIMIT.saturating_mul(2),
        ..Ask::quick(format!("helm rollback {namespace} {name}"), &words)
    };
    let outcome = tool.run(ask).await?;
    if outcome.success() {
        Ok(())
    } else {
        Err(failure("rollback", &outcome, LIMIT))
    }
}
