//! What must be there before a release is made: what is refused here has changed nothing.

use std::collections::BTreeMap;

use gantry_core::{FailureKind, InstanceId, ServiceName};
use gantry_driver::{Around, Described, DriverError, Missing, Need, Prerequisite};
use gantry_stack::modes::helm::HelmSpec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::check::Known;
use super::release;
use super::tool::Tool;
use super::upgrade::{name_of, spec};
use super::{fetch, preview, words};
use crate::cluster::{Choice, Cluster};
use crate::needs::{self, has_namespace, missing, prerequisite, share};
use crate::record::{self, Mode};
use crate::spec::choice_of;

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
    Release { service: ServiceName, spec: Value },
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
        (Wanted::Release { service, spec: all }, Ok(tool)) => {
            let Ok(spec) = spec(&all) else {
                return Ok(());
            };
            let instance = InstanceId::new(service, 0);
            let looked = may(&cluster, &tool, &instance, &spec, around).await?;
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
    around: Around<'_>,
) -> Result<Result<(), DriverError>, Missing> {
    if !spec.values_files.iter().all(|file| file.is_file()) {
        // That is said by a need of its own.
        return Ok(Ok(()));
    }
    let namespace = spec.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| cluster.namespace.clone());
    if !spec.create_namespace {
        has_namespace(cluster, &namespace).await?;
    }
    Ok(async {
        let release = name_of(spec, instance);
        let record = record::read(around.stack, Mode::Releases, instance);
        let revisions = release::revisions(cluster, &namespace, &release).await?;
        let known = Known {
            stack: around.stack,
            instance,
            spec,
            release: &release,
            namespace: &namespace,
            record: record.as_ref(),
            revisions: &revisions,
        };
        known.before()?;
        let service = instance.service.as_str();
        let chart = fetch::fetch(tool, around.stack, service, spec, false).await?;
        let stuck = revisions.last().is_some_and(release::Revision::is_pending);
        if stuck {
            // Helm would not even rehearse it.
            return Ok(());
        }
        let upgrade = words::Upgrade {
            spec,
            release: &release,
            namespace: &namespace,
            chart: chart.path.as_str(),
            labels: record::label_pairs(around.stack, instance).to_vec(),
            limit: std::time::Duration::from_mins(5),
        };
        match preview::rehearse(tool, &upgrade, service).await {
            Ok(_) => Ok(()),
            Err(error) if may_pass(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
    .await)
}

/// Whether what is wrong now may be right when it is its turn: what comes before it may define kinds and make namespaces.
fn may_pass(error: &DriverError) -> bool {
    const LATER: [&str; 4] = [
        "no matches for kind",
        "could not find the requested resource",
        "failed calling webhook",
        "namespaces \"",
    ];
    error.kind != FailureKind::Permanent || LATER.iter().any(|it| error.reason.contains(it))
}
