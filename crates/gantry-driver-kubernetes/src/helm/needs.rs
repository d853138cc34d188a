//! What must be there before a release is made: what is refused here has changed nothing.

use std::collections::BTreeMap;

use gantry_core::{FailureKind, InstanceId, ServiceName};
use gantry_driver::{Around, Described, DriverError, Missing, Need, Prerequisite};
use gantry_stack::modes::helm::HelmSpec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::kinds::UnknownKind;
use super::preview::{Rehearsal, Stage};
use super::tool::Tool;
use super::upgrade::spec;
use crate::cluster::{Choice, Cluster};
use crate::needs::{self, has_namespace, missing, prerequisite, share};
use crate::spec::choice_of;

/// What Helm says of an object whose kind the cluster does not know.
const NO_KIND: &str = "no matches for kind";

/// A need that only this driver can look for.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    helm: Wanted,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wanted {
    /// The program, in a version that works.
    Program(Choice),
    /// A release that may be made, of a chart that is there and can be rendered.
    Release {
        service: ServiceName,
        spec: Value,
        /// Whether others begin before it, which may define kinds.
        follows: bool,
    },
}

/// The needs of these services; what many share is named once.
pub(crate) fn of(services: &[(ServiceName, Described<'_>)]) -> Vec<Prerequisite> {
    let mut all: Vec<Prerequisite> = Vec::new();
    for (service, described) in services {
        let Ok(read) = spec(described.spec) else {
            continue;
        };
        let choice = choice_of(described.spec);
        share(&mut all, service, needs::cluster(choice.clone()), "context");
        needs::ways(&mut all, service, described.spec);
        share(
            &mut all,
            service,
            need("Helm", Wanted::Program(choice)),
            "helm",
        );
        for file in &read.values_files {
            let file = Need::File { path: file.clone() };
            all.push(prerequisite(service, file, "values-files"));
        }
        let release = Wanted::Release {
            service: service.clone(),
            spec: described.spec.clone(),
            follows: described.follows,
        };
        all.push(prerequisite(service, need("release", release), "chart"));
    }
    all
}

fn need(what: &str, helm: Wanted) -> Need {
    Need::Backend {
        what: what.into(),
        data: json!(Asked { helm }),
    }
}

/// Whether a need is met. One that is not ours is.
pub(crate) async fn examine(need: &Need, around: Around<'_>) -> Result<(), Missing> {
    let Need::Backend { data, .. } = need else {
        return Ok(());
    };
    let Ok(Asked { helm }) = Asked::deserialize(data) else {
        return Ok(());
    };
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let choice = match &helm {
        Wanted::Program(choice) => choice.clone(),
        Wanted::Release { spec, .. } => choice_of(spec),
    };
    // Without a cluster nothing is known, and its lack is said once.
    let connected = Cluster::connect(&choice, &environment, Some(around.host)).await;
    let Ok(cluster) = connected else {
        return Ok(());
    };
    let tool = Tool::find(around.host, &choice.tools, &cluster.aim).await;
    match (helm, tool) {
        (Wanted::Program(_), Err(error)) => Err(Missing {
            reason: error.to_string(),
            hint: Some("install Helm, or name it in `kubernetes.helm` or GANTRY_HELM".to_owned()),
        }),
        (Wanted::Program(_), Ok(_)) | (Wanted::Release { .. }, Err(_)) => Ok(()),
        (
            Wanted::Release {
                service,
                spec: all,
                follows,
            },
            Ok(tool),
        ) => {
            let Ok(spec) = spec(&all) else {
                return Ok(());
            };
            let instance = InstanceId::new(service, 0);
            let looked = may(&cluster, &tool, &instance, &spec, follows, around).await?;
            looked.map_err(|error| missing(&error))
        }
    }
}

/// Outer: what is missing, with a hint; inner: why it cannot be.
async fn may(
    cluster: &Cluster,
    tool: &Tool,
    instance: &InstanceId,
    spec: &HelmSpec,
    follows: bool,
    around: Around<'_>,
) -> Result<Result<(), DriverError>, Missing> {
    if !spec.values_files.iter().all(|file| file.is_file()) {
        // That is said by a need of its own.
        return Ok(Ok(()));
    }
    let namespace = spec.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| cluster.namespace.clone());
    // Who begins before it may make it.
    if !spec.create_namespace && !follows {
        has_namespace(cluster, &namespace).await?;
    }
    let rehearsal = Rehearsal::of(Stage {
        tool,
        cluster,
        stack: around.stack,
        instance,
        spec,
    });
    let rehearsal = match rehearsal.await {
        Ok(rehearsal) if rehearsal.is_stuck() => return Ok(Ok(())),
        Ok(rehearsal) => rehearsal,
        Err(error) => return Ok(Err(error)),
    };
    match rehearsal.rehearse().await {
        Ok(_) => Ok(Ok(())),
        Err(error) if error.reason.contains(NO_KIND) && !follows => {
            // A chart may bring its kinds along. What cannot be told now is told when the release is made.
            let unknown = rehearsal.unknown_kinds().await.unwrap_or_default();
            if unknown.is_empty() {
                return Ok(Ok(()));
            }
            let reasons: Vec<String> = unknown.iter().map(ToString::to_string).collect();
            let hints: Vec<String> = unknown.iter().filter_map(UnknownKind::hint).collect();
            Err(Missing {
                reason: reasons.join("; "),
                hint: (!hints.is_empty()).then(|| hints.join("; ")),
            })
        }
        Err(error) if may_pass(&error) => Ok(Ok(())),
        Err(error) => Ok(Err(error)),
    }
}

/// Whether what is wrong now may be right when it is its turn: what comes before it may define kinds and make namespaces.
fn may_pass(error: &DriverError) -> bool {
    const LATER: [&str; 4] = [
        NO_KIND,
        "could not find the requested resource",
        "failed calling webhook",
        "namespaces \"",
    ];
    error.kind != FailureKind::Permanent || LATER.iter().any(|it| error.reason.contains(it))
}
