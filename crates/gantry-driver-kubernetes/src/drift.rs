//! What others have changed of what we made, though nothing in the stack file differs.
//!
//! | an object | what is concluded |
//! |---|---|
//! | has the count of changes, or the version, with which we left it | nothing was changed, and nobody is asked |
//! | is gone | it is missing, unless it is one that ends and is cleared away |
//! | differs | the server is asked what would come of applying it again, for show: a field that would change was changed |
//! | differs in a field that somebody else has taken for his own | it is his: an `up` does not fight for it |
//! | of a release, of a kind that Helm compares only with its own notes | nothing: an upgrade would not change it back |
//! | of a release whose newest revision is not ours | somebody else upgraded it |
//! | of a release that went back to an earlier revision | the stack file says something else |
//!
//! Who owns which field is known of what was applied by the server: of manifests, and of releases that Helm 4 has made. A
//! release of Helm 3 is Helm's as a whole. `gantry diff` tells whose a field is.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use gantry_core::{Generation, InstanceId};
use gantry_driver::{DriverError, Recorded};
use kube::api::{ListParams, PatchParams};
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};
use tokio_util::sync::CancellationToken;

use crate::apply::{AT_ONCE, Apply, runs_once};
use crate::cluster::{MANAGER, trouble};
use crate::context::Context;
use crate::helm::conclude::in_place;
use crate::helm::release;
use crate::object::Key;
use crate::preview::{Live, compared_with_live};
use crate::record::{Mode, Record};
use crate::spec::Spec;
use crate::view::{Scope, View};

/// What of an instance is not as it was left, by what is seen.
#[derive(Debug)]
pub(crate) struct Suspects {
    instance: InstanceId,
    record: Record,
    gone: Vec<Key>,
    changed: Vec<Key>,
}

/// Compares what is seen with what was left.
pub(crate) fn suspects(instance: &InstanceId, record: &Record, view: &View) -> Suspects {
    let mut found = Suspects {
        instance: instance.clone(),
        record: record.clone(),
        gone: Vec::new(),
        changed: Vec::new(),
    };
    for one in record.objects.iter().filter(|one| !one.kept) {
        let (Some(left), true) = (one.left, view.knows(&Scope::of(&one.key))) else {
            continue;
        };
        let Some(object) = view.get(&one.key) else {
            if !is_cleared_away(&one.key) {
                found.gone.push(one.key.clone());
            }
            continue;
        };
        let metadata = &object["metadata"];
        let generation = metadata["generation"].as_i64();
        let version = metadata["resourceVersion"].as_str();
        let same = match left.generation {
            Some(count) => generation == Some(count),
            None => version.and_then(|it| it.parse().ok()) == Some(left.version),
        };
        if !same && !runs_once(object) {
            found.changed.push(one.key.clone());
        }
    }
    found
}

/// Jobs may be removed once they are through, and pods come and go.
fn is_cleared_away(key: &Key) -> bool {
    matches!(key.kind.as_str(), "Job" | "Pod")
}

/// What would be done about each, in words.
pub(crate) async fn found(
    context: &Arc<Context>,
    about: &[(InstanceId, Recorded)],
    suspects: Vec<Suspects>,
) -> Result<Vec<(InstanceId, SmolStr)>, DriverError> {
    let newest = match context.mode {
        Mode::Releases => newest_revisions(context, &suspects).await?,
        Mode::Manifests => HashMap::new(),
    };
    let looks = suspects.into_iter().map(|suspects| {
        let from = about.iter().find(|(id, _)| *id == suspects.instance);
        let from = from.map(|(_, from)| from.clone());
        let newest = &newest;
        async move {
            let word = word(context, from, &suspects, newest).await?;
            Ok::<_, DriverError>(word.map(|word| (suspects.instance, word)))
        }
    });
    let looks: Vec<_> = looks.collect();
    let found: Vec<Option<_>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The newest revision of each release, by namespace and name.
type Newest = HashMap<(String, String), u32>;

async fn word(
    context: &Arc<Context>,
    from: Option<Recorded>,
    suspects: &Suspects,
    newest: &Newest,
) -> Result<Option<SmolStr>, DriverError> {
    let Some(from) = from else { return Ok(None) };
    let record = &suspects.record;
    if let Some(note) = &record.release {
        if let Some(number) = note.back_to {
            return Ok(Some(format_smolstr!("revision (back at {number})")));
        }
        let now = newest.get(&(record.namespace.clone(), note.name.clone()));
        if let Some(now) = now.filter(|now| **now != note.revision) {
            return Ok(Some(format_smolstr!("revision ({now} is somebody else's)")));
        }
    }
    if let Some(gone) = suspects.gone.first() {
        return Ok(Some(match suspects.gone.len() {
            1 => format_smolstr!("{} (deleted)", gone.short()),
            more => format_smolstr!("{} (deleted, and {} more)", gone.short(), more - 1),
        }));
    }
    if suspects.changed.is_empty() {
        return Ok(None);
    }
    let wanted = wanted(context, from, suspects).await?;
    for (key, object) in wanted.objects {
        let parameters = PatchParams::apply(MANAGER);
        let parameters = if wanted.owned {
            parameters
        } else {
            parameters.force()
        };
        match compared_with_live(context, &key, &object, parameters).await? {
            Live::Differs(fields) if !fields.is_empty() => {
                let more = match fields.len() {
                    1 => String::new(),
                    all => format!(" and {} more", all - 1),
                };
                let word = format_smolstr!("{} ({}{more})", key.short(), fields[0].path);
                return Ok(Some(word));
            }
            Live::Absent => {
                return Ok(Some(format_smolstr!("{} (deleted)", key.short())));
            }
            Live::Differs(_) | Live::Refused(_) => {}
        }
    }
    Ok(None)
}

/// Those that may have changed, as they should be.
struct Wanted {
    objects: Vec<(Key, Value)>,
    /// Whether it is known whose each field is.
    owned: bool,
}

async fn wanted(
    context: &Arc<Context>,
    from: Recorded,
    suspects: &Suspects,
) -> Result<Wanted, DriverError> {
    let mut owned = true;
    let record = &suspects.record;
    let namespace = &record.namespace;
    let mut all = Vec::new();
    match context.mode {
        Mode::Manifests => {
            let spec = Spec::read(&from.spec)?;
            let apply = Apply {
                context: Arc::clone(context),
                instance: suspects.instance.clone(),
                generation: Generation::default(),
                from,
                before: None,
                cancelled: CancellationToken::new(),
            };
            let mut objects = apply.objects(&spec).await?;
            apply.complete(&mut objects, namespace, &spec).await?;
            all.extend(objects.into_iter().map(|object| (Key::of(&object), object)));
        }
        Mode::Releases => {
            let name = record.release.as_ref().map_or("", |it| &it.name);
            let revisions = release::revisions(&context.cluster, namespace, name).await?;
            let Some(last) = revisions.last() else {
                return Ok(Wanted {
                    objects: all,
                    owned,
                });
            };
            let release = last.read()?;
            owned = release.is_applied_by_server();
            for mut object in release.objects() {
                let key = in_place(context, &object, namespace).await?;
                // Helm compares only kinds that it knows itself with what is in the cluster.
                if owned || key.is_built_in() {
                    if let Some(namespace) = &key.namespace {
                        object["metadata"]["namespace"] = namespace.as_str().into();
                    }
                    all.push((key, object));
                }
            }
        }
    }
    all.retain(|(key, _)| suspects.changed.iter().any(|one| one.is_same(key)));
    Ok(Wanted {
        objects: all,
        owned,
    })
}

/// Asked once for each namespace, without what is in the releases.
async fn newest_revisions(context: &Context, suspects: &[Suspects]) -> Result<Newest, DriverError> {
    let mut namespaces: Vec<&String> = suspects.iter().map(|it| &it.record.namespace).collect();
    namespaces.sort();
    namespaces.dedup();
    let mut newest = Newest::new();
    for namespace in namespaces {
        let parameters = ListParams::default().labels("owner=helm");
        let listed = release::api(&context.cluster, namespace)
            .list_metadata(&parameters)
            .await;
        let listed = listed.map_err(|error| trouble("release", &error))?;
        for item in listed.items {
            let labels = item.metadata.labels.unwrap_or_default();
            let number = labels.get("version").and_then(|it| it.parse::<u32>().ok());
            let (Some(name), Some(number)) = (labels.get("name"), number) else {
                continue;
            };
            let of = newest.entry((namespace.clone(), name.clone())).or_default();
            *of = number.max(*of);
        }
    }
    Ok(newest)
}
